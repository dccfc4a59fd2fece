"""Keeping a weights folder under the name of its content."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

from sdseg.durable import sync
from sdseg.lock import locked
from sdseg.model.pointer import NAME_DIGITS, is_folder_name
from sdseg.model.weights import copy_whole
from sdseg.registry.contents import Contents, Digests


def store(weights: Path, models_dir: Path, lock: Path, contents: Contents) -> tuple[str, str, Digests]:
    """Copy `weights` into `models_dir`, whole or not at all: the folder's name, the SHA-256, and those of its files.

    A damaged folder of this name is kept under another. Raises WeightsError: no weights folder; OSError: no space.
    """
    contents.forget(weights)  # a training may have written it within the same tick of the clock
    sha256, files = contents.sha256(weights), contents.digests(weights)
    target = models_dir / sha256[:NAME_DIGITS]
    with locked(lock):
        _remove_leftovers(models_dir)
        if target.exists() and contents.trouble(target, files):
            target.rename(_aside(target))
        if not target.exists():
            copy_whole(weights, target)
            sync(models_dir)
    return target.name, sha256, files


def _remove_leftovers(models_dir: Path) -> None:
    """Of a process that was killed while it copied: nobody else copies while we hold the lock."""
    for path in models_dir.glob(".*.part"):
        name = path.name.split(".")[1]
        if path.is_dir() and is_folder_name(name):
            shutil.rmtree(path, ignore_errors=True)


def _aside(folder: Path) -> Path:
    return next(
        path for path in (folder.with_name(f"{folder.name}.damaged-{n}") for n in count(1)) if not path.exists()
    )
