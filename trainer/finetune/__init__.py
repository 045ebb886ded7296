"""Fine-tuning an encoder: classes, numbers, choices and spans; and what comes of it, used."""
