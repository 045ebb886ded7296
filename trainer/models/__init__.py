"""Models: plain `torch.nn.Module`s, readable from top to bottom."""
