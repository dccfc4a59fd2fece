"""A tiny labelled volume and a configuration that trains a tiny model on it in seconds."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from sdseg.training.config import TrainingConfig
from sdseg.training.data_config import ExampleConfig


@pytest.fixture
def example(tmp_path: Path) -> ExampleConfig:
    """A bright disc to be found in a dark, noisy field."""
    i, j = np.mgrid[:64, :64]
    disc = np.repeat(((i - 30) ** 2 + (j - 34) ** 2 < 15**2)[..., None], 8, axis=2)
    image = disc * 100 + np.random.default_rng(0).normal(40, 8, disc.shape)
    for name, array in (("image", image.astype(np.float32)), ("label", disc.astype(np.uint8))):
        nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / f"{name}.nii.gz")
    return ExampleConfig(image=tmp_path / "image.nii.gz", label=tmp_path / "label.nii.gz", modality="MR")


@pytest.fixture
def config(example: ExampleConfig) -> Callable[..., TrainingConfig]:
    """Makes a configuration: three steps a stage unless told otherwise."""

    def make(**changes: object) -> TrainingConfig:
        values = {
            "name": "disc",
            "model": {"preset": "tiny"},
            "labels": {"brain": 1},
            "data": [example.model_dump()],
            "autoencoder": {"steps": 3, "batch_size": 2, "learning_rate": 1e-3},
            "diffusion": {"steps": 3, "batch_size": 2, "learning_rate": 1e-3},
            "segmentation": {"steps": 3, "batch_size": 2, "learning_rate": 1e-3},
        }
        return TrainingConfig.model_validate(values | changes)

    return make
