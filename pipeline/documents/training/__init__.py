"""Training of the extractor on pages whose main text is known: `webtext train-extractor`."""
