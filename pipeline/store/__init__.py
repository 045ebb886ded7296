"""The ground: what lies on disk and what all things are named by."""
