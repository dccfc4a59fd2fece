"""The paper's sizes with random weights, out and in again: `make test-full`, 8 GB of disk and of memory."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sdseg.model.card import ModelCard
from sdseg.model.pipeline import build_pipeline
from sdseg.model.presets import get_preset
from sdseg.model.weights import WEIGHT_FILES, save_weights
from sdseg.volume.recipe import Recipe
from sdseg.weights.checkpoint import read_checkpoint
from sdseg.weights.export import export_weights
from sdseg.weights.importing import import_weights
from sdseg.weights.info import read_info

pytestmark = [pytest.mark.full_size, pytest.mark.slow, pytest.mark.timeout(3600)]

GIB = 2**30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Holds `first`, a full-size weights folder in fp32, and is emptied at the end."""
    path = tmp_path_factory.mktemp("full")
    save_random(path / "first")
    yield path
    shutil.rmtree(path)


def save_random(folder: Path) -> None:
    torch.manual_seed(0)
    pipeline = build_pipeline(get_preset("sd"))
    pipeline.vae.register_to_config(scaling_factor=0.1147499606013298)
    save_weights(pipeline, ModelCard("full", "sd", {"polyp": 1}, Recipe()), folder, torch.float32)


def test_round_trip_is_exact_to_the_bit(folder: Path) -> None:
    export_weights(folder / "first", folder / "a.ckpt")
    # Without our note, as the authors' file: its sizes are told by the tensors.
    torch.save({"state_dict": read_checkpoint(folder / "a.ckpt").tensors}, folder / "bare.ckpt")
    (folder / "a.ckpt").unlink()
    card = import_weights(str(folder / "bare.ckpt"), folder / "second")
    assert card.preset == "sd"
    for name in WEIGHT_FILES:
        assert (folder / "first" / name).read_bytes() == (folder / "second" / name).read_bytes()


def test_sizes_on_disk(folder: Path) -> None:
    """413 million parameters: 1.65e9 bytes, 1.54 GiB, in fp32, half of that in fp16; less without the mask encoder."""
    import_weights(str(folder / "first"), folder / "half", dtype=torch.float16)
    import_weights(str(folder / "first"), folder / "inference", inference_only=True)
    assert read_info(folder / "inference").size <= 1.52e9
    full, half = (read_info(folder / name) for name in ("first", "half"))
    assert sum(part.parameters for part in full.components) == pytest.approx(412.8e6, rel=1e-3)
    assert full.size <= 1.6 * GIB
    assert half.size <= 0.85e9
