"""Weights folders with lite parts: the given ones, the parts beside them, and what the card says of them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from sdseg.errors import WeightsError
from sdseg.model.card import ModelCard
from sdseg.model.weights import copy_whole, forget_paths


def write_weights(weights: Path, parts: Mapping[str, Any], card: ModelCard, target: Path) -> None:
    """Copy `weights` to `target` with the parts, in half precision, in sub-folders of their names.

    Raises:
        WeightsError: the disk refuses.
    """

    def add(folder: Path) -> None:
        for name, part in parts.items():
            shutil.rmtree(folder / name, ignore_errors=True)
            part.to(torch.float16).save_pretrained(folder / name, safe_serialization=True)
            part.to(torch.float32)
            forget_paths(folder / name)
        card.save(folder)

    try:
        copy_whole(weights, target, add)
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise WeightsError(f"The weights could not be written to {target}: {reason}.") from error
