"""Runners: what carries a build, from one process to a cluster."""
