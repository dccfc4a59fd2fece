"""Slicer's `.seg.nrrd`: a segmentation as its annotator sees it, with names, in layers and cut to what is drawn.

The panel of MONAI Label sends it where its setting `fileExtension` says so. Its label values are Slicer's own: what
`label_info` says about values holds for a labelmap, and not here; only names do.
Source: Slicer's vtkMRMLSegmentationStorageNode, keys `Segment<N>_Name`, `_LabelValue` and `_Layer` of the header.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from sdseg.errors import InputError, LabelError
from sdseg.volume.grid import GRID_TOLERANCE, Grid, farthest
from sdseg.volume.volume_check import check_volume
from sdseg.volume.volume_files import LPS_TO_RAS, grid_of

SUFFIX = ".seg.nrrd"
_AIDS = frozenset({"background", "foreground_scribbles", "background_scribbles"})  # the panel leaves them out, too
_NOT_READ = "The segmentation is truncated or damaged; save it again."
Voxels = NDArray[np.uint8]


@dataclass(frozen=True)
class _Segment:
    name: str
    value: int
    layer: int


def read_seg_nrrd(path: Path, image: Path, values: Mapping[str, int]) -> Voxels | None:
    """The labelmap (i, j, k) on the grid of `image`, each segment with the value of its name in `values`.

    None where the file names no segments: then it is a labelmap like any other.

    Raises:
        InputError: not readable.
        LabelError: another grid, a segment with another name that is not empty, or segments that overlap.
    """
    check_volume(path)
    try:
        file = sitk.ReadImage(str(path))
        segments = _segments(file)
    except (RuntimeError, ValueError) as error:
        raise InputError(_NOT_READ) from error
    if not segments:
        return None
    layers = np.atleast_3d(sitk.GetArrayFromImage(file)).T  # (k, j, i[, layer]) to ([layer,] i, j, k)
    layers = layers if layers.ndim == 4 else layers[None]
    grid = grid_of(image)
    found = np.zeros(grid.shape, np.uint8)
    where, part = _overlap(_grid(file, layers.shape[1:]), grid)
    for segment in segments:
        drawn = _voxels(layers, segment)
        if segment.name in _AIDS or not drawn.any():
            continue
        if segment.name not in values:
            raise LabelError(f"The segment {segment.name[:80]!r} is not named in label_info; add it, or clear it.")
        _put(found, drawn, where, part, values[segment.name], segment.name)
    return found


def _segments(file: sitk.Image) -> list[_Segment]:
    keys = set(file.GetMetaDataKeys())
    names = sorted(key for key in keys if key.startswith("Segment") and key.endswith("_Name"))
    found = []
    for key in names:
        start = key.removesuffix("_Name")
        about = [int(file.GetMetaData(f"{start}_{what}")) for what in ("LabelValue", "Layer")]
        found.append(_Segment(file.GetMetaData(key), *about))
    return found


def _grid(file: sitk.Image, shape: tuple[int, ...]) -> Grid:
    if file.GetDimension() != 3:
        raise InputError(_NOT_READ)
    lps = np.eye(4)
    lps[:3, :3] = np.array(file.GetDirection()).reshape(3, 3) * file.GetSpacing()
    lps[:3, 3] = file.GetOrigin()
    i, j, k = shape
    return Grid((i, j, k), LPS_TO_RAS @ lps)


def _overlap(part: Grid, whole: Grid) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where both are: the indices into `whole` and into `part`. Raises LabelError unless one is cut from the other."""
    exact = np.linalg.inv(whole.affine) @ part.affine
    offset = np.round(exact[:3, 3]).astype(int)
    expected = np.eye(4)
    expected[:3, 3] = offset
    if farthest(exact - expected, part.shape) > GRID_TOLERANCE:
        raise LabelError(
            f"The segmentation does not lie on the grid of the image: it has {part}, the image {whole}; "
            "set the image as its reference geometry."
        )
    starts = np.maximum(offset, 0)
    ends = np.maximum(np.minimum(offset + part.shape, whole.shape), starts)
    return (
        tuple(slice(int(a), int(b)) for a, b in zip(starts, ends, strict=True)),
        tuple(slice(int(a), int(b)) for a, b in zip(starts - offset, ends - offset, strict=True)),
    )


def _voxels(layers: NDArray, segment: _Segment) -> NDArray[np.bool_]:
    if not 0 <= segment.layer < len(layers):
        raise InputError(_NOT_READ)
    drawn: NDArray[np.bool_] = layers[segment.layer] == segment.value
    return drawn


def _put(
    found: Voxels,
    drawn: NDArray[np.bool_],
    where: tuple[slice, ...],
    part: tuple[slice, ...],
    value: int,
    name: str,
) -> None:
    inside = drawn[part]
    if inside.sum() != drawn.sum():
        raise LabelError(f"The segment {name[:80]!r} reaches beyond the image; cut it there.")
    place = found[where]
    if place[inside].any():
        raise LabelError(
            f"The segment {name[:80]!r} and another overlap, which a labelmap cannot hold; "
            "let one overwrite the other in the Segment Editor."
        )
    place[inside] = value
