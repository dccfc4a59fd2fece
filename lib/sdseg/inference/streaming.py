"""From an image to its labelmap a few slices at a time: read, prepared, segmented, brought back and cut."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from monai.transforms import Compose, Transform

from sdseg.dicom.series import Series
from sdseg.errors import GeometryError
from sdseg.volume.compact import CompactLabelmap
from sdseg.volume.image_source import ImageSource, corrections_of, open_source, part_of
from sdseg.volume.load import load_failures
from sdseg.volume.recipe import invert
from sdseg.volume.series_reader import IS_PICTURE
from sdseg.volume.window import SettledWindowd, WindowByModalityd

if TYPE_CHECKING:
    from sdseg.inference.segmenter import Segmenter, SliceProgress

LOAD, MODEL, RESTORE = "load and preprocess", "model", "back to the source grid"


@dataclass(frozen=True)
class StreamedResult:
    """What a segmentation gives whose probabilities nobody asked for.

    Attributes:
        compact: the labelmap, compressed, on the source's voxel grid.
        affine: (4, 4) voxel index to RAS millimetres.
        labels: structure name -> value in the labelmap.
        seconds: time of each step.
        corrections: what the geometry gate evened out in a DICOM series, a sentence each, for the user.
        series: the DICOM series, whose headers a SEG is made of; None for other images.
        left_out: slices that the region of the model's card left out, of `model_slices`.
        model_slices: as the model sees them.
    """

    compact: CompactLabelmap
    affine: npt.NDArray[np.float64]
    labels: dict[str, int]
    seconds: dict[str, float] = field(default_factory=dict)
    corrections: tuple[str, ...] = ()
    series: Series | None = None
    left_out: int = 0
    model_slices: int = 1

    @property
    def labelmap(self) -> npt.NDArray[np.uint8]:
        """(i, j, k) uint8, unpacked anew each time: a byte a voxel."""
        return self.compact.array()

    @property
    def is_empty(self) -> bool:
        """True where the model found nothing at all."""
        return self.compact.is_empty

    @property
    def slices(self) -> int:
        """Of the source."""
        return self.compact.shape[0]

    def count(self, value: int) -> int:
        """Voxels of a value of the labelmap."""
        return int(self.compact.counts[value])


def stream(
    segmenter: Segmenter,
    source: Path,
    modality: str | None = None,
    seed: int = 0,
    batch_size: int = 8,
    progress: SliceProgress | None = None,
    series_instance_uid: str | None = None,
    enter: Callable[[str], None] = lambda stage: None,
) -> StreamedResult:
    """The labelmap of `Segmenter.segment`, bit for bit, in memory that hardly grows with the number of slices.

    Arguments and errors as there; `enter` is called with load and model. Pixels of a large series are decoded as
    they are needed, so that damaged ones may be found, and refused, only after some slices were segmented.
    """
    enter("load")
    opened = Stream(segmenter, source, modality, series_instance_uid)
    enter("model")
    return opened.run(seed, batch_size, progress)


class Stream:
    """An image that is ready to be segmented a few slices at a time: it passed the gate, and has its windows.

    Args:
        segmenter, source, modality, series_instance_uid: see `stream`.
    """

    def __init__(
        self, segmenter: Segmenter, source: Path, modality: str | None = None, series_instance_uid: str | None = None
    ) -> None:
        self._segmenter, self._source, self._clock, self._left_out = segmenter, source, Clock(), 0
        recipe = segmenter.card.recipe
        with load_failures(source), self._clock.of(LOAD):
            self._image, self._axis, self._flipped = open_source(source, series_instance_uid, recipe.orientation)
            self._steps = settled(recipe.steps(source, modality), self._image)

    @property
    def slices(self) -> int:
        """How many the model sees."""
        return self._image.size[self._axis]

    def run(self, seed: int = 0, batch_size: int = 8, progress: SliceProgress | None = None) -> StreamedResult:
        """Segment all slices; arguments and errors as for `stream`."""
        labelmap, total = CompactLabelmap(self._image.size), self.slices
        self._left_out = 0
        for first in range(0, total, batch_size):
            last = min(first + batch_size, total)
            start, stop = (total - last, total - first) if self._flipped else (first, last)
            labels = self._labels(start, stop, seed, batch_size)
            with self._clock.of(RESTORE):
                labelmap.put(labels, self._axis, start)
            if progress:
                progress(last, total)
        names, told = dict(self._segmenter.card.labels), corrections_of(self._image)
        return StreamedResult(
            labelmap, self._image.affine, names, self._clock.seconds, told, self._image.series, self._left_out, total
        )

    def _labels(self, start: int, stop: int, seed: int, batch_size: int) -> npt.NDArray[np.uint8]:
        """The labels of a part of the image, (i, j, k)."""
        with load_failures(self._source), self._clock.of(LOAD):
            part = Compose(self._steps)({"image": part_of(self._image, self._axis, start, stop)})["image"]
        if part.shape[-1] != stop - start:
            raise GeometryError("The slices of the image could not be told from its rows; please report its header.")
        with self._clock.of(MODEL):
            self._left_out += self._segmenter.left_out(part)
            probability = self._segmenter.predict(part, seed, batch_size)
        with self._clock.of(RESTORE):
            return self._segmenter.to_labelmap(invert(self._steps, part, probability))


def settled(steps: list[Transform], image: ImageSource) -> list[Transform]:
    """The steps with a window by percentiles of the volume replaced by its values; of pictures each has its own.

    Raises InputError: there is no window for the image.
    """
    return [_settled(step, image) if isinstance(step, WindowByModalityd) else step for step in steps]


def _settled(step: WindowByModalityd, image: ImageSource) -> Transform:
    window = step.window_of(image)
    if window.kind == "range" or image.meta.get(IS_PICTURE):
        return step
    return SettledWindowd(step.keys, *image.percentiles(window.low, window.high))


class Clock:
    """Adds up the seconds of steps that come again and again."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys((LOAD, MODEL, RESTORE), 0.0)

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        """Count the block to `step`."""
        start = time.perf_counter()
        yield
        self.seconds[step] += time.perf_counter() - start
