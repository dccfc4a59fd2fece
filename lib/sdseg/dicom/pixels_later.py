"""Images whose pixels are checked when the file is read, then let go, and read again when they are used.

Headers of a thousand slices are a few megabytes, their pixels half a gigabyte.
"""

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset

from sdseg.dicom.files import read_file
from sdseg.dicom.header import integer, label, uid
from sdseg.errors import InputError

_LEFT = "sdseg_pixels_left"  # attribute of a dataset, no DICOM keyword


@dataclass(frozen=True)
class LeftOnDisk:
    """Where the pixels of an instance are.

    Attributes:
        path: of its file.
        state: size and time of the last change of the file when it was read.
        complete: whether the pixels were whole, see `check_complete`.
    """

    path: Path
    state: tuple[int, int]
    complete: bool


def leave_pixels(dataset: FileDataset, complete: bool) -> None:
    """Let go of the pixels of a single-frame file just read; those of several frames stay, for they are used often."""
    if "PixelData" not in dataset or (integer(dataset, "NumberOfFrames") or 1) > 1:
        return
    path = Path(str(dataset.filename))
    setattr(dataset, _LEFT, LeftOnDisk(path, _state(path), complete))
    del dataset.PixelData


def left_on_disk(dataset: Dataset) -> LeftOnDisk | None:
    """Where the pixels are; None where the dataset has them, or never had any."""
    return getattr(dataset, _LEFT, None)


def with_pixels(dataset: Dataset) -> Dataset:
    """The dataset itself, or its file read again. InputError: the file is gone, or another one."""
    left = left_on_disk(dataset)
    if left is None:
        return dataset
    try:
        unchanged = _state(left.path) == left.state
    except OSError:
        unchanged = False
    if not unchanged:
        raise InputError(
            f"The file of {label(dataset)} was changed or removed while it was used: segment the series again.",
            (uid(dataset, "SOPInstanceUID"),),
        )
    return read_file(left.path)


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
