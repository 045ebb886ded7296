"""The folder of a run: facts, checkpoints, logs, and what is read off them."""
