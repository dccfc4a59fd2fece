"""The geometry gate: a DICOM series is one regular grid, or a sentence says why not (PS3.3 C.7.6.2).

DICOM tools accept missing slices and gantry tilt without a word and put the mask in the wrong place. Whatever
passes here can be segmented and filed slice by slice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdseg.dicom import spacing as space
from sdseg.dicom.named import refusal_of
from sdseg.dicom.plane import Plane
from sdseg.dicom.thinned import check_whole
from sdseg.dicom.uniformity import check_one_matrix, check_one_series, shared_orientation

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
REPORTED_MM = 1e-4  # smaller deviations are rounding of decimal text


@dataclass(frozen=True, eq=False)
class SeriesGeometry:
    """The regular grid of a series; sorted along the normal (row direction x column direction).

    `order`: for each slice, the index of its plane among those given. `image_orientation` (6,): cosines
    along a row, then a column. `positions` (slices, 3): LPS mm. `pixel_spacing`: between rows, between
    columns, mm. `slice_spacing`: mm. `corrections`: what was evened out, as sentences.
    """

    order: tuple[int, ...]
    image_orientation: NDArray[np.float64]
    positions: NDArray[np.float64]
    pixel_spacing: tuple[float, float]
    slice_spacing: float
    rows: int
    columns: int
    frame_of_reference_uid: str
    corrections: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.positions.shape != (len(self.order), 3) or len(self.order) < 2:
            raise ValueError(f"positions {self.positions.shape} do not fit {len(self.order)} slices")
        if self.image_orientation.shape != (6,) or min(*self.pixel_spacing, self.slice_spacing) <= 0:
            raise ValueError("orientation needs six cosines, spacings must be positive")
        self.image_orientation.setflags(write=False)
        self.positions.setflags(write=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return len(self.order), self.rows, self.columns

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector (3,), LPS, in which the slices follow each other."""
        return slice_normal(self.image_orientation)

    @property
    def affine(self) -> NDArray[np.float64]:
        """4x4 affine from index (column, row, slice) to RAS mm."""
        lps = np.eye(4)
        lps[:3, 0] = self.image_orientation[:3] * self.pixel_spacing[1]  # along a row: from column to column
        lps[:3, 1] = self.image_orientation[3:] * self.pixel_spacing[0]
        lps[:3, 2] = (self.positions[-1] - self.positions[0]) / (len(self.order) - 1)
        lps[:3, 3] = self.positions[0]
        return LPS_TO_RAS @ lps


def slice_normal(orientation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit normal (3,) of an ImageOrientationPatient (6,)."""
    normal = np.cross(orientation[:3], orientation[3:])
    return np.asarray(normal / np.linalg.norm(normal))


def check_geometry(planes: Sequence[Plane]) -> SeriesGeometry:
    """The grid of planes in any order, or GeometryError naming the culprit."""
    if len(planes) < 2:
        raise refusal_of(
            f"The series has {len(planes)} slice(s): a volume needs two or more; send all of them.",
            *(plane.sop_instance_uid for plane in planes),
        )
    check_one_series(planes)
    check_one_matrix(planes)
    orientation, jitter = shared_orientation(planes)
    return regular_grid(planes, sort_along(planes, slice_normal(orientation)), orientation, jitter)


def sort_along(planes: Sequence[Plane], normal: NDArray[np.float64]) -> tuple[int, ...]:
    """Indices of the planes in the order in which they follow each other along `normal`."""
    return tuple(int(i) for i in np.argsort([plane.position @ normal for plane in planes], kind="stable"))


def regular_grid(
    planes: Sequence[Plane], order: tuple[int, ...], orientation: NDArray[np.float64], jitter: float
) -> SeriesGeometry:
    """The grid of sorted planes, after every check of their positions."""
    sorted_planes = [planes[i] for i in order]
    first = sorted_planes[0]
    positions = np.array([plane.position for plane in sorted_planes])
    normal = slice_normal(orientation)
    along = positions @ normal
    space.check_duplicates(along, sorted_planes)
    space.check_gaps(along, sorted_planes)
    check_whole(along, sorted_planes)
    space.check_tilt(positions, normal, sorted_planes)
    slice_spacing = float(along[-1] - along[0]) / (len(order) - 1)
    off = space.check_line(positions, sorted_planes, slice_spacing)
    return SeriesGeometry(
        order=order,
        image_orientation=orientation,
        positions=positions,
        pixel_spacing=(float(first.pixel_spacing[0]), float(first.pixel_spacing[1])),
        slice_spacing=slice_spacing,
        rows=first.rows,
        columns=first.columns,
        frame_of_reference_uid=first.frame_of_reference_uid,
        corrections=corrections(jitter, off),
    )


def corrections(jitter: float, off: float) -> tuple[str, ...]:
    """What was evened out: orientation (largest difference of a cosine) and positions (mm)."""
    done = []
    if jitter > 0:
        done.append(f"ImageOrientationPatient differed by up to {jitter:.1g} between slices: the usual one is used.")
    if off > REPORTED_MM:
        done.append(f"Slice positions lie up to {off:.2g} mm off the regular grid.")
    return tuple(done)
