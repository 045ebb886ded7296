"""Evaluation tasks by files: one class each, by the entry points `webtext.tasks`."""
