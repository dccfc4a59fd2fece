"""A labelmap and the names of its values, checked before anything is written."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdseg.dicom.codes import Structure, structure
from sdseg.dicom.seg_planes import ArrayPlanes, MaskPlanes, RenumberedPlanes
from sdseg.errors import EmptySegmentationError, LabelError

log = logging.getLogger(__name__)
LONG_STRING = 64  # VR LO, PS3.5 6.2


@dataclass(frozen=True, eq=False)
class Segments:
    """Segments 1..n of a SEG. `planes` (slices, rows, columns) hold segment numbers, `names` their labels.

    `empty`: labels without a voxel, which get no segment.
    """

    planes: MaskPlanes
    names: tuple[str, ...]
    empty: tuple[str, ...]

    @property
    def structures(self) -> list[Structure]:
        """The structure of each segment."""
        return [structure(name) for name in self.names]


def segments(
    labelmap: NDArray[np.integer] | MaskPlanes, labels: Mapping[str, int], shape: tuple[int, int, int]
) -> Segments:
    """Number the labels that have voxels from 1, in the order of their values.

    LabelError: other shape (slices, rows, columns), values without a label, unusable labels, unknown structures;
    EmptySegmentationError: no voxel at all.
    """
    check_labels(labels)
    if labelmap.shape != shape:
        raise LabelError(
            f"The mask has the shape {labelmap.shape}, the series {shape} (slices, rows, columns): "
            "save the mask on the grid of the series."
        )
    planes = as_planes(labelmap, labels) if isinstance(labelmap, np.ndarray) else labelmap
    present = sorted({value for index in range(shape[0]) for value in planes.values_in(index)})
    check_named(present, labels)
    if not present:
        raise EmptySegmentationError(f"Nothing was found of {', '.join(labels)}: no DICOM SEG is written.")
    return renumber(planes, labels, present)


def as_planes(labelmap: NDArray[np.integer], labels: Mapping[str, int]) -> ArrayPlanes:
    """An array as planes; LabelError where it holds something else than the whole numbers of labels."""
    if not np.issubdtype(labelmap.dtype, np.integer):
        raise LabelError(f"The mask holds {labelmap.dtype} values: give whole numbers.")
    if labelmap.dtype != np.uint8:
        check_named([int(value) for value in np.unique(labelmap) if value != 0], labels)
    return ArrayPlanes(labelmap.astype(np.uint8, copy=False))


def check_named(values: list[int], labels: Mapping[str, int]) -> None:
    """LabelError for a value that no label has."""
    nameless = [value for value in values if value not in labels.values()]
    if nameless:
        raise LabelError(f"The mask holds the value {nameless[0]}, but the labels are {dict(labels)}: name it.")


def renumber(planes: MaskPlanes, labels: Mapping[str, int], present: list[int]) -> Segments:
    """Values to segment numbers: a BINARY SEG counts from 1 without gaps (PS3.3 C.8.20.2)."""
    table = np.zeros(256, dtype=np.uint8)
    table[present] = np.arange(1, len(present) + 1)
    names = {value: name for name, value in labels.items()}
    empty = tuple(name for name, value in labels.items() if value not in present)
    if empty:
        log.warning("Nothing was found of %s: no segment is written for it.", ", ".join(empty))
    return Segments(RenumberedPlanes(planes, table), tuple(names[value] for value in present), empty)


def check_labels(labels: Mapping[str, int]) -> None:
    """At least one label, values 1..255, each once, every name a known structure."""
    if not labels:
        raise LabelError("No labels are given: name at least one value of the mask.")
    for name, value in labels.items():
        structure(name)
        if not 1 <= value <= np.iinfo(np.uint8).max:
            raise LabelError(f'The label "{name}" has the value {value}: values go from 1 to 255.')
        if len(name) > LONG_STRING or "\\" in name or not name.isprintable():
            raise LabelError(f'The label "{name}" must be one line of at most {LONG_STRING} characters.')
    if len(set(labels.values())) < len(labels):
        raise LabelError(f"Two labels share a value in {dict(labels)}: give each its own.")
