"""Lite parts made from trained weights: a small decoder and a small encoder that learn what the large ones answer."""
