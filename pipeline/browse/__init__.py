"""`webtext browse`: a corpus and its training runs as web pages on this machine, read-only."""
