"""Decoding in a process of its own, for what only GDCM decodes: on some damaged streams it aborts or crashes.

The process is started when it is first needed, serves all frames after that, and ends with this one.
"""

import os
import pickle
import subprocess
import sys
from threading import Lock, Timer

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from sdseg.dicom.header import integer, text

LONGEST_SECONDS = 120
"""For one frame: a decoder that needs longer hangs."""
NUMBERS = (
    "Rows", "Columns", "SamplesPerPixel", "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation",
)  # fmt: skip


class Worker:
    """One process that decodes, started anew after a crash and in a forked process."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.owner = 0

    def decode(self, request: tuple[str, dict[str, object], bytes]) -> NDArray:
        """The decoded frame; RuntimeError where it cannot be decoded, however badly that ended."""
        with self.lock:
            process = self.running()
            timer = Timer(LONGEST_SECONDS, process.kill)
            timer.start()
            try:
                pickle.dump(request, process.stdin)  # type: ignore[arg-type]
                process.stdin.flush()  # type: ignore[union-attr]
                answer = pickle.load(process.stdout)  # type: ignore[arg-type]
            except (OSError, EOFError, pickle.UnpicklingError):
                process.kill()
                process.wait()
                self.process = None
                raise RuntimeError("the decoder crashed") from None
            finally:
                timer.cancel()
        if answer is None:
            raise RuntimeError("the frame cannot be decoded")
        return np.asarray(answer)

    def running(self) -> "subprocess.Popen[bytes]":
        """The process; a forked child must not share that of its parent."""
        if self.process is None or self.owner != os.getpid() or self.process.poll() is not None:
            self.owner = os.getpid()
            command = [sys.executable, "-m", "sdseg.dicom.decode_worker"]
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        return self.process


WORKER = Worker()


def decode_apart(dataset: Dataset, index: int) -> NDArray:
    """One frame (0-based) of a compressed image, (rows, columns[, samples]); RuntimeError where it cannot be had."""
    attributes: dict[str, object] = {keyword: integer(dataset, keyword) for keyword in NUMBERS if keyword in dataset}
    attributes["PhotometricInterpretation"] = text(dataset, "PhotometricInterpretation")
    frames = integer(dataset, "NumberOfFrames") or 1
    stream = get_frame(dataset.PixelData, index, number_of_frames=frames)
    return WORKER.decode((str(dataset.file_meta.TransferSyntaxUID), attributes, stream))
