"""The loop: batches, micro-batches, processes, precision and rates."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from helpers.forked import run_program

from sdseg.errors import InputError, SdsegError
from sdseg.model.pipeline import build_pipeline
from sdseg.model.presets import get_preset
from sdseg.serving.process import free_port
from sdseg.training.config import TrainingConfig
from sdseg.training.engine import Engine
from sdseg.training.journal import Journal
from sdseg.training.learner import Batch, Learner
from sdseg.training.learners.sdseg import SDSegLearner
from sdseg.training.moments import Every
from sdseg.training.optimiser import Optimiser
from sdseg.training.processes import Processes
from sdseg.training.slices import SliceStack
from sdseg.training.stage import DiffusionConfig, StageConfig

Make = Callable[..., TrainingConfig]


class Line(Learner):
    """One number, pulled towards the mean of the batch."""

    def __init__(self, target: float = 1.0) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self._target = target

    def loss(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss = ((self.weight - self._target * batch.masks.float().mean()) ** 2).sum()
        return loss, {"error": loss.detach()}

    @property
    def averaged(self) -> None:
        return None

    @property
    def slice_model(self) -> None:
        return None


def stack(slices: int = 6) -> SliceStack:
    torch.manual_seed(0)
    masks = torch.zeros(slices, 1, 64, 64, dtype=torch.uint8)
    masks[..., 16:40, 16:40] = 1
    return SliceStack(torch.rand(slices, 1, 64, 64) * 2 - 1, masks)


def losses(path: Path, stage: str = "diffusion") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    kept = (
        {key: value for key, value in line.items() if key not in ("seconds", "stage")}
        for line in lines
        if line["stage"] == stage
    )
    return list(kept)


def train_tiny(tmp_path: Path, name: str, **config: object) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    """Six steps of a tiny SDSeg; its U-Net's weights and the log."""
    torch.manual_seed(3)
    pipeline = build_pipeline(get_preset("tiny"))
    settings = DiffusionConfig.model_validate({"steps": 6, "batch_size": 4, "learning_rate": 1e-3, **config})
    log = tmp_path / f"{name}.jsonl"
    Engine(Processes(), Journal(log, every=1)).train("diffusion", SDSegLearner(pipeline, settings), stack(), settings)
    return pipeline.unet.state_dict(), losses(log)


def test_micro_batches_give_the_same_steps(tmp_path: Path) -> None:
    whole, log = train_tiny(tmp_path, "whole")
    divided, divided_log = train_tiny(tmp_path, "divided", accumulate=4)
    for one, other in zip(log, divided_log, strict=True):
        assert one["noise"] == pytest.approx(other["noise"], rel=1e-3)
    assert max(float((whole[key] - divided[key]).abs().max()) for key in whole) < 2e-3, "Adam amplifies rounding"


def test_kept_latents_do_not_change_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    still = {"probability": 0.0, "flip_columns": False, "noise": 0.0, "bias_field": 0.0, "blur": 0.0}
    _, kept = train_tiny(tmp_path, "kept", augmentation=still)
    monkeypatch.setattr("sdseg.training.stage.AugmentationConfig.moves", property(lambda self: True))
    _, anew = train_tiny(tmp_path, "anew", augmentation=still)
    for one, other in zip(kept, anew, strict=True):
        assert one["latent"] == pytest.approx(other["latent"], rel=1e-4)


def test_mixed_precision_stays_close(tmp_path: Path) -> None:
    torch.manual_seed(3)
    pipeline = build_pipeline(get_preset("tiny"))
    settings = DiffusionConfig(steps=4, batch_size=4, learning_rate=1e-4)
    engine = Engine(Processes(), Journal(tmp_path / "bf16.jsonl", every=1), precision="bf16")
    engine.train("diffusion", SDSegLearner(pipeline, settings), stack(), settings)
    assert all(value.dtype == torch.float32 for value in pipeline.unet.state_dict().values())
    _, log = train_tiny(tmp_path, "fp32", steps=4, learning_rate=1e-4)
    for half, full in zip(losses(tmp_path / "bf16.jsonl"), log, strict=True):
        assert half["noise"] == pytest.approx(full["noise"], rel=0.03)


