"""The main text of a page of any kind: a choice among its blocks of text (`docs/extraction.md`)."""
