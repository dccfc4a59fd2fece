"""Sizes beyond which a header is taken for damaged or hostile, before memory is asked for."""

from collections.abc import Iterable

from pydicom.dataset import Dataset

from sdseg.dicom.header import integer, label, uid
from sdseg.dicom.named import refusal_of

LARGEST_FRAME = 2**26
"""Pixels of one frame: 8192 x 8192."""
LARGEST_SERIES = 2**30
"""Rows x Columns x Frames x SamplesPerPixel of a series: 1024 slices of 1024 x 1024, 4 GB as modality values."""
LARGEST_SIDE = 2**16 - 1
MOST_FRAMES = 2**15
"""Slices of a series."""


def check_sizes(datasets: Iterable[Dataset]) -> None:
    """GeometryError for a frame or a series of an implausible size."""
    total = slices = 0
    for dataset in datasets:
        rows, columns, frames, samples = (
            integer(dataset, keyword) or 1 for keyword in ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel")
        )
        fits = 0 < rows <= LARGEST_SIDE and 0 < columns <= LARGEST_SIDE and frames > 0 and samples > 0
        total += rows * columns * frames * samples
        slices += frames
        if not fits or rows * columns > LARGEST_FRAME or total > LARGEST_SERIES or slices > MOST_FRAMES:
            size = f"{frames} frame(s) of {rows} x {columns} x {samples}"
            raise refusal_of(
                f"{label(dataset)} says that it holds {size} pixels: at most {LARGEST_FRAME} in a frame, "
                f"{LARGEST_SERIES} in a series and {MOST_FRAMES} frames are read; check the header, or split it.",
                uid(dataset, "SOPInstanceUID"),
            )
