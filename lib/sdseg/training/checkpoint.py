"""The state of an unfinished stage, from which it goes on as if it had never stopped.

Tensors in safetensors, numbers in JSON: reading a checkpoint runs no code. A checkpoint is whole or not there; the
one before is removed only then.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from sdseg.durable import new_beside, sync_tree
from sdseg.errors import InputError

_NAME = re.compile(r"(?P<stage>[a-z]+)-(?P<step>\d{9})")


_SECONDS = 30.0  # between two checkpoints by the clock
_PART = 20.0


@dataclass(frozen=True)
class State:
    """What a stage needs to go on.

    Attributes:
        step: steps done.
        steps: of the whole stage.
        tensors: part ("weights", "optimiser", "average") -> name -> tensor.
        numbers: whatever else, as JSON knows it.
    """

    step: int
    steps: int
    tensors: dict[str, dict[str, torch.Tensor]]
    numbers: dict[str, Any]


class Checkpoints:
    """The checkpoints of one stage in a folder, of which the newest is kept.

    Args:
        folder: of the run's checkpoints.
        stage: its name, lower-case letters.
    """

    def __init__(self, folder: Path, stage: str) -> None:
        self._folder = folder
        self._stage = stage
        self._saved = time.monotonic()
        self._took = 0.0

    def is_due(self) -> bool:
        """Whether the last one is half a minute old, or so much older that saving costs a twentieth of the time."""
        return time.monotonic() - self._saved >= max(_SECONDS, _PART * self._took)

    def save(self, state: State) -> None:
        """Write a checkpoint, then remove the older ones.

        Raises:
            InputError: the disk refuses; the checkpoint before is as it was.
        """
        target = self._folder / f"{self._stage}-{state.step:09d}"
        staging = new_beside(target)
        start = time.monotonic()
        tensors = {f"{part}/{name}": t.contiguous() for part, own in state.tensors.items() for name, t in own.items()}
        try:
            staging.mkdir(parents=True)
            save_file(tensors, staging / "state.safetensors")
            numbers = {"step": state.step, "steps": state.steps, **state.numbers}
            (staging / "state.json").write_text(json.dumps(numbers) + "\n")
            sync_tree(staging)
            staging.rename(target)
        except (OSError, SafetensorError) as error:  # safetensors tells of a full disk in its own way
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise InputError(
                f"The checkpoint {target} could not be written: {reason}. Make room and go on with --resume."
            ) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        for older in self._all()[:-1]:
            shutil.rmtree(older, ignore_errors=True)
        self._saved = time.monotonic()
        self._took = self._saved - start

    def newest(self, device: torch.device) -> State | None:
        """The newest checkpoint, its tensors on `device`; None where there is none.

        Raises:
            InputError: it is damaged.
        """
        if not (found := self._all()):
            return None
        try:
            numbers = json.loads((found[-1] / "state.json").read_text())
            flat = load_file(found[-1] / "state.safetensors", device=str(device))
            tensors: dict[str, dict[str, torch.Tensor]] = {}
            for key, value in flat.items():
                part, name = key.split("/", 1)
                tensors.setdefault(part, {})[name] = value
            return State(numbers.pop("step"), numbers.pop("steps"), tensors, numbers)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise InputError(
                f"The checkpoint {found[-1]} is damaged ({error}): remove it, and the stage starts anew."
            ) from error

    def remove(self) -> None:
        """Remove all: the stage is done."""
        for folder in self._all():
            shutil.rmtree(folder, ignore_errors=True)

    def _all(self) -> list[Path]:
        """Oldest first."""
        named = [path for path in self._folder.glob(f"{self._stage}-*") if _NAME.fullmatch(path.name)]
        return sorted(named)