def test_recomputed_activations_give_the_same_gradients() -> None:
    torch.manual_seed(3)
    pipeline = build_pipeline(get_preset("tiny"))
    learner = SDSegLearner(pipeline, DiffusionConfig(steps=1, learning_rate=1e-3))
    gradients = []
    for recompute in (False, True):
        if recompute:
            pipeline.unet.enable_gradient_checkpointing()
            pipeline.vision_encoder.enable_gradient_checkpointing()
        learner.zero_grad()
        (batch,) = take(1)
        learner(batch)[0].backward()
        gradients.append([p.grad.clone() for p in learner.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(gradients[1]) > 50
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-5, rtol=1e-4)


def take(count: int) -> list[Batch]:
    from itertools import islice

    from sdseg.training.batches import Batches, Share

    return list(islice(Batches(stack(), None, Share(2), seed=1).start(), count))


@pytest.mark.slow
def test_two_processes_are_one(config: Make, tmp_path: Path) -> None:
    """Real processes over gloo, started by torchrun: the loss curve and the weights of one process."""
    stage = {"steps": 8, "batch_size": 4, "learning_rate": 1e-3, "warmup_steps": 2}
    settings = config(autoencoder=stage, diffusion={**stage, "accumulate": 2}, checkpoint_every=3, log_every=1)
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    train = ("sdseg.cli.main", "train", "-c", str(file), "-o")
    launch = ("torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port()), "-m")
    for command in ((*train, str(tmp_path / "one")), (*launch, *train, str(tmp_path / "two"))):
        done = run_program(*command, timeout=500)
        assert done.returncode == 0, done.stderr[-2000:]
    for stage_name in ("autoencoder", "diffusion"):
        curves = [losses(tmp_path / run / "log.jsonl", stage_name) for run in ("one", "two")]
        assert [line["step"] for line in curves[0]] == list(range(1, 9))
        for one, other in zip(*curves, strict=True):
            assert one == pytest.approx(other, rel=1e-3)
    cards = [json.loads((tmp_path / run / "weights" / "sdseg.json").read_text()) for run in ("one", "two")]
    assert [card["training"]["processes"] for card in cards] == [1, 2]


def test_a_batch_that_cannot_be_divided_is_refused(config: Make) -> None:
    with pytest.raises(ValueError, match="5 cannot be divided into 2"):
        StageConfig(steps=1, learning_rate=1, batch_size=5, accumulate=2)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    settings = StageConfig(steps=50, learning_rate=1e-3)
    engine = Engine(Processes(), Journal(tmp_path / "log.jsonl"), checkpoints=tmp_path / "state", checkpoint_every=10)
    with pytest.raises(SdsegError, match="became nan: lower the learning rate"):
        engine.train("diffusion", Line(float("nan")), stack(), settings)
    assert not list(tmp_path.glob("state/*")), "no checkpoint of a broken state"


def test_schedule_warms_up_and_falls() -> None:
    settings = StageConfig(steps=100, learning_rate=1.0, warmup_steps=10, schedule="cosine")
    rates = [Optimiser(Line(), settings, 100).rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert 0.95 < max(rates) <= 1
    assert rates[-1] < 0.01


def test_the_class_embedding_learns_faster() -> None:
    learner = SDSegLearner(build_pipeline(get_preset("tiny"), classes=3), DiffusionConfig(steps=1, learning_rate=1e-4))
    optimiser = Optimiser(learner, DiffusionConfig(steps=1, learning_rate=1e-4), 1)
    for parameter in optimiser.parameters:
        parameter.grad = torch.ones_like(parameter)
    optimiser.step(0)
    rates = {len(group["params"]): group["lr"] for group in optimiser.adamw.param_groups}
    assert rates[1] == pytest.approx(1e-2) and min(rates.values()) == pytest.approx(1e-4)


def test_a_time_budget_sets_the_steps(tmp_path: Path) -> None:
    """A hundredth of a minute is far more than fifty steps of one number, and far less than a million."""
    settings = StageConfig(minutes=0.05, learning_rate=1e-3, batch_size=2)
    engine = Engine(Processes(), Journal(tmp_path / "log.jsonl"))
    steps = engine.train("segmentation", Line(), stack(), settings)
    assert 50 < steps < 1_000_000
    assert losses(tmp_path / "log.jsonl", "segmentation")[-1]["step"] == steps


def test_looks_are_taken_on_time(tmp_path: Path) -> None:
    seen: list[int] = []
    engine = Engine(Processes(), Journal(tmp_path / "log.jsonl"))
    engine.train("segmentation", Line(), stack(), StageConfig(steps=7, learning_rate=0.1), (Every(3, seen.append),))
    assert seen == [3, 6, 7]


def test_processes_that_do_not_exist_are_refused() -> None:
    with pytest.raises(InputError, match="cuda:77"):
        Processes("cuda:77")
