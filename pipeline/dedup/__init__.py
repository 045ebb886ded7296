"""Duplicates: exact and near, verified, each removed document with the one kept for it."""
