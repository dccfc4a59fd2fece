"""Do the slices lie one behind the other at one distance? Positions are (slices, 3), LPS mm, sorted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdseg.dicom.marks import differing
from sdseg.dicom.named import blame
from sdseg.dicom.plane import Plane

TILT_TOLERANCE_DEGREES = 0.1
"""Largest angle between the slice normal and the line on which the slices lie."""
SPACING_TOLERANCE = 0.01
"""Largest deviation of a slice from the regular grid, as a part of the spacing."""
SPACING_TOLERANCE_MM = 0.01
"""The same in mm: the larger of the two counts, but never more than a tenth of the spacing."""
SAME_PLACE = 0.01
"""Slices nearer to each other than this part of the pixel spacing lie at the same place."""


def tolerance(spacing: float) -> float:
    """How far, in mm, a slice may lie off the regular grid."""
    return max(SPACING_TOLERANCE * spacing, min(SPACING_TOLERANCE_MM, 0.1 * spacing))


def check_duplicates(along: NDArray[np.float64], planes: Sequence[Plane]) -> None:
    """No two of the sorted planes at the same distance `along` (slices,) the normal, mm."""
    nearest = SAME_PLACE * float(planes[0].pixel_spacing.min())
    same = np.flatnonzero(np.diff(along) < nearest).tolist()
    if not same:
        return
    first, second = planes[same[0]], planes[same[0] + 1]
    where = f"{along[same[0]]:.2f} mm along the normal"
    pair = f"{first.label} and {second.label} lie at the same position ({where})"
    culprits = [planes[i] for at in same for i in (at, at + 1)]
    if why := differing(plane.marks for plane in planes):
        raise blame(f"{pair}, for the series holds several volumes ({why}): split it, one volume each.", *culprits)
    if 2 * len(same) >= along.size:
        raise blame(f"{pair}, like others: split the series, one volume per time point, echo or copy.", *culprits)
    raise blame(f"{pair}: remove the copy.", *culprits)


def check_gaps(along: NDArray[np.float64], planes: Sequence[Plane]) -> None:
    """No slice is missing: no distance between neighbours is a multiple of the usual one."""
    steps = np.diff(along)
    usual = float(np.sort(steps)[(steps.size - 1) // 2])  # lower median: a gap must not become the usual step
    for at in np.flatnonzero(np.abs(steps - usual) > tolerance(usual)).tolist():
        ends = (f"{planes[i].label} at {along[i]:.2f} mm" for i in (at, at + 1))
        between = f"between {' and '.join(ends)} along the normal"
        count = steps[at] / usual
        if round(count) >= 2 and abs(steps[at] - round(count) * usual) <= round(count) * tolerance(usual):
            sentence = f"{round(count) - 1} slice(s) are missing {between}: send the complete series again."
        else:
            sentence = (
                f"The slice spacing is irregular: {steps[at]:.3f} mm {between}, but {usual:.3f} mm elsewhere; "
                "choose a series with one spacing."
            )
        raise blame(sentence, planes[at], planes[at + 1])


def check_tilt(positions: NDArray[np.float64], normal: NDArray[np.float64], planes: Sequence[Plane]) -> None:
    """The slices lie behind each other along their normal, as they do not with a tilted gantry."""
    line = positions[-1] - positions[0]
    drift = float(np.linalg.norm(line - (line @ normal) * normal))
    angle = float(np.degrees(np.arctan2(drift, line @ normal)))
    if angle > TILT_TOLERANCE_DEGREES and drift > SPACING_TOLERANCE_MM:
        raise blame(
            f"The slices are sheared by {angle:.1f} degrees against their normal (gantry tilt): "
            "resample the series to a straight grid first, or choose another one.",
            *planes,
        )


def check_line(positions: NDArray[np.float64], planes: Sequence[Plane], spacing: float) -> float:
    """Every slice lies on the regular grid; returns the largest deviation, mm."""
    steps = np.linspace(0.0, 1.0, len(positions))[:, None]
    regular = positions[0] + steps * (positions[-1] - positions[0])
    off = np.linalg.norm(positions - regular, axis=1)
    worst = int(off.argmax())
    if off[worst] > tolerance(spacing):
        raise blame(
            f"{planes[worst].label} lies {off[worst]:.3f} mm off the regular grid of its series: "
            "choose a series with evenly spaced slices.",
            planes[worst],
        )
    return float(off[worst])
