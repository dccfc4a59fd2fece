"""Is this one series on one grid? Checks that all planes agree, before their positions are looked at."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sdseg.dicom.header import enumerate_labels
from sdseg.dicom.named import Named, blame
from sdseg.dicom.plane import SAME_IN_A_SERIES, Plane

Member = TypeVar("Member", bound=Named)
ORIENTATION_TOLERANCE = 1e-3
"""Largest difference per direction cosine (and from a right angle) that counts as rounding."""


def check_one_series(planes: Sequence[Plane]) -> None:
    """All planes belong to one series, study, patient, modality and frame of reference."""
    for index, keyword in enumerate(SAME_IN_A_SERIES):
        refuse_odd_ones(planes, lambda plane, index=index: plane.identity[index], keyword)  # type: ignore[misc]


def check_one_matrix(planes: Sequence[Plane]) -> None:
    """All planes have the same Rows, Columns and PixelSpacing."""
    refuse_odd_ones(planes, lambda plane: (plane.rows, plane.columns), "Rows and Columns", show=True)
    refuse_odd_ones(planes, lambda plane: tuple(plane.pixel_spacing.round(6).tolist()), "PixelSpacing", show=True)


def refuse_odd_ones(
    members: Sequence[Member], trait: Callable[[Member], Hashable], what: str, show: bool = False
) -> None:
    """GeometryError naming the members whose trait differs from the most common one; `show` tells the values.

    Values that may tell whose images these are stay unsaid.
    """
    values = [trait(member) for member in members]
    usual, _ = Counter(values).most_common(1)[0]
    odd = [member for member, value in zip(members, values, strict=True) if value != usual]
    if odd:
        found = f" ({trait(odd[0])} instead of {usual})" if show else ""
        raise blame(
            f"{enumerate_labels([member.label for member in odd])} differ from the other images in {what}{found}: "
            "segment one series at a time, without images of another one.",
            *odd,
        )


def shared_orientation(planes: Sequence[Plane]) -> tuple[NDArray[np.float64], float]:
    """The most common orientation (6,) and the largest deviation from it, which is within tolerance."""
    for plane in planes:
        check_orthonormal(plane)
    usual, _ = Counter(tuple(plane.orientation.tolist()) for plane in planes).most_common(1)[0]
    orientation = np.array(usual)
    deviation = np.array([np.abs(plane.orientation - orientation).max() for plane in planes])
    if deviation.max() > ORIENTATION_TOLERANCE:
        odd = [planes[i] for i in np.flatnonzero(deviation > ORIENTATION_TOLERANCE).tolist()]
        raise blame(
            f"{enumerate_labels([plane.label for plane in odd])} are oriented differently (direction cosines differ by "
            f"up to {deviation.max():.2g}): choose a series in which all slices are parallel.",
            *odd,
        )
    return orientation, float(deviation.max())


def check_orthonormal(plane: Plane) -> None:
    """Row and column direction are of length one and at a right angle."""
    row, column = plane.orientation[:3], plane.orientation[3:]
    off = np.abs([row @ row - 1, column @ column - 1, row @ column]).max()
    if off > ORIENTATION_TOLERANCE:
        raise blame(
            f"{plane.label} has an ImageOrientationPatient of {plane.orientation.tolist()}, whose directions "
            "are not of length one and at a right angle: export the series again from the scanner or archive.",
            plane,
        )
