"""Text classifiers in files as columns: fastText, ONNX, and what other distributions add."""
