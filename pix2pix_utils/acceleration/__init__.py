"""Faster training with the same result: convolutions, precision, graphs, several processes."""
