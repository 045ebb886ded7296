"""Fine-tuning an encoder to classify sentences or pairs."""
