"""What cannot be used is refused in one sentence, and leaves nothing behind."""

import os
import pickle
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.golden import Golden
from helpers.models import save_tiny_weights

from sdseg.errors import InputError, SdsegError, WeightsError
from sdseg.model.weights import weights_sha256
from sdseg.weights.checkpoint import read_checkpoint
from sdseg.weights.export import export_weights
from sdseg.weights.importing import Description, import_weights
from sdseg.weights.info import read_info
from sdseg.weights.source import Choices, Kind

CONV = "model_ema.diffusion_modelout2weight"
GOLDEN = Golden("binary")


def refused(source: Path | str, target: Path, match: str, **options: Any) -> str:
    with pytest.raises(SdsegError, match=match) as caught:
        import_weights(str(source), target, **options)
    assert not target.exists()
    assert not list(target.parent.glob(f".{target.name}*"))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({CONV: None}, rf"1 tensor is missing \({CONV}\)"),
        ({"scale_factor": None}, r"1 tensor is missing \(scale_factor\)"),
        ({"cond_stage_model.extra": torch.zeros(1)}, r"1 tensor is left over \(cond_stage_model.extra\)"),
        (
            {CONV: torch.zeros(4, 31, 3, 3)},
            r"1 tensor is of another shape .*\(4, 31, 3, 3\) instead of \(4, 32, 3, 3\)",
        ),
        ({"betas": torch.zeros(1000)}, "another noise schedule"),
    ],
)
def test_every_tensor_is_accounted_for(changes: dict[str, Any], told: str, tmp_path: Path) -> None:
    refused(GOLDEN.save(tmp_path / "a.ckpt", **changes), tmp_path / "weights", told)


def test_many_missing_tensors_are_counted_and_the_first_named(tmp_path: Path) -> None:
    gone = {name: None for name in GOLDEN.state_dict if name.startswith("cond_stage_model.encoder.mid")}
    path = GOLDEN.save(tmp_path / "a.ckpt", **gone, another=torch.zeros(1))
    message = refused(path, tmp_path / "weights", f"{len(gone)} tensors are missing")
    assert "1 tensor is left over (another)" in message
    assert message.count("cond_stage_model.encoder.mid") == 3
    assert len(message) < 500


@pytest.mark.parametrize(
    ("name", "labels", "told"),
    [
        ("binary", ("a", "b"), "1 structure .* 2 labels: a, b"),
        ("multiclass9", ("a", "b"), "8 structures .* 2 labels"),
        ("binary", ("a", "a"), "a name of its own"),
    ],
)
def test_labels_match_the_classes(name: str, labels: tuple[str, ...], told: str, tmp_path: Path) -> None:
    golden = Golden(name)
    refused(
        golden.save(tmp_path / "a.ckpt"),
        tmp_path / "weights",
        told,
        choices=Choices(heads=golden.heads),
        description=Description(labels),
    )


class Trap:
    """Leaves a trace where it is unpickled."""

    trace: Path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.trace),)


def save_zip(content: Any, path: Path) -> None:
    torch.save(content, path)


