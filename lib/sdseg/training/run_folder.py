"""The folder of a training run: what lies where, and whose it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml
from diffusers import AutoencoderKL

from sdseg.durable import new_beside, replacing, sync_tree
from sdseg.errors import InputError
from sdseg.training.config import TrainingConfig

# May differ when a run is resumed: they do not change what it computes.
_FREE = {"workers", "preview", "checkpoint_every"}


class RunFolder:
    """`weights`, the result; `autoencoder`, stage one's; `log.jsonl`; `tensorboard`; `pictures`; `snapshots`;
    `checkpoints`, while a stage is unfinished; `config.yaml`, what it was started with.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.weights = path / "weights"
        self.autoencoder = path / "autoencoder"
        self.log = path / "log.jsonl"
        self.tensorboard = path / "tensorboard"
        self.pictures = path / "pictures"
        self.checkpoints = path / "checkpoints"
        self._config = path / "config.yaml"

    def snapshot(self, step: int) -> Path:
        """Of the weights after `step` steps."""
        return self.path / "snapshots" / f"step-{step}"

    def claim(self, config: TrainingConfig, resume: bool) -> None:
        """Make the folder this run's, or check that it is.

        Raises:
            InputError: it holds a run, and `resume` is False; or another run.
        """
        mine = config.model_dump(mode="json")
        if not self._config.exists():
            if self.weights.exists():
                raise InputError(f"{self.weights} exists already; choose another output folder.")
            self.path.mkdir(parents=True, exist_ok=True)
            with replacing(self._config) as stream:
                stream.write(yaml.safe_dump(mine, sort_keys=False).encode())
            return
        if not resume:
            done = "finished" if self.weights.exists() else "unfinished"
            raise InputError(f"{self.path} exists already, with a {done} run: choose another folder, or add --resume.")
        differs = _differences(self._begun_with(), mine)
        if differs:
            raise InputError(
                f"{self.path} holds a run of another configuration ({', '.join(differs)}): choose another folder."
            )

    def _begun_with(self) -> dict[str, Any]:
        try:
            values = yaml.safe_load(self._config.read_text())
        except (yaml.YAMLError, UnicodeDecodeError):
            values = None
        if not isinstance(values, dict):
            raise InputError(f"{self._config} is damaged: restore it, or choose another folder.")
        return values

    def save_autoencoder(self, vae: AutoencoderKL) -> None:
        """Keep stage one's result; it appears whole or not at all."""
        if self.autoencoder.exists():
            return
        staging = new_beside(self.autoencoder)
        try:
            vae.save_pretrained(staging)
            sync_tree(staging)
            staging.rename(self.autoencoder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def clean(self) -> None:
        """Remove what only an unfinished run needs."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Names of the settings that are not the same."""
    names = sorted((one.keys() | other.keys()) - _FREE)
    return [name for name in names if one.get(name) != other.get(name)]
