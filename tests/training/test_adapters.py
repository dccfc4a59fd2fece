"""Low-rank adapters: a few numbers beside frozen weights, and the same weights again from them."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline
from helpers.rivals import save_tiny_rival
from safetensors.torch import load_file
from typer.testing import CliRunner

from sdseg.cli.main import app
from sdseg.errors import InputError, SdsegError, WeightsError
from sdseg.model.weights import save_weights, weights_sha256
from sdseg.training.adapting import apply_adapter
from sdseg.training.data_config import ExampleConfig
from sdseg.training.material import Material
from sdseg.training.retrain import RetrainConfig, RetrainResult, retrain

CONFIG = RetrainConfig(max_steps=4, learning_rate=1e-2, batch_size=2, adapters="lora", rank=2)


@pytest.fixture
def champion(tmp_path: Path) -> Path:
    """In half precision, as trained weights are."""
    save_weights(tiny_pipeline(), tiny_card(), tmp_path / "champion")
    return tmp_path / "champion"


@pytest.fixture
def trained(champion: Path, example: ExampleConfig, tmp_path: Path) -> RetrainResult:
    return retrain(champion, Material((example.example(),)), tmp_path / "out", CONFIG)


def test_an_adapter_gives_the_trained_weights(trained: RetrainResult, champion: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "out" / "adapter"
    made = apply_adapter(adapter, champion, tmp_path / "made")
    assert weights_sha256(made) == trained.sha256 != weights_sha256(champion)
    facts = json.loads((adapter / "adapter.json").read_text())
    assert facts["base_sha256"] == weights_sha256(champion)
    for part in ("unet", "vision_encoder"):
        file = f"{part}/diffusion_pytorch_model.safetensors"
        before, after = load_file(champion / file), load_file(trained.weights / file)
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        assert changed, part
        assert all(name.endswith("weight") and before[name].ndim > 1 for name in changed)
    size = (adapter / "adapter_model.safetensors").stat().st_size
    assert size < 0.4 * (champion / "unet" / "diffusion_pytorch_model.safetensors").stat().st_size


def test_another_base_is_refused(trained: RetrainResult, tmp_path: Path) -> None:
    other = save_tiny_weights(tmp_path / "other", seed=5)
    with pytest.raises(WeightsError, match="give the folder it was made beside"):
        apply_adapter(tmp_path / "out" / "adapter", other, tmp_path / "made")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("damage", ["cut", "no facts", "other facts", "other tensors", "nothing"])
def test_a_damaged_adapter_is_named(damage: str, trained: RetrainResult, champion: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "out" / "adapter"
    facts = json.loads((adapter / "adapter.json").read_text())
    if damage == "cut":
        (adapter / "adapter_model.safetensors").write_bytes(b"\1" * 50)
    elif damage == "no facts":
        (adapter / "adapter.json").unlink()
    elif damage == "other facts":
        (adapter / "adapter.json").write_text(json.dumps({**facts, "card": {"name": 3}}))
    elif damage == "other tensors":
        (adapter / "adapter.json").write_text(json.dumps({**facts, "rank": 3}))
    else:
        shutil.rmtree(adapter)
    with pytest.raises(WeightsError, match=r"is damaged|is no adapter|does not fit"):
        apply_adapter(adapter, champion, tmp_path / "made")


def test_the_command_applies_it(trained: RetrainResult, champion: Path, tmp_path: Path) -> None:
    arguments = [str(tmp_path / "out" / "adapter"), str(champion), "-o", str(tmp_path / "made")]
    done = CliRunner().invoke(app, ["weights", "adapt", *arguments])
    assert done.stdout.strip() == f"weights={tmp_path / 'made'}"
    assert weights_sha256(tmp_path / "made") == trained.sha256


def test_without_peft_one_line_tells_what_to_install(
    champion: Path, example: ExampleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "peft"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("sys.path", [path for path in sys.path if "site-packages" not in path])
    with pytest.raises(InputError, match=r"Adapters need peft: install it with 'pip install -r requirements-learning"):
        retrain(champion, Material((example.example(),)), tmp_path / "none", CONFIG)
    assert not (tmp_path / "none").exists()


def test_a_rival_has_none(example: ExampleConfig, tmp_path: Path) -> None:
    champion = save_tiny_rival(tmp_path / "rival")
    with pytest.raises(SdsegError, match="made for SDSeg alone"):
        retrain(champion, Material((example.example(),)), tmp_path / "out", CONFIG)
