"""A SEG whose pixels stay on the disk until a frame is asked for."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

PIXEL_DATA = Tag("PixelData")
_LONGEST = 2**16  # bytes of a value that is read with the header


class StoredBytes:
    """A range of a file, sliced like an array of bytes; `size` bytes."""

    def __init__(self, path: Path, offset: int, size: int) -> None:
        self._path, self._offset, self.size = path, offset, size

    def __getitem__(self, wanted: slice) -> NDArray[np.uint8]:
        start, stop, _ = wanted.indices(self.size)
        with self._path.open("rb") as file:
            return np.frombuffer(os.pread(file.fileno(), stop - start, self._offset + start), dtype=np.uint8)


def opened(path: Path) -> Dataset:
    """The file as a reader gets it; long values are read when they are asked for."""
    return dcmread(path, defer_size=_LONGEST)


def pixels_on_disk(seg: Dataset) -> StoredBytes | None:
    """The Pixel Data of what `opened` gave, where it still is in the file."""
    if "PixelData" not in seg:
        return None
    element: object = seg.get_item(PIXEL_DATA, keep_deferred=True)
    if not isinstance(element, RawDataElement) or element.value is not None or element.length in (0, 0xFFFFFFFF):
        return None
    return StoredBytes(Path(str(seg.filename)), element.value_tell, element.length)
