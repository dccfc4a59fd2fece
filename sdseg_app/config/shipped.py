"""Weights that come with the project."""

from pathlib import Path

_SAMPLES = Path(__file__).resolve().parents[2] / "sample-data" / "weights"

SHIPPED = {"sdseg": _SAMPLES / "brain-small", "unet": _SAMPLES / "brain-unet"}
"""Model -> its weights folder."""
