"""Token shards as a stream of training samples whose place follows from a number."""
