"""Passages: runs of words that a page shares with another one, though the pages differ."""
