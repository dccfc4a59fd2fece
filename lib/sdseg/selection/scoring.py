"""Scores of slices and of whole images: one encoder pass, and for each noise one pass of U-Net and decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose

from sdseg.errors import InputError
from sdseg.inference.segmenter import Segmenter
from sdseg.inference.uncertainty import MOST_NOISES
from sdseg.model.batching import slices_at_a_time
from sdseg.model.slice_model import SliceModel
from sdseg.selection.score import Embedding, Score
from sdseg.selection.tally import Tally
from sdseg.selection.views import View, draws_noise, view_of
from sdseg.volume.load import load_failures
from sdseg.volume.slices import to_slices, to_three_channels

Progress = Callable[[int, int], None]


def score_slices(
    pipeline: SliceModel,
    images: torch.Tensor,
    noises: int = 5,
    seed: int = 0,
    batch_size: int = 8,
    progress: Progress | None = None,
) -> list[Score]:
    """A score for each slice.

    Args:
        pipeline: SDSeg's or a rival's, in evaluation mode.
        images: (slices, 1 or 3, i, j) in [-1, 1].
        noises: over how many the uncertainty is measured, those of `seed`, `seed` + 1 ...; 0 gives embeddings alone.
            A network that draws no noise runs once.
        seed: of the first noise.
        batch_size: slices at a time; does not change the result but for rounding.
        progress: called before each pass over a batch, and at the end, with (passes done, passes); raise from it to
            stop.

    Raises:
        InputError: the uncertainty cannot be measured over so many noises.
    """
    parts = _parts(pipeline, images, noises, seed, batch_size, progress)
    return [Score(tally.uncertainty if tally else None, _unit(embedding)) for embedding, tally in parts]


def score_image(
    segmenter: Segmenter, source: Path, noises: int = 5, seed: int = 0, progress: Progress | None = None
) -> Score:
    """The score of a whole series, volume or picture, on the model's grid: counts of all slices together, so that the
    uncertainty is that of the volume, and the mean of the slices' embeddings.

    Args:
        segmenter: the loaded model.
        source: a DICOM folder, NIfTI, NRRD or picture.
        noises, seed, progress: see `score_slices`.

    Raises:
        InputError: it cannot be read, is unsafe (`GeometryError`) or of another modality.
    """
    steps = segmenter.pre_transforms(source)
    with load_failures(source):
        data: dict[str, Any] = Compose(steps)({"image": source})
    model = segmenter.pipeline
    parts = list(_parts(model, to_slices(data["image"]), noises, seed, slices_at_a_time(model), progress))
    tallies = [tally for _, tally in parts if tally is not None]
    embedding = _unit(np.mean([embedding for embedding, _ in parts], axis=0))
    return Score(reduce(add, tallies).uncertainty if tallies else None, embedding)


def _parts(
    model: SliceModel,
    images: torch.Tensor,
    noises: int,
    seed: int,
    batch_size: int,
    progress: Progress | None,
) -> Iterator[tuple[Embedding, Tally | None]]:
    """Embedding and tally of each slice; no tally where there is no noise to measure over."""
    if noises != 0 and not 2 <= noises <= MOST_NOISES:
        raise InputError(f"Images can be scored over 2 to {MOST_NOISES} noises, or over none, not {noises}.")
    view, runs = view_of(model), noises if draws_noise(model) else min(noises, 1)
    batches = images.split(batch_size)
    passes = _Passes(progress, len(batches) * (1 + runs))
    for batch in batches:
        passes.next()
        seen = view(to_three_channels(batch))
        tallies = _tallies(model, seen, noises, seed, passes)
        yield from zip(seen.embeddings().numpy(), tallies or [None] * len(batch), strict=True)
    passes.next()


class _Passes:
    """Tells, before each, how many there were."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def next(self) -> None:
        if self._progress:
            self._progress(self._done, self._total)
        self._done += 1


def _tallies(model: SliceModel, view: View, noises: int, seed: int, passes: _Passes) -> Sequence[Tally | None]:
    """One a slice, [] over no noises."""
    random, runs = draws_noise(model), view.probabilities(noises, seed)
    counts: torch.Tensor | None = None
    for _ in range(noises if random else min(noises, 1)):
        passes.next()
        probability = next(runs)
        found = _masks(probability) if random else _foreground(probability)
        counts = found if counts is None else counts + found
    if counts is None:
        return []
    held, squares = (sums.flatten(2).sum(dim=2, dtype=torch.float64).numpy() for sums in (counts, counts.square()))
    return [Tally(*sums, noises if random else None) for sums in zip(held, squares, strict=True)]


def _masks(probability: torch.Tensor) -> torch.Tensor:
    """1 where a structure lies, (batch, structures, i, j) float32 on the CPU, cut as `Segmenter.to_labelmap` cuts."""
    if probability.shape[1] == 1:
        return (probability > 0.5).float().cpu()
    classes = torch.arange(1, probability.shape[1], device=probability.device).view(1, -1, 1, 1)
    return (probability.argmax(dim=1, keepdim=True) == classes).float().cpu()


def _foreground(probability: torch.Tensor) -> torch.Tensor:
    """The probabilities of the structures, without the background, where one of several is told."""
    return (probability if probability.shape[1] == 1 else probability[:, 1:]).float().cpu()


def _unit(vector: Embedding) -> Embedding:
    length = float(np.linalg.norm(vector))
    return (vector / length if length else vector).astype(np.float32)