def save_old(content: Any, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def save_pickle(content: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("save", [save_zip, save_old, save_pickle])
def test_code_is_not_executed(save: Callable[[Any, Path], None], tmp_path: Path) -> None:
    Trap.trace = tmp_path / "executed"
    save({"state_dict": {"a": torch.zeros(2)}, "callbacks": Trap()}, tmp_path / "a.ckpt")
    refused(tmp_path / "a.ckpt", tmp_path / "weights", "holds code")
    assert not Trap.trace.exists()


def test_a_whole_module_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "a.ckpt")
    refused(tmp_path / "a.ckpt", tmp_path / "weights", "holds code")


def test_lightnings_class_names_are_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old Lightning keys the state of a callback by its class, which need not be installed."""
    names = ("pytorch_lightning", "pytorch_lightning.callbacks", "pytorch_lightning.callbacks.model_checkpoint")
    modules = {name: types.ModuleType(name) for name in names}
    callback = type("ModelCheckpoint", (), {"__module__": names[-1]})
    modules[names[-1]].ModelCheckpoint = callback  # type: ignore[attr-defined]
    with monkeypatch.context() as patched:
        for name, module in modules.items():
            patched.setitem(sys.modules, name, module)
        torch.save({"state_dict": {"a": torch.zeros(2)}, "callbacks": {callback: {"best": 1}}}, tmp_path / "a.ckpt")
    checkpoint = read_checkpoint(tmp_path / "a.ckpt")
    assert list(checkpoint.tensors) == ["a"]
    assert checkpoint.others == ("callbacks",)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_truncated_files(suffix: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    export_weights(save_tiny_weights(tmp_path / "tiny"), path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refused(path, tmp_path / "weights", "is damaged")


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_flipped_bit_is_found(share: float, tmp_path: Path) -> None:
    """PyTorch writes checksums and does not read them: such a file would load, and be wrong."""
    path = GOLDEN.save(tmp_path / "a.ckpt")
    content = bytearray(path.read_bytes())
    content[int(len(content) * share)] ^= 1
    path.write_bytes(content)
    refused(path, tmp_path / "weights", "is damaged")


@pytest.mark.parametrize("text", ["<!doctype html><title>Not found</title>", "hello\n" * 20])
def test_other_files(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_text(text)
    refused(tmp_path / "a.ckpt", tmp_path / "weights", "no PyTorch checkpoint")


@pytest.mark.parametrize(
    ("content", "told"),
    [([1, 2], "but a list"), ({"epoch": 1}, "no tensors"), ({"a": torch.zeros(1)}, "no weights of")],
)
def test_checkpoints_of_something_else(content: Any, told: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.ckpt")
    refused(tmp_path / "a.ckpt", tmp_path / "weights", told)


@pytest.mark.parametrize(("choices", "told"), [(Choices(heads=7), "7 heads"), (Choices(image_size=100), "multiple of")])
def test_impossible_choices(choices: Choices, told: str, tmp_path: Path) -> None:
    refused(GOLDEN.save(tmp_path / "a.ckpt"), tmp_path / "weights", told, choices=choices)


@pytest.mark.parametrize(
    ("value", "dtype", "is_fine"),
    [
        (1e5, torch.float32, True),
        (1e5, torch.float16, False),
        (float("nan"), torch.float32, False),
        (float("inf"), torch.float32, False),
    ],
)
def test_values_that_the_precision_cannot_hold(value: float, dtype: torch.dtype, is_fine: bool, tmp_path: Path) -> None:
    path = GOLDEN.save(tmp_path / "a.ckpt", **{CONV: torch.full_like(GOLDEN.state_dict[CONV], value)})
    if is_fine:
        import_weights(str(path), tmp_path / "weights", dtype=dtype)
    else:
        refused(path, tmp_path / "weights", "conv_out.weight holds NaN or values above", dtype=dtype)


def test_kinds_that_the_source_is_not(tmp_path: Path) -> None:
    path, folder = GOLDEN.save(tmp_path / "a.ckpt"), save_tiny_weights(tmp_path / "tiny")
    target = tmp_path / "weights"
    refused(path, target, "give a folder", kind=Kind.folder)
    refused(path, target, "no autoencoder", kind=Kind.autoencoder)
    refused(path, target, "left over", kind=Kind.ldm)
    refused(folder, target, "cannot be read as 'authors'", kind=Kind.authors)
    refused(folder, target, "leave them out", choices=Choices(heads=4))
    refused(tmp_path, target, "no folder or hub id")
    refused(tmp_path / "nowhere" / "a.ckpt", target, "check the path")


def test_a_damaged_note_is_told(tmp_path: Path) -> None:
    torch.save({"state_dict": GOLDEN.state_dict, "sdseg": "{"}, tmp_path / "a.ckpt")
    refused(tmp_path / "a.ckpt", tmp_path / "weights", "note")
    torch.save({"state_dict": GOLDEN.state_dict, "sdseg": '{"preset": {}}'}, tmp_path / "b.ckpt")
    refused(tmp_path / "b.ckpt", tmp_path / "weights", "note")


def test_export_and_info_of_damaged_folders(tmp_path: Path) -> None:
    folder = save_tiny_weights(tmp_path / "weights")
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="cannot be loaded"):
        export_weights(folder, tmp_path / "a.ckpt")
    with pytest.raises(WeightsError, match="damaged"):
        read_info(folder)
    with pytest.raises(WeightsError, match="not a weights folder"):
        read_info(tmp_path)
    with pytest.raises(InputError, match="no checkpoint"):
        read_checkpoint(tmp_path / "nothing.ckpt")


def test_info_names_the_content(tmp_path: Path) -> None:
    folder = save_tiny_weights(tmp_path / "weights")
    told = read_info(folder)
    assert told.sha256 == weights_sha256(folder)
    assert {part.name for part in told.components} == {"unet", "vae", "vision_encoder"}
    assert told.size == sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    assert told.unet["num_attention_heads"] == 2
