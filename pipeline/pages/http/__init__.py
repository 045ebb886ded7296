"""The crawler's HTTP client: guarded connections, tolerant answers, cookies of one chain."""
