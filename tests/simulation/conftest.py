"""Two tiny volumes of two people, and a simulation on them that takes seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import yaml

SLICES = 8


def save_volume(folder: Path, name: str, radius: int, seed: int) -> dict[str, str]:
    """A bright disc in the dark, on every slice but the last; paths as in a training configuration."""
    i, j = np.mgrid[:64, :64]
    disc = np.repeat(((i - 30) ** 2 + (j - 34) ** 2 < radius**2)[..., None], SLICES, axis=2)
    disc[..., -1] = False
    image = disc * 100 + np.random.default_rng(seed).normal(40, 8, disc.shape)
    for kind, array in (("image", image.astype(np.float32)), ("label", disc.astype(np.uint8))):
        nib.save(nib.Nifti1Image(array, np.eye(4)), folder / f"{name}-{kind}.nii.gz")
    return {"image": f"{name}-image.nii.gz", "label": f"{name}-label.nii.gz", "modality": "MR"}


def save_configuration(folder: Path, **changes: Any) -> Path:
    """A training configuration with a person to train on and one to validate; `changes` of its values."""
    parts = {
        part: [save_volume(folder, part, radius, seed)]
        for part, radius, seed in (("train", 15, 0), ("validation", 13, 1))
    }
    stage = {"steps": 2, "batch_size": 2, "learning_rate": 1e-3}
    values = {
        "name": "disc",
        "model": {"preset": "tiny", "prediction_type": "sample"},
        "labels": {"brain": 1},
        "data": parts,
        "autoencoder": stage,
        "diffusion": stage,
    }
    path = folder / "disc.yaml"
    path.write_text(yaml.safe_dump(values | changes))
    return path


@pytest.fixture
def configuration(tmp_path: Path) -> Callable[..., Path]:
    """Writes a training configuration, see `save_configuration`."""
    return lambda **changes: save_configuration(tmp_path, **changes)


@pytest.fixture(scope="session")
def shared_configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for the simulations that are compared with each other."""
    return save_configuration(tmp_path_factory.mktemp("data"))
