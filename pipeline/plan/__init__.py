"""What a build will cost, before any of it is run."""
