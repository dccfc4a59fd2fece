"""Inference and training as jobs of a server that never blocks."""
