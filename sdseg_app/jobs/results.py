"""What a model found, kept for the next who asks the same of the same voxels."""

import json
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdseg import __version__
from sdseg.engines.speed import PLAIN_SPEED, Speed
from sdseg.jobs.cache import ResultCache, digest_of, key_of
from sdseg.volume.compact import CompactLabelmap
from sdseg.volume.mask_array_file import read_npy, write_npy
from sdseg_app.params.infer_params import InferParams

_FORMAT = 1


@dataclass(frozen=True)
class Found:
    """A result.

    Attributes:
        labelmap: on the source's grid.
        affine: (4, 4) voxel index to RAS millimetres.
        facts: what is told and filed about it, for JSON: the same whether it is new or kept.
    """

    labelmap: CompactLabelmap
    affine: NDArray[np.float64]
    facts: dict[str, Any]


class KeptResults:
    """Results below `folder`, `megabytes` of them.

    Those with maps of uncertainty are not kept: the maps are float32 and several for each structure.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self._cache = ResultCache(folder, megabytes * 10**6)
        self._on = megabytes > 0

    def key(self, image: Path, weights_sha256: str, params: InferParams, speed: Speed = PLAIN_SPEED) -> str | None:
        """Of everything that can change the result; None where it is not to be kept. Raises OSError."""
        if not self._on or params.uncertainty:
            return None
        asked = {"device": params.device, "modality": params.modality, "seed": params.seed}
        made_by = {"weights": weights_sha256, "version": __version__, "format": _FORMAT, **speed.identity}
        return key_of({"image": digest_of(image), **made_by, **asked})

    def get(self, key: str | None) -> Found | None:
        """None as well where what is kept cannot be read."""
        content = self._cache.get(key) if key else None
        if content is None:
            return None
        try:
            with zipfile.ZipFile(BytesIO(content)) as archive:
                with archive.open("labelmap.npy") as member:
                    labelmap = read_npy(member)
                affine, facts = _array(archive, "affine"), json.loads(_array(archive, "facts").tobytes())
        except (ValueError, KeyError, zipfile.BadZipFile):
            return None
        return Found(labelmap, affine, facts)

    def put(self, key: str, found: Found) -> None:
        """As `numpy.savez_compressed` writes it, a slice at a time."""
        content = BytesIO()
        facts = np.frombuffer(json.dumps(found.facts).encode(), dtype=np.uint8)
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("labelmap.npy", "w", force_zip64=True) as member:
                write_npy(member, found.labelmap.size, found.labelmap)
            _put_array(archive, "affine", found.affine)
            _put_array(archive, "facts", facts)
        self._cache.put(key, content.getvalue())


def _put_array(archive: zipfile.ZipFile, name: str, values: NDArray[Any]) -> None:
    with archive.open(f"{name}.npy", "w") as member:
        np.lib.format.write_array(member, values, allow_pickle=False)


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as member:
        values: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
    return values
