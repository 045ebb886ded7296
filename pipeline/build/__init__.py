"""Builds a corpus: the recipe, what is stale, and in what order it is made."""
