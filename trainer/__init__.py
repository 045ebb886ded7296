"""WebText's trainer: language models on the token shards of a corpus, with PyTorch."""
