"""The settings of a run: one class a section of its recipe."""
