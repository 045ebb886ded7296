"""What a run will cost, before any of it is run."""
