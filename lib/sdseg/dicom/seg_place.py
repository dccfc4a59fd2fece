"""Where a frame of a SEG lies in a series: by its position, or by the image it refers to where it has none."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from sdseg.dicom.geometry import LPS_TO_RAS
from sdseg.dicom.seg_frames import FramePlace, SegFrame
from sdseg.dicom.series import Series
from sdseg.errors import LabelError

GRID_TOLERANCE = 0.01
"""Largest distance of a SEG voxel from a source voxel, in voxels: more is another grid, not rounding."""
Indices = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


class SeriesPlaces:
    """The voxels of one series that a frame of a SEG means."""

    def __init__(self, series: Series) -> None:
        self.shape = series.shape
        self.lps = LPS_TO_RAS @ series.affine if series.is_volume else None
        self.slices: dict[tuple[str, int | None], set[int]] = defaultdict(set)
        for index, frame in enumerate(series.frames):
            self.slices[frame.key].add(index)
            if frame.number is not None:  # a reference without frame number means all frames
                self.slices[frame.sop_instance_uid, None].add(index)
            else:
                self.slices[frame.sop_instance_uid, 1].add(index)

    def voxels(self, frame: SegFrame) -> Indices:
        """(slice, row, column) of every pixel of `frame` that is not 0; LabelError where they are none of the series.

        The position decides; a reference to another slice than the one it lies in is a contradiction.
        """
        row, column = np.nonzero(frame.pixels)
        if frame.place is None or self.lps is None:
            lies_in = self.referenced(frame)
            if frame.pixels.shape != self.shape[1:]:
                raise LabelError(f"Frame {frame.number} of the SEG has another size than the image it refers to.")
            return np.full_like(row, lies_in), row, column
        to_index = source_index(frame.number, frame.pixels.shape, frame.place, self.lps)
        index = to_index @ np.stack([column, row, np.ones_like(row)])
        if ((index < 0) | (index >= np.array(self.shape[::-1])[:, None])).any():
            raise LabelError(
                f"Frame {frame.number} of the SEG reaches beyond the series: choose the image it was made for."
            )
        self.check_reference(frame, index[2])
        return index[2], index[1], index[0]

    def is_slice(self, frame: SegFrame, index: int) -> bool:
        """Whether every pixel of `frame` means the voxel of the same row and column in slice `index`.

        LabelError as of `voxels`, which says the same of each pixel and takes longer.
        """
        if frame.pixels.shape != self.shape[1:]:
            return False
        if frame.place is None or self.lps is None:
            return self.referenced(frame) == index
        to_index = source_index(frame.number, frame.pixels.shape, frame.place, self.lps)
        return np.array_equal(to_index, [[1, 0, 0], [0, 1, 0], [0, 0, index]])

    def referenced(self, frame: SegFrame) -> int:
        """The one slice that the frame refers to."""
        found = set[int]().union(*(self.slices.get(source, set()) for source in frame.sources))
        if len(found) != 1:
            raise LabelError(
                f"Frame {frame.number} of the SEG has no position and refers to {len(found)} images of the series "
                "instead of one: choose the image that it was made for."
            )
        return found.pop()

    def check_reference(self, frame: SegFrame, lies_in: NDArray[np.int64]) -> None:
        """LabelError where the frame refers to one slice of the series, but lies in another one."""
        meant = self.slices.get(frame.sources[0], set()) if len(frame.sources) == 1 else set()
        if len(meant) == 1 and lies_in.size and (lies_in == lies_in[0]).all() and lies_in[0] not in meant:
            raise LabelError(
                f"Frame {frame.number} of the SEG lies in slice {lies_in[0] + 1} of the series, but refers to slice "
                f"{min(meant) + 1}: export it again."
            )


def source_index(number: int, shape: tuple[int, ...], place: FramePlace, lps: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole-number matrix (3, 3) from (column, row, 1) of a frame to (column, row, slice) of the series.

    LabelError where frame and series (`lps`: 4x4 affine of its index to LPS mm) do not share one grid.
    """
    exact = np.linalg.inv(lps[:3, :3]) @ (place.affine - np.outer(lps[:3, 3], [0, 0, 1]))
    whole = np.round(exact)
    rows, columns = shape
    corners = np.array([[0, 0, 1], [columns - 1, 0, 1], [0, rows - 1, 1], [columns - 1, rows - 1, 1]]).T
    off = np.abs((exact - whole) @ corners).max()
    one_step = (np.abs(whole[:, :2]).sum(axis=0) == 1).all()
    if off > GRID_TOLERANCE or not one_step or np.abs(whole).max() > np.iinfo(np.int32).max:
        raise LabelError(
            f"Frame {number} of the SEG at {place.position.tolist()} mm does not lie on the voxel grid of the "
            "series: resample the segmentation to the original images."
        )
    return whole.astype(np.int64)
