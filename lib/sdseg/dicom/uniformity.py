"""Is this one series on one grid? Checks that all planes agree, before their positions are looked at."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from sdseg.dicom.header import enumerate_labels
from sdseg.dicom.plane import SAME_IN_A_SERIES, Plane
from sdseg.errors import GeometryError

ORIENTATION_TOLERANCE = 1e-3
"""Largest difference per direction cosine (and from a right angle) that counts as rounding."""


def check_one_series(planes: list[Plane]) -> None:
    """All planes belong to one series, study, patient, modality and frame of reference."""
    for index, keyword in enumerate(SAME_IN_A_SERIES):
        refuse_odd_ones([plane.identity[index] for plane in planes], planes, keyword)


def check_one_matrix(planes: list[Plane]) -> None:
    """All planes have the same Rows, Columns and PixelSpacing."""
    refuse_odd_ones([(plane.rows, plane.columns) for plane in planes], planes, "Rows and Columns")
    refuse_odd_ones([tuple(plane.pixel_spacing.round(6)) for plane in planes], planes, "PixelSpacing")


def refuse_odd_ones(values: list, planes: list[Plane], what: str) -> None:
    """GeometryError naming the planes whose value differs from the most common one."""
    usual, _ = Counter(values).most_common(1)[0]
    odd = [plane.label for plane, value in zip(planes, values, strict=True) if value != usual]
    if odd:
        raise GeometryError(
            f"{enumerate_labels(odd)} differ from the other images in {what}: "
            "segment one series at a time, without images of another one."
        )


def shared_orientation(planes: list[Plane]) -> tuple[NDArray[np.float64], float]:
    """The most common orientation (6,) and the largest deviation from it, which is within tolerance."""
    for plane in planes:
        check_orthonormal(plane)
    usual, _ = Counter(tuple(plane.orientation.tolist()) for plane in planes).most_common(1)[0]
    orientation = np.array(usual)
    deviation = np.array([np.abs(plane.orientation - orientation).max() for plane in planes])
    if deviation.max() > ORIENTATION_TOLERANCE:
        odd = [planes[i].label for i in np.flatnonzero(deviation > ORIENTATION_TOLERANCE)]
        raise GeometryError(
            f"{enumerate_labels(odd)} are oriented differently (direction cosines differ by up to "
            f"{deviation.max():.2g}): choose a series in which all slices are parallel."
        )
    return orientation, float(deviation.max())


def check_orthonormal(plane: Plane) -> None:
    """Row and column direction are of length one and at a right angle."""
    row, column = plane.orientation[:3], plane.orientation[3:]
    off = np.abs([row @ row - 1, column @ column - 1, row @ column]).max()
    if off > ORIENTATION_TOLERANCE:
        raise GeometryError(
            f"{plane.label} has an ImageOrientationPatient of {plane.orientation.tolist()}, whose directions "
            "are not of length one and at a right angle: export the series again from the scanner or archive."
        )
