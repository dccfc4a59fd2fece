"""The other side of `decode_apart`: decodes frames from standard input until that is closed."""

import os
import pickle
import sys
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from pydicom.uid import UID

from sdseg.dicom import jpeg_extended
from sdseg.dicom.files import READ_ERRORS


def main() -> None:
    """Each request is answered by an array, or by None where the frame cannot be decoded."""
    jpeg_extended.register()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # decoders print
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(decoded(*request), answers)
        answers.flush()


def decoded(syntax: str, attributes: dict[str, Any], stream: bytes) -> np.ndarray | None:
    """The one frame of a stream."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = encapsulate([stream])
    try:
        return pixel_array(dataset, index=0)
    except (*READ_ERRORS, RuntimeError, MemoryError):
        return None


if __name__ == "__main__":
    main()
