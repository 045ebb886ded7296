"""Models to and from Hugging Face's format, exactly: one module for each family."""
