"""What models found last in each image, so that a label tells what its annotator changed."""

import hashlib
import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdseg.durable import replacing
from sdseg.volume.compact import CompactLabelmap
from sdseg.volume.mask_array_file import write_npy

_MOST_OF_IMAGE = 4
_MOST_BYTES = 2 * 10**9
_SUFFIX = ".prediction"
_FAST = 1  # masks are mostly one value: more effort gains nothing


@dataclass(frozen=True)
class Prediction:
    """A result of a model.

    Attributes:
        labelmap: (i, j, k) uint8 on the image's grid.
        values: structure -> value.
        facts: what was told of the inference (`sdseg.inference.provenance.FACTS`), weights_sha256 among them.
        made: seconds since the epoch.
    """

    labelmap: NDArray[np.uint8]
    values: dict[str, int]
    facts: dict[str, Any]
    made: float


class Predictions:
    """Below `folder`, one of each image and weights: the last.

    Bounded: of an image those of the last four weights are kept, and of all images `limit` bytes; the oldest go first.
    Any process may write and read.
    """

    def __init__(self, folder: Path, limit: int = _MOST_BYTES) -> None:
        self._folder = folder
        self._limit = limit

    def remember(
        self,
        image: str,
        labelmap: NDArray[np.uint8] | CompactLabelmap,
        values: Mapping[str, int],
        facts: Mapping[str, Any],
    ) -> None:
        """In the place of an earlier one by the same weights. Raises OSError."""
        compact = labelmap if isinstance(labelmap, CompactLabelmap) else CompactLabelmap.of(labelmap)
        folder = self._of(image)
        folder.mkdir(parents=True, exist_ok=True)
        about = {"values": dict(values), "facts": dict(facts), "made": time.time()}
        name = hashlib.sha256(str(facts["weights_sha256"]).encode()).hexdigest()[:16]
        with (
            replacing(folder / f"{name}{_SUFFIX}") as stream,
            zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST) as archive,
        ):
            archive.writestr("about.json", json.dumps(about))
            with archive.open("labelmap.npy", "w", force_zip64=True) as member:
                write_npy(member, compact.size, compact)
        self._shrink(folder)

    def of(self, image: str) -> list[Prediction]:
        """The latest first; a damaged one is left out."""
        found = [_read(path) for path in self._of(image).glob(f"[!.]*{_SUFFIX}")]
        return sorted((one for one in found if one is not None), key=lambda one: one.made, reverse=True)

    def _of(self, image: str) -> Path:
        return self._folder / hashlib.sha256(image.encode()).hexdigest()[:32]

    def _shrink(self, folder: Path) -> None:
        _drop(_aged(folder.glob(f"[!.]*{_SUFFIX}"))[_MOST_OF_IMAGE:])
        size, old = 0, []
        for path in _aged(self._folder.glob(f"*/[!.]*{_SUFFIX}")):
            size += _size(path)
            if size > self._limit:
                old.append(path)
        _drop(old)


def _read(path: Path) -> Prediction | None:
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("about.json"))
            with archive.open("labelmap.npy") as member:
                labelmap = np.lib.format.read_array(member, allow_pickle=False)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Prediction(labelmap, about["values"], about["facts"], about["made"])


def _aged(paths: Any) -> list[Path]:
    """The youngest first."""
    return sorted(paths, key=_time, reverse=True)


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process was faster
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _drop(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
