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
    """

    compact: CompactLabelmap
    affine: npt.NDArray[np.float64]
    labels: dict[str, int]
    seconds: dict[str, float] = field(default_factory=dict)
    corrections: tuple[str, ...] = ()
    series: Series | None = None

    @property
    def labelmap(self) -> npt.NDArray[np.uint8]:
        """(i, j, k) uint8, unpacked anew each time: a byte a voxel."""
        return self.compact.array()

    @property
    def is_empty(self) -> bool:
        """True where the model found nothing at all."""
        return self.compact.is_empty

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
    clock = Clock()
    enter("load")
    with load_failures(source), clock.of(LOAD):
        image, axis, flipped = open_source(source, series_instance_uid, segmenter.card.recipe.orientation)
        steps = settled(segmenter.card.recipe.steps(source, modality), image)
    enter("model")
    labelmap, total = CompactLabelmap(image.size), image.size[axis]
    for first in range(0, total, batch_size):
        last = min(first + batch_size, total)
        start, stop = (total - last, total - first) if flipped else (first, last)
        with load_failures(source), clock.of(LOAD):
            part = Compose(steps)({"image": part_of(image, axis, start, stop)})["image"]
        if part.shape[-1] != stop - start:
            raise GeometryError("The slices of the image could not be told from its rows; please report its header.")
        with clock.of(MODEL):
            probability = segmenter.predict(part, seed, batch_size)
        with clock.of(RESTORE):
            labelmap.put(segmenter.to_labelmap(invert(steps, part, probability)), axis, start)
        if progress:
            progress(last, total)
    labels, told = dict(segmenter.card.labels), corrections_of(image)
    return StreamedResult(labelmap, image.affine, labels, clock.seconds, told, image.series)


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
