"""Rivals' weights folders: read alike, refused alike."""

import pickle
from pathlib import Path

import pytest
import torch
from helpers.models import save_tiny_weights
from helpers.rivals import rival_card, save_tiny_rival, tiny_rival
from safetensors.torch import load_file, save_file

from sdseg.errors import InputError, WeightsError
from sdseg.inference.segmenter import Segmenter
from sdseg.model.card import ModelCard
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.weights import current, load_weights, publish, save_weights, weights_sha256
from sdseg.rivals import RIVALS, copy_with_sampling

FILE = "network/diffusion_pytorch_model.safetensors"
LABELS = ("liver", "spleen")
IMAGE = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return save_tiny_rival(tmp_path / "weights")


@pytest.mark.parametrize("labels", [("brain",), LABELS], ids=["binary", "classes"])
@pytest.mark.parametrize("kind", RIVALS)
def test_round_trip(kind: str, labels: tuple[str, ...], tmp_path: Path) -> None:
    folder = save_tiny_rival(tmp_path / "weights", kind, seed=3, labels=labels)
    pipeline = load_weights(folder)
    expected = tiny_rival(kind, len(labels) + 1 if len(labels) > 1 else None, seed=3)(IMAGE)
    assert torch.equal(pipeline(IMAGE), expected)
    assert not any(parameter.requires_grad for parameter in pipeline.network.parameters())
    assert ModelCard.load(folder) == rival_card(kind, labels)
    assert weights_sha256(folder) != weights_sha256(save_tiny_rival(tmp_path / "other", kind, seed=4, labels=labels))


def test_saved_again_it_is_the_same_model_and_tells_no_path(tmp_path: Path, weights: Path) -> None:
    save_weights(load_weights(weights), rival_card("basic_unet"), tmp_path / "again", torch.float32)
    assert weights_sha256(tmp_path / "again") == weights_sha256(weights)
    assert not any(str(tmp_path) in path.read_text() for path in (tmp_path / "again").rglob("*.json"))


def test_steps_and_samples_are_kept(tmp_path: Path) -> None:
    pipeline = tiny_rival("image_diffusion", num_inference_steps=4, samples=2, prediction_type="epsilon")
    save_weights(pipeline, rival_card("image_diffusion"), tmp_path / "weights", torch.float32)
    loaded = load_weights(tmp_path / "weights")
    assert (loaded.config.num_inference_steps, loaded.config.samples) == (4, 2)
    assert torch.equal(loaded(IMAGE), pipeline(IMAGE))


def test_a_copy_that_samples_otherwise_is_another_model(tmp_path: Path, weights: Path) -> None:
    folder = save_tiny_rival(tmp_path / "diffusion", "image_diffusion")
    copy_with_sampling(folder, tmp_path / "copy", 3, samples=2)
    assert torch.equal(load_weights(tmp_path / "copy")(IMAGE), load_weights(folder)(IMAGE, 0, 3, samples=2))
    assert weights_sha256(tmp_path / "copy") != weights_sha256(folder)
    with pytest.raises(WeightsError, match="exists already"):
        copy_with_sampling(folder, tmp_path / "copy", 3, samples=2)
    with pytest.raises(WeightsError, match="a RivalPipeline, which does not sample"):
        copy_with_sampling(weights, tmp_path / "other", 3, samples=2)
    with pytest.raises(InputError, match="samples must be"):
        copy_with_sampling(folder, tmp_path / "other", 3, samples=0)
    assert not (tmp_path / "other").exists()


def test_publish(weights: Path, tmp_path: Path) -> None:
    published = publish(weights, tmp_path / "models")
    assert current(tmp_path / "models") == published
    assert weights_sha256(published) == weights_sha256(weights)


def test_a_truncated_file_is_one_line(weights: Path) -> None:
    (weights / FILE).write_bytes((weights / FILE).read_bytes()[:-1000])
    refused(weights, "cannot be loaded")


def test_a_pickle_is_not_run(weights: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "ran",)

    (weights / FILE).write_bytes(pickle.dumps(Evil()))
    refused(weights, "cannot be loaded")
    (weights / FILE).rename(weights / "network" / "diffusion_pytorch_model.bin")
    refused(weights, f"lacks {FILE}")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("change", ["lacks", "has beyond"])
def test_a_tensor_too_few_or_too_many_is_refused(weights: Path, change: str) -> None:
    tensors = load_file(weights / FILE)
    name = next(iter(tensors))
    tensors |= {"network.extra": tensors[name].clone()}
    if change == "lacks":
        del tensors["network.extra"], tensors[name]
    save_file(tensors, weights / FILE)
    refused(weights, r"1 tensor\(s\)")


@pytest.mark.parametrize(
    ("name", "words"), [("model_index.json", "lacks model_index"), ("sdseg.json", "no sdseg.json")]
)
def test_a_missing_file_is_named(weights: Path, name: str, words: str) -> None:
    (weights / name).unlink()
    refused(weights, words)


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_damaged_index_is_named(weights: Path, text: str) -> None:
    (weights / "model_index.json").write_text(text)
    refused(weights, "is damaged")


def test_an_unknown_pipeline_is_refused(weights: Path) -> None:
    index = weights / "model_index.json"
    index.write_text(index.read_text().replace("RivalPipeline", "OtherPipeline"))
    refused(weights, "unknown kind 'OtherPipeline'")


def test_labels_that_do_not_match_the_classes(tmp_path: Path) -> None:
    save_weights(tiny_rival("basic_unet", 4), rival_card("basic_unet", LABELS), tmp_path / "weights")
    with pytest.raises(WeightsError, match=r"3 structures .* there are 2 labels: liver, spleen"):
        Segmenter.load(tmp_path / "weights")


def test_a_card_of_another_kind(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(WeightsError, match="for the kind 'dyn_unet', but the model is 'basic_unet'"):
        save_weights(tiny_rival("basic_unet"), rival_card("dyn_unet"), tmp_path / "other")
    assert not (tmp_path / "other").exists()
    card = weights / "sdseg.json"
    card.write_text(card.read_text().replace("basic_unet", "sdseg"))
    refused(weights, "for the kind 'sdseg', but the model is 'basic_unet'")


def test_a_rival_where_sdseg_is_wanted(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(WeightsError, match="'basic_unet', which cannot be used here"):
        load_weights(weights, kind=SDSegPipeline)
    assert load_weights(save_tiny_weights(tmp_path / "sdseg"), kind=SDSegPipeline).image_size == 64


def test_the_shipped_weights_keep_their_identity(sample_data: Path) -> None:
    folder = sample_data / "weights" / "brain-small"
    assert weights_sha256(folder) == "c0542ae15922d9750fecb80a38aa999e3a1c3c36e8f660fafa37a715ca2dd4de"
    assert ModelCard.load(folder).kind == "sdseg"


def refused(folder: Path, words: str) -> None:
    with pytest.raises(WeightsError, match=words) as told:
        load_weights(folder)
    assert "\n" not in str(told.value)
