"""Is a slice missing everywhere? A series that lost every other slice is as regular as a whole one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdseg.dicom.header import integer, numbers
from sdseg.dicom.named import refusal_of
from sdseg.dicom.plane import Plane

TOLERANCE = 0.01
"""Largest deviation from a whole multiple, as a part of SpacingBetweenSlices."""


def check_whole(along: NDArray[np.float64], planes: Sequence[Plane]) -> None:
    """Spacing and numbers of sorted single-frame slices do not both say that others lay between them.

    Either alone proves nothing: some scanners write the gap for the spacing, and number several echoes through.
    GeometryError where positions go `n` times as far as SpacingBetweenSlices (0018,0088) and InstanceNumber goes in
    steps of `n` too. `along` (slices,): mm along the normal.
    """
    if any(plane.source.number is not None for plane in planes):
        return
    told = [numbers(plane.source.dataset, "SpacingBetweenSlices", 1) for plane in planes]
    counted = [integer(plane.source.dataset, "InstanceNumber") for plane in planes]
    spacings = [float(abs(value[0])) for value in told if value is not None]
    counts = [number for number in counted if number is not None]
    if len(spacings) < len(planes) or len(counts) < len(planes) or min(spacings) <= 0:
        return
    times = np.diff(along) / spacings[0]
    every = round(float(times[0]))
    same_steps = every >= 2 and bool((np.abs(times - every) <= TOLERANCE * every).all())
    if same_steps and np.ptp(spacings) == 0 and (np.abs(np.diff(counts)) == every).all():
        raise refusal_of(
            f"Slices are missing: SpacingBetweenSlices says {spacings[0]:g} mm, but the slices lie "
            f"{every * spacings[0]:g} mm apart, and InstanceNumber goes in steps of {every}: "
            "send the complete series again.",
            *(plane.sop_instance_uid for plane in planes),
        )
