"""Weights folders: whole or not at all, strict, named by content, published atomically."""

import json
import multiprocessing
from pathlib import Path

import pytest
import torch
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline

from sdseg.errors import WeightsError
from sdseg.model.card import CARD_FILE, ModelCard
from sdseg.model.weights import current, load_weights, publish, save_weights, weights_sha256
from sdseg.volume.recipe import Recipe


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return save_tiny_weights(tmp_path / "weights")


def test_round_trip(weights: Path) -> None:
    image = torch.zeros(1, 3, 64, 64)
    torch.testing.assert_close(load_weights(weights)(image), tiny_pipeline()(image), atol=1e-4, rtol=0)
    assert ModelCard.load(weights) == tiny_card()


def test_a_file_cut_off_in_its_place_leaves_the_loaded_model_alone(weights: Path) -> None:
    """Of a file that is mapped into memory nothing would be left to read: SIGBUS, which ends the process."""
    pipeline = load_weights(weights)
    (weights / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"")
    reading = multiprocessing.get_context("fork").Process(
        target=lambda: [tensor.sum() for tensor in pipeline.unet.parameters()]
    )
    reading.start()
    reading.join()
    assert reading.exitcode == 0


def test_half_precision_on_disk_full_precision_in_memory(tmp_path: Path) -> None:
    pipeline = tiny_pipeline()
    save_weights(pipeline, tiny_card(), tmp_path / "half")
    assert pipeline.dtype == torch.float32
    assert load_weights(tmp_path / "half").unet.dtype == torch.float32
    half, full = (tmp_path / "half", save_tiny_weights(tmp_path / "full"))
    size = lambda folder: (folder / "unet" / "diffusion_pytorch_model.safetensors").stat().st_size  # noqa: E731
    assert size(half) < 0.6 * size(full)


def test_identity_is_the_content(tmp_path: Path, weights: Path) -> None:
    assert weights_sha256(weights) == weights_sha256(save_tiny_weights(tmp_path / "again"))
    assert weights_sha256(weights) != weights_sha256(save_tiny_weights(tmp_path / "other", seed=1))


def test_an_existing_folder_is_never_overwritten(weights: Path) -> None:
    with pytest.raises(WeightsError, match="exists already"):
        save_tiny_weights(weights)


@pytest.mark.parametrize("name", ["unet/diffusion_pytorch_model.safetensors", CARD_FILE])
def test_missing_part_is_named(weights: Path, name: str) -> None:
    (weights / name).unlink()
    with pytest.raises(WeightsError, match=name):
        load_weights(weights)


def test_truncated_weights_are_refused(weights: Path) -> None:
    path = weights / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load_weights(weights)


def test_weights_of_another_shape_are_refused(weights: Path) -> None:
    path = weights / "unet" / "config.json"
    config = json.loads(path.read_text()) | {"block_out_channels": [16, 16, 64]}
    path.write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load_weights(weights)


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "x"}'])
def test_damaged_card_is_refused(weights: Path, text: str) -> None:
    (weights / CARD_FILE).write_text(text)
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(weights)


@pytest.mark.parametrize("labels", [{}, {"brain": 2}, {"a": 1, "b": 1}, {"a": 0}])
def test_labels_run_from_one(labels: dict[str, int]) -> None:
    with pytest.raises(WeightsError, match="from 1 without gaps"):
        ModelCard("x", "tiny", labels, Recipe())


def test_publish_moves_the_pointer(tmp_path: Path, weights: Path) -> None:
    models = tmp_path / "models"
    assert current(models) is None
    first = publish(weights, models)
    assert current(models) == first
    assert weights_sha256(first) == weights_sha256(weights)
    second = publish(save_tiny_weights(tmp_path / "other", seed=1), models)
    assert current(models) == second != first
    assert first.is_dir()
    assert publish(weights, models) == first
    assert {item.name for item in models.iterdir()} == {first.name, second.name, "current"}


def test_a_failed_publication_leaves_the_old_weights(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    first = publish(weights, models)

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copytree", full_disk)
    with pytest.raises(WeightsError, match="No space left on device"):
        publish(save_tiny_weights(tmp_path / "other", seed=1), models)
    assert current(models) == first
    assert {item.name for item in models.iterdir()} == {first.name, "current"}


def test_a_dangling_pointer_is_told(tmp_path: Path, weights: Path) -> None:
    models = tmp_path / "models"
    publish(weights, models).rename(tmp_path / "gone")
    with pytest.raises(WeightsError, match="is missing"):
        current(models)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="could not be written"):
        save_tiny_weights(tmp_path / "file" / "weights")
