"""Several classes as the authors do it: one pass a class, its id embedded beside the time; then softmax.

Class 0 is the background. The authors train its pass on the foreground (the classes present in a slice, as one), so
its map is negated before the classes are compared.
"""

from __future__ import annotations

import torch


def pair_with_classes(latent: torch.Tensor, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Every slice with every class id, slice-major.

    Args:
        latent: (batch, channels, rows, columns).
        classes: number of classes with the background.

    Returns:
        (batch * classes, channels, rows, columns) and the class ids, (batch * classes,).
    """
    ids = torch.arange(classes, device=latent.device).repeat(len(latent))
    return latent.repeat_interleave(classes, dim=0), ids


def class_maps(means: torch.Tensor, classes: int) -> torch.Tensor:
    """The maps that are compared, from the mean over the decoder's channels.

    Args:
        means: (batch * classes, 1, rows, columns), slice-major.
        classes: number of classes with the background.

    Returns:
        (batch, classes, rows, columns), class 0 negated.
    """
    maps = means.squeeze(1).unflatten(0, (-1, classes)).clone()
    maps[:, 0].neg_()
    return maps
