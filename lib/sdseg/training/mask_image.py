"""Masks as the autoencoder sees them."""

from __future__ import annotations

import torch


def mask_to_image(masks: torch.Tensor) -> torch.Tensor:
    """(batch, 1, i, j) label values -> (batch, 3, i, j) float32, -1 outside and 1 inside (paper, section 2.1)."""
    return ((masks > 0).float() * 2 - 1).expand(-1, 3, -1, -1)
