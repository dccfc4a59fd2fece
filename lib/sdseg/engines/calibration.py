"""The slices that a quantised engine is calibrated with: of the kind that will be segmented."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from monai.transforms import Compose

from sdseg.errors import InputError
from sdseg.model.card import ModelCard
from sdseg.volume.load import load_failures
from sdseg.volume.recipe import Recipe
from sdseg.volume.slices import to_slices, to_three_channels

MOST = 64  # slices; more change nothing and cost minutes at the paper's size
_SAMPLE = Path(__file__).resolve().parents[3] / "sample-data" / "dicom"


def calibration_slices(sources: Sequence[Path], recipe: Recipe, modality: str | None = None) -> torch.Tensor:
    """Evenly spaced slices of images, (at most 64, 3, rows, columns) in [-1, 1].

    Args:
        sources: DICOM folders, NIfTI, NRRD or pictures.
        recipe: of the model's card.
        modality: see `Recipe.transforms`.

    Raises:
        InputError: there are none, or one cannot be read or is of another modality.
    """
    if not sources:
        raise InputError("There is no image to calibrate with; name some of the kind that will be segmented.")
    share = -(-MOST // len(sources))
    found = [_spread(_load(source, recipe, modality), share) for source in sources[: MOST * 4]]
    return _spread(torch.cat(found), MOST)


def sample_slices(size: int) -> torch.Tensor:
    """Of the sample brain that comes with the repository, (64, 3, rows, columns) in [-1, 1].

    Raises:
        InputError: it is not there, as in an installed package.
    """
    if not _SAMPLE.is_dir():
        raise InputError(
            "An int8 engine is calibrated with slices, and the sample's are not installed here; choose another engine, "
            "or give slices of your own."
        )
    return calibration_slices([_SAMPLE], Recipe(size))


def fits_the_sample(card: ModelCard) -> bool:
    """Whether a model segments what the sample shows, the brain in MR, so that its slices are of the right kind."""
    return set(card.labels) == {"brain"} and "MR" in card.recipe.windows


def _load(source: Path, recipe: Recipe, modality: str | None) -> torch.Tensor:
    with load_failures(source):
        data: dict[str, Any] = Compose(recipe.transforms(source, modality))({"image": source})
    return to_three_channels(to_slices(data["image"]))


def _spread(slices: torch.Tensor, count: int) -> torch.Tensor:
    wanted = torch.linspace(0, len(slices) - 1, min(count, len(slices))).round().long()
    return slices[wanted].contiguous()
