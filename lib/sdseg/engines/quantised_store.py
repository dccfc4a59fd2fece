"""Quantised networks on the disk: making one costs minutes, reading it a second.

An entry is a folder named by everything it was made from, with the SHA-256 of each file; a damaged one is made anew,
and where the disk refuses nothing is kept. Entries are whole or not there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from sdseg.durable import new_beside, replacing, sync_tree
from sdseg.engines.cache_folder import cache_folder

log = logging.getLogger(__name__)
_SUMS = "SHA256.json"


def key_of(
    facts: Mapping[str, Any], networks: Mapping[str, torch.nn.Module], slices: torch.Tensor | None = None
) -> str:
    """Of how the networks were made, what is in them, and the slices they were calibrated with; None: whichever."""
    whole = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    tensors = {f"{name} {key}": tensor for name, net in networks.items() for key, tensor in net.state_dict().items()}
    for key, tensor in {**tensors, **({} if slices is None else {"slices": slices})}.items():
        whole.update(f"{key} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        whole.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return whole.hexdigest()


def find(key: str) -> Path | None:
    """The folder of the entry, if it is there and whole."""
    folder = _folder(key)
    if folder is None:
        return None
    try:
        sums = json.loads((folder / _SUMS).read_text())
        if sums and sums == _sums(folder):
            return folder
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("The quantised networks in %s cannot be read (%s); they are made anew.", folder, error)
        return None
    log.warning("The quantised networks in %s are damaged; they are made anew.", folder)
    return None


def keep(key: str, write: Callable[[Path], None]) -> None:
    """Keep what `write` puts into the folder it is given. A disk that refuses is told in the log."""
    folder = _folder(key)
    if folder is None:
        return
    staging = new_beside(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        staging.mkdir(mode=0o700)
        write(staging)
        (staging / _SUMS).write_text(json.dumps(_sums(staging)))
        sync_tree(staging)
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one
        staging.rename(folder)
    except (OSError, RuntimeError) as error:  # OpenVINO's own errors are RuntimeErrors
        log.warning("The quantised networks cannot be kept in %s (%s).", folder, error)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def prefer(networks: str, key: str) -> None:
    """From now on `key` is the entry for the networks, both of `key_of`. Raises OSError: the disk refuses."""
    path = _preferred(networks)
    if path is None:
        raise OSError("there is no cache folder")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with replacing(path) as stream:
        stream.write(key.encode())


def preferred(networks: str) -> Path | None:
    """The folder of the entry that was preferred for the networks, if it is there and whole."""
    path = _preferred(networks)
    try:
        return None if path is None else find(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("The calibration noted in %s cannot be read (%s).", path, error)
        return None


def _preferred(networks: str) -> Path | None:
    cache = cache_folder()
    return None if cache is None else cache / "calibrated" / networks[:32]


def _folder(key: str) -> Path | None:
    cache = cache_folder()
    return None if cache is None else cache / "quantised" / key[:32]


def _sums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.iterdir() if path.name != _SUMS)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
