"""Beam runners of a build: profiles, checks, and Beam on dask."""
