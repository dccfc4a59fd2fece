"""Reading checkpoint files without running anything that is in them."""

from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from sdseg.errors import InputError, WeightsError

NOTE = "sdseg"  # where our own exports say what the tensors cannot: head count, labels, recipe


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        source: its name.
        tensors: by name.
        facts: epoch and step of the training, where the file says.
        note: left by `sdseg weights export`.
        others: entries beside the tensors, which are not used (optimiser state, callbacks ...).
    """

    source: str
    tensors: dict[str, torch.Tensor]
    facts: dict[str, int] = field(default_factory=dict)
    note: dict[str, Any] = field(default_factory=dict)
    others: tuple[str, ...] = ()


class _Inert:
    """Stands for a Lightning class that old checkpoints name as a key; Lightning itself is never imported."""


_TOLERATED: list[Any] = [
    (_Inert, f"{package}.callbacks.{module}")
    for package in ("pytorch_lightning", "lightning.pytorch")
    for module in ("model_checkpoint.ModelCheckpoint", "early_stopping.EarlyStopping")
]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a Lightning or plain PyTorch checkpoint, or a safetensors file; tensors stay on disk until used.

    Raises:
        InputError: there is no such file.
        WeightsError: it is damaged, holds code, or holds no tensors.
    """
    if not path.is_file():
        raise InputError(f"There is no checkpoint at {path}: check the path.")
    return _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)


def _read_safetensors(path: Path) -> Checkpoint:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            note = _note((file.metadata() or {}).get(NOTE))
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"{path} is damaged, unreadable or no safetensors file ({error}); download it again."
        ) from error
    return Checkpoint(path.name, tensors, note=note)


def _read_pickle(path: Path) -> Checkpoint:
    content = _load_safely(path)
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds no state_dict, but a {type(content).__name__}; give a checkpoint.")
    inner = content.get("state_dict", content)
    tensors = {str(name): value for name, value in inner.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise WeightsError(f"{path} holds no tensors; give a checkpoint.")
    facts = {name: content[name] for name in ("epoch", "global_step") if isinstance(content.get(name), int)}
    others = () if inner is content else tuple(sorted(set(content) - {"state_dict", NOTE, *facts}))
    return Checkpoint(path.name, tensors, facts, _note(content.get(NOTE)), others)


def _load_safely(path: Path) -> Any:
    try:
        _check_sums(path)
        with torch.serialization.safe_globals(_TOLERATED):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        if not _is_pickle(path):
            raise WeightsError(f"{path} is no PyTorch checkpoint; download it again.") from error
        raise WeightsError(
            f"{path} holds code beside its weights and was not opened: ask its source for a safetensors file, "
            "or for a checkpoint with tensors alone."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} is damaged, unreadable or no PyTorch checkpoint; download it again.") from error


def _check_sums(path: Path) -> None:
    """Compare an archive with its own checksums, which PyTorch writes and does not read."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():
                raise zipfile.BadZipFile(f"{damaged} does not match its checksum")


def _is_pickle(path: Path) -> bool:
    """True for a zip archive, as PyTorch writes it today, and for a bare pickle."""
    with path.open("rb") as file:
        return file.read(2) in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def _note(text: str | None) -> dict[str, Any]:
    """Our note as a dictionary, empty where there is none."""
    try:
        note = json.loads(text or "{}")
    except (TypeError, ValueError) as error:
        raise WeightsError(f"The note in the checkpoint is damaged ({error}); export it again.") from error
    return note if isinstance(note, dict) else {}
