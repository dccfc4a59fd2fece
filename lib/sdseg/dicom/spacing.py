"""Do the slices lie one behind the other at one distance? Positions are (slices, 3), LPS mm, sorted."""

import numpy as np
from numpy.typing import NDArray

from sdseg.errors import GeometryError

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


def check_duplicates(along: NDArray[np.float64], labels: list[str], pixel_spacing: float) -> None:
    """No two slices at the same distance `along` (slices,) the normal, mm."""
    same = np.flatnonzero(np.diff(along) < SAME_PLACE * pixel_spacing)
    if not same.size:
        return
    first = int(same[0])
    where = f"{along[first]:.2f} mm along the normal"
    pair = f"{labels[first]} and {labels[first + 1]} lie at the same position ({where})"
    if 2 * same.size >= along.size:
        raise GeometryError(f"{pair}, like others: split the series, one volume per time point, echo or copy.")
    raise GeometryError(f"{pair}: remove the copy.")


def check_gaps(along: NDArray[np.float64], labels: list[str]) -> None:
    """No slice is missing: no distance between neighbours is a multiple of the usual one."""
    steps = np.diff(along)
    usual = float(np.sort(steps)[(steps.size - 1) // 2])  # lower median: a gap must not become the usual step
    for at in np.flatnonzero(np.abs(steps - usual) > tolerance(usual)):
        ends = (f"{labels[i]} at {along[i]:.2f} mm" for i in (at, at + 1))
        between = f"between {' and '.join(ends)} along the normal"
        count = steps[at] / usual
        if round(count) >= 2 and abs(steps[at] - round(count) * usual) <= round(count) * tolerance(usual):
            raise GeometryError(f"{round(count) - 1} slice(s) are missing {between}: send the complete series again.")
        raise GeometryError(
            f"The slice spacing is irregular: {steps[at]:.3f} mm {between}, but {usual:.3f} mm elsewhere; "
            "choose a series with one spacing."
        )


def check_tilt(positions: NDArray[np.float64], normal: NDArray[np.float64]) -> None:
    """The slices lie behind each other along their normal, as they do not with a tilted gantry."""
    line = positions[-1] - positions[0]
    drift = float(np.linalg.norm(line - (line @ normal) * normal))
    angle = float(np.degrees(np.arctan2(drift, line @ normal)))
    if angle > TILT_TOLERANCE_DEGREES and drift > SPACING_TOLERANCE_MM:
        raise GeometryError(
            f"The slices are sheared by {angle:.1f} degrees against their normal (gantry tilt): "
            "resample the series to a straight grid first, or choose another one."
        )


def check_line(positions: NDArray[np.float64], labels: list[str], spacing: float) -> float:
    """Every slice lies on the regular grid; returns the largest deviation, mm."""
    steps = np.linspace(0.0, 1.0, len(positions))[:, None]
    regular = positions[0] + steps * (positions[-1] - positions[0])
    off = np.linalg.norm(positions - regular, axis=1)
    worst = int(off.argmax())
    if off[worst] > tolerance(spacing):
        raise GeometryError(
            f"{labels[worst]} lies {off[worst]:.3f} mm off the regular grid of its series: "
            "choose a series with evenly spaced slices."
        )
    return float(off[worst])
