"""In, out and in again: the same bits, and the same card."""

import json
from pathlib import Path

import pytest
import torch
from helpers.golden import Golden
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline
from safetensors.torch import load_file

from sdseg.errors import InputError, WeightsError
from sdseg.model.card import ModelCard
from sdseg.model.weights import WEIGHT_FILES, load_weights, save_weights
from sdseg.weights.buffers import schedule_buffers
from sdseg.weights.checkpoint import read_checkpoint
from sdseg.weights.export import export_weights
from sdseg.weights.importing import Description, import_weights
from sdseg.weights.info import read_info
from sdseg.weights.source import Choices, Kind

RAW = "model.diffusion_model."
NINE = tuple(f"organ {number}" for number in range(1, 9))


def same_files(first: Path, second: Path) -> None:
    for name in WEIGHT_FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes()


@pytest.mark.parametrize(("name", "labels"), [("binary", ("polyp",)), ("multiclass9", NINE)])
@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_authors_checkpoint_comes_back_bit_by_bit(
    name: str, labels: tuple[str, ...], suffix: str, tmp_path: Path
) -> None:
    golden = Golden(name)
    import_weights(
        str(golden.save(tmp_path / "a.ckpt")),
        tmp_path / "weights",
        choices=Choices(heads=golden.heads),
        description=Description(labels),
    )
    export_weights(tmp_path / "weights", tmp_path / f"back{suffix}")
    back = read_checkpoint(tmp_path / f"back{suffix}").tensors
    assert back.keys() == golden.state_dict.keys()
    for key, tensor in golden.state_dict.items():
        if not key.startswith(RAW):  # the U-Net of the last step: its EMA stands for both
            assert back[key].dtype == tensor.dtype
            assert torch.equal(back[key], tensor), key
        else:
            ema = golden.state_dict["model_ema." + key.removeprefix("model.").replace(".", "")]
            assert torch.equal(back[key], ema), key


@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_own_folder_comes_back_without_options(suffix: str, dtype: torch.dtype, tmp_path: Path) -> None:
    pipeline = tiny_pipeline(classes=3)
    pipeline.vae.register_to_config(scaling_factor=0.1147499606013298)
    save_weights(pipeline, tiny_card(("liver", "spleen")), tmp_path / "first", dtype)
    export_weights(tmp_path / "first", tmp_path / f"a{suffix}")
    card = import_weights(str(tmp_path / f"a{suffix}"), tmp_path / "second", dtype=dtype)
    same_files(tmp_path / "first", tmp_path / "second")
    before = ModelCard.load(tmp_path / "first")
    assert (card.name, card.preset, card.labels, card.recipe) == ("brain-tiny", "tiny", before.labels, before.recipe)
    assert load_weights(tmp_path / "second").vae.config.scaling_factor == pytest.approx(0.1147499606013298, abs=0)
    for part in ("unet", "vae", "vision_encoder"):
        configs = [json.loads((tmp_path / one / part / "config.json").read_text()) for one in ("first", "second")]
        assert configs[0] == configs[1]


def test_the_note_may_be_missing(tmp_path: Path) -> None:
    """Sizes are told by the tensors: groups, heads and image size of a known preset come with it."""
    save_tiny_weights(tmp_path / "first")
    export_weights(tmp_path / "first", tmp_path / "a.ckpt")
    tensors = read_checkpoint(tmp_path / "a.ckpt").tensors
    torch.save({"state_dict": tensors}, tmp_path / "bare.ckpt")
    card = import_weights(str(tmp_path / "bare.ckpt"), tmp_path / "second")
    same_files(tmp_path / "first", tmp_path / "second")
    assert card.preset == "tiny"
    assert card.labels == {"foreground": 1}


def test_schedule_buffers_are_the_authors() -> None:
    state_dict = Golden("binary").state_dict
    for name, tensor in schedule_buffers().items():
        assert torch.equal(tensor, state_dict[name]), name


def test_a_folder_is_saved_anew(tmp_path: Path) -> None:
    save_tiny_weights(tmp_path / "first")
    card = import_weights(
        str(tmp_path / "first"), tmp_path / "half", description=Description(("heart",), name="h"), dtype=torch.float16
    )
    assert (card.name, card.labels, card.preset) == ("h", {"heart": 1}, "tiny")
    first, half = read_info(tmp_path / "first"), read_info(tmp_path / "half")
    assert half.size < 0.6 * first.size
    assert {part.dtype for part in half.components} == {"F16"}
    assert card.training["import"]["imported_sha256"] == first.sha256


def test_provenance_says_what_was_dropped(tmp_path: Path) -> None:
    golden = Golden("binary")
    card = import_weights(str(golden.save(tmp_path / "a.ckpt")), tmp_path / "weights", Kind.authors)
    told = card.training["import"]
    assert told["imported_from"] == "a.ckpt"
    assert (told["unet_weights"], told["global_step"]) == ("EMA", 100)
    assert told["dropped"]["optimizer_states"] == 1
    assert told["dropped"]["U-Net of the last step"] == sum(key.startswith(RAW) for key in golden.state_dict)
    assert card.preset == "custom"


def test_without_an_ema_the_last_step_is_taken(tmp_path: Path) -> None:
    golden = Golden("binary")
    without = {key: None for key in golden.state_dict if key.startswith("model_ema.")}
    card = import_weights(str(golden.save(tmp_path / "a.ckpt", **without)), tmp_path / "weights")
    assert card.training["import"]["unet_weights"] == "last step"
    stored = load_file(tmp_path / "weights" / "unet" / "diffusion_pytorch_model.safetensors")
    assert torch.equal(stored["unet.conv_out.weight"], golden.state_dict[RAW + "out.2.weight"])


def test_an_export_overwrites_nothing(tmp_path: Path) -> None:
    folder = save_tiny_weights(tmp_path / "weights")
    (tmp_path / "a.ckpt").write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        export_weights(folder, tmp_path / "a.ckpt")
    with pytest.raises(InputError, match=r"\.safetensors"):
        export_weights(folder, tmp_path / "a.bin")
    assert (tmp_path / "a.ckpt").read_text() == "precious"


def test_an_import_overwrites_nothing(tmp_path: Path) -> None:
    folder = save_tiny_weights(tmp_path / "weights")
    with pytest.raises(WeightsError, match="exists already"):
        import_weights(str(folder), folder)
