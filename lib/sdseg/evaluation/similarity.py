"""How alike two predictions look as pictures: PSNR, SSIM and MS-SSIM (MONAI), LPIPS (the package lpips)."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from monai.metrics import MultiScaleSSIMMetric, SSIMMetric

from sdseg.errors import InputError, WeightsError

SMALLEST_FOR_MS_SSIM = 176  # pixels: the fifth scale is a sixteenth and must hold the window of 11
_SMALLEST_FOR_SSIM = 11


class Similarity(Protocol):
    """(n, 1, rows, columns) in [0, 1], twice -> (n,); None where the images are too small for it."""

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor | None: ...


def mean_squared_error(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """(n, 1, rows, columns) twice -> (n,)."""
    return (first - second).square().mean(dim=(1, 2, 3))


def psnr(error: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio in dB of mean squared errors, peak 1; infinite for an error of 0."""
    return -10 * torch.log10(error)


def ssim(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor | None:
    """Structural similarity, Gaussian window of 11 pixels, data range 1."""
    if min(first.shape[2:]) < _SMALLEST_FOR_SSIM:
        return None
    return SSIMMetric(spatial_dims=2, data_range=1.0, reduction="none")(y_pred=first, y=second).flatten()


def ms_ssim(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor | None:
    """The same over five scales."""
    if min(first.shape[2:]) < SMALLEST_FOR_MS_SSIM:
        return None
    return MultiScaleSSIMMetric(spatial_dims=2, data_range=1.0, reduction="none")(y_pred=first, y=second).flatten()


def load_lpips(weights: Path) -> Similarity:
    """LPIPS with an AlexNet backbone, from the package `lpips`, which has to be installed with torchvision.

    Args:
        weights: `torch.save(lpips.LPIPS(net="alex").state_dict(), file)`, made where the backbone can be had.

    Raises:
        InputError: the package is missing.
        WeightsError: the file is missing or holds other weights.
    """
    try:
        package = importlib.import_module("lpips")
    except (ImportError, RuntimeError) as error:  # torchvision beside another build of torch is a RuntimeError
        raise InputError(
            f"LPIPS needs the package lpips ({error}); install it or leave --lpips-weights out."
        ) from error
    network = package.LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False)
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).strip().splitlines()[0]
        raise WeightsError(f"{weights} does not hold the weights of lpips.LPIPS(net='alex') ({reason}).") from error
    return _as_similarity(network.eval().requires_grad_(False))


def _as_similarity(network: Callable[..., torch.Tensor]) -> Similarity:
    def lpips(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        colours = (image.expand(-1, 3, -1, -1) for image in (first, second))
        return network(*colours, normalize=True).flatten()

    return lpips
