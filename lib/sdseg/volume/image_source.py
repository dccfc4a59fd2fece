"""An image of which a part can be had at a time, so that the whole never lies in memory as float32."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Compose
from monai.transforms.utils_pytorch_numpy_unification import percentile
from monai.utils import MetaKeys

from sdseg.dicom.files import is_series
from sdseg.dicom.header import integer
from sdseg.dicom.pixels import stored_values, values_from
from sdseg.dicom.series import Series, load_series
from sdseg.volume.orient import slice_axis
from sdseg.volume.percentiles import percentiles
from sdseg.volume.recipe import read_steps
from sdseg.volume.series_reader import CORRECTIONS, meta_data

HELD = 2**27
"""Bytes of stored values up to which a series is decoded once and held; a larger one is decoded slice by slice."""
Part = slice


class ImageSource(Protocol):
    """An image (channel, i, j, k); for DICOM i, j, k are column, row and slice.

    Attributes:
        size: (i, j, k).
        affine: (4, 4), voxel index to RAS mm.
        meta: what MONAI keeps about it.
        series: the DICOM series it is, None for other images.
    """

    size: tuple[int, int, int]
    affine: npt.NDArray[np.float64]
    meta: dict[str, Any]
    series: Series | None

    def values(self, axis: int, start: int, stop: int) -> torch.Tensor:
        """float32 (channel, i, j, k), of `axis` only from `start` to `stop`."""

    def percentiles(self, *wanted: float) -> list[torch.Tensor]:
        """Percentiles (0 to 100) of all values, as MONAI takes them of the whole image."""


class SeriesSource:
    """A DICOM series; see `ImageSource`.

    Args:
        series: best loaded with `pixels="later"`.
        axis: along which parts will be asked for. Across the slices (0, 1) every part needs all of them, so that the
            stored values are held: as many bytes as the series has uncompressed.
    """

    def __init__(self, series: Series, axis: int = 2) -> None:
        slices, rows, columns = series.shape
        self.series: Series | None = series
        self.size = (columns, rows, slices)
        self.affine = np.asarray(series.affine, dtype=np.float64)
        self.meta = meta_data(series)
        self._frames = series.frames
        self._stored: list[npt.NDArray[Any]] | None = None
        if axis != 2 or stored_bytes(series) <= HELD:
            self._stored = [stored_values(frame) for frame in self._frames]

    def values(self, axis: int, start: int, stop: int) -> torch.Tensor:
        """InputError: pixels are damaged."""
        if axis == 2:
            planes = [self._plane(index) for index in range(start, stop)]
        else:
            box = (slice(start, stop), slice(None)) if axis == 1 else (slice(None), slice(start, stop))
            planes = [self._plane(index, *box) for index in range(self.size[2])]
        # (slices, rows, columns[, 3]) -> (1 or 3, i, j, k)
        volume = np.moveaxis(np.stack(planes), (0, 1, 2), (2, 1, 0))
        return torch.from_numpy(volume[None] if volume.ndim == 3 else np.moveaxis(volume, -1, 0))

    def percentiles(self, *wanted: float) -> list[torch.Tensor]:
        """Of all values, see `sdseg.volume.percentiles`."""
        slices = range(self.size[2])
        return percentiles(lambda: map(self._plane, slices), math.prod(self.size), wanted)

    def _plane(self, index: int, rows: Part = slice(None), columns: Part = slice(None)) -> npt.NDArray[np.float32]:
        stored = stored_values(self._frames[index]) if self._stored is None else self._stored[index]
        return values_from(stored[rows, columns], self._frames[index])


class LoadedSource:
    """Any other image, loaded as MONAI loads it; see `ImageSource`."""

    def __init__(self, image: MetaTensor) -> None:
        i, j, k = image.shape[1:]
        self.size = (int(i), int(j), int(k))
        self.affine = np.asarray(image.affine, dtype=np.float64)
        self.meta = dict(image.meta)
        self.series: Series | None = None
        self._image = image.as_tensor()

    def values(self, axis: int, start: int, stop: int) -> torch.Tensor:
        return self._image.narrow(axis + 1, start, stop - start)

    def percentiles(self, *wanted: float) -> list[torch.Tensor]:
        """Of all values, which are held anyway and may be no numbers."""
        return [torch.as_tensor(percentile(self._image, each)) for each in wanted]


def open_source(source: Path, series_instance_uid: str | None, orientation: str) -> tuple[ImageSource, int, bool]:
    """The image, the axis that becomes the model's slice axis, and whether that is flipped.

    Raises as `load_series`, or what MONAI's readers raise.
    """
    if not is_series(source):
        image = Compose(read_steps(source))({"image": source})["image"]
        return LoadedSource(image), *_axis(image.affine.numpy(), orientation, MetaKeys.ORIGINAL_AFFINE in image.meta)
    series = load_series(source, series_instance_uid, pixels="later")
    axis, flipped = _axis(series.affine, orientation, series.is_volume)
    return SeriesSource(series, axis), axis, flipped


def part_of(source: ImageSource, axis: int, start: int, stop: int) -> MetaTensor:
    """A part along `axis` as an image of its own, (channel, i, j, k), in its own place."""
    values = source.values(axis, start, stop)
    affine = source.affine.copy()
    affine[:3, 3] += start * affine[:3, axis]
    meta = {key: value for key, value in source.meta.items() if key != MetaKeys.AFFINE}
    if MetaKeys.ORIGINAL_AFFINE in meta:
        meta[MetaKeys.ORIGINAL_AFFINE], meta[MetaKeys.SPATIAL_SHAPE] = affine.copy(), np.array(values.shape[1:])
    return MetaTensor(values, affine=torch.from_numpy(affine), meta=meta)


def corrections_of(source: ImageSource) -> tuple[str, ...]:
    """What the geometry gate evened out."""
    return tuple(source.meta.get(CORRECTIONS, ()))


def stored_bytes(series: Series) -> int:
    """Of all pixels, decoded."""
    bits, samples = (integer(series.datasets[0], keyword) or 8 for keyword in ("BitsAllocated", "SamplesPerPixel"))
    slices, rows, columns = series.shape
    return slices * rows * columns * bits // 8 * (3 if samples == 3 else 1)


def _axis(affine: npt.NDArray[np.float64], orientation: str, turned: bool) -> tuple[int, bool]:
    return slice_axis(affine, orientation) if turned else (2, False)
