"""The folder of a distillation: what lies where, and what an interrupted one goes on from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdseg.distill.bank import Bank
from sdseg.durable import new_beside, replacing, sync_tree
from sdseg.errors import InputError
from sdseg.model.lite import load_lite
from sdseg.training.retrain_folder import RetrainFolder


class DistillFolder(RetrainFolder):
    """`weights`, the result; `log.jsonl`; while it is unfinished also `checkpoints`, `bank.safetensors` with what the
    teacher answered, and `stages` with the parts as finished stages left them.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._bank = path / "bank.safetensors"
        self._stages = path / "stages"

    def begin(self, identity: Mapping[str, Any], last_stage: str, resume: bool) -> None:
        """Make the folder this distillation's; what another one left, or this one if it is not to be resumed, goes.

        Raises:
            InputError: the folder holds the result of another one.
        """
        if self.claim(identity, last_stage, resume) is None:
            self._remove_unfinished()

    def clean(self) -> None:
        super().clean()
        self._remove_unfinished()

    def bank(self) -> Bank | None:
        """The teacher's answers, if it was asked already. Raises InputError: the file is damaged."""
        return Bank.load(self._bank) if self._bank.exists() else None

    def keep_bank(self, bank: Bank) -> None:
        """Raises InputError: the disk refuses."""
        try:
            bank.save(self._bank)
        except OSError as error:
            raise InputError(f"{self._bank} could not be written: {error.strerror}; make room.") from error

    def finished(self, stage: str, part: Any) -> int | None:
        """Give `part` what the stage left, if it is finished; returns its steps, or None."""
        kept = self._stages / stage
        if not kept.is_dir():
            return None
        part.load_state_dict(load_lite(self._stages, stage, type(part)).state_dict())
        return int(json.loads((kept / "steps.json").read_text()))

    def keep(self, stage: str, part: Any, steps: int) -> None:
        """Note that a stage is finished; its part appears whole or not at all."""
        staging = new_beside(self._stages / stage)
        try:
            part.save_pretrained(staging, safe_serialization=True)
            with replacing(staging / "steps.json") as stream:
                stream.write(json.dumps(steps).encode())
            sync_tree(staging)
            staging.rename(self._stages / stage)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _spent(self, stage: str) -> float | None:
        return 0.0  # whichever stage it stopped in: all of it is kept

    def _remove_unfinished(self) -> None:
        self._bank.unlink(missing_ok=True)
        shutil.rmtree(self._stages, ignore_errors=True)
