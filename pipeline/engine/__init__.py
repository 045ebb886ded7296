"""How work is carried: stages, the sink, progress, runners."""
