"""What a model does with some validation slices while it is trained: a figure and a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sdseg.model.slice_model import SliceModel
from sdseg.training.config import PreviewConfig
from sdseg.training.journal import Journal
from sdseg.training.slices import SliceStack
from sdseg.training.validate import foreground_dice, predict_foreground

_WANTED, _FOUND = (0, 194, 255), (255, 176, 0)


class Preview:
    """Scores and draws the same slices each time.

    Args:
        stage: its name in the log.
        model: being trained.
        stack: validation slices.
        config: how many.
        journal: told the Dice, and shown the picture.
        folder: where pictures are kept.
    """

    def __init__(
        self, stage: str, model: SliceModel, stack: SliceStack, config: PreviewConfig, journal: Journal, folder: Path
    ) -> None:
        self._stage = stage
        self._model = model
        self._stack = stack.evenly(config.slices)
        self._drawn = self._most_labelled(config.pictures)
        self._journal = journal
        self._folder = folder

    def __call__(self, step: int) -> None:
        """Validate at `step`, the model holding its averaged weights."""
        found = predict_foreground(self._model, self._stack)
        dice = foreground_dice(found, self._stack.masks > 0)
        if dice is not None:
            self._journal.note(self._stage, step, {"validation_dice": round(dice, 5)})
        picture = np.concatenate([self._row(index, found[index]) for index in self._drawn])
        self._folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(self._folder / f"step-{step:07d}.png")
        self._journal.show(self._stage, step, picture)

    def _most_labelled(self, count: int) -> list[int]:
        """Slices that show something, in their order."""
        area = (self._stack.masks > 0).flatten(1).sum(dim=1)
        shown = torch.nonzero(area)[:, 0] if area.any() else torch.arange(len(area))
        return shown[torch.linspace(0, len(shown) - 1, min(count, len(shown))).round().long()].tolist()

    def _row(self, index: int, found: torch.Tensor) -> np.ndarray:
        """Image, mask (blue) and prediction (orange) beside each other; (rows, columns, 3) uint8."""
        image = ((self._stack.images[index].expand(3, -1, -1) + 1) * 127.5).byte().permute(2, 1, 0).numpy()
        wanted = self._stack.masks[index, 0].T.numpy() > 0
        return np.concatenate([image, _tint(image, wanted, _WANTED), _tint(image, found[0].T.numpy(), _FOUND)], axis=1)


def _tint(image: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    result = image.copy()
    result[mask] = (0.5 * image[mask] + 0.5 * np.array(colour)).astype(np.uint8)
    return result
