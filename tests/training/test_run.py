"""A whole run: what comes out is a weights folder that segments, and tells how it was made."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sdseg.errors import InputError, UnknownNameError, WeightsError
from sdseg.inference.segmenter import Segmenter
from sdseg.model.networks import build_autoencoder
from sdseg.model.pipeline import build_pipeline
from sdseg.model.presets import get_preset
from sdseg.model.weights import save_weights
from sdseg.training.config import TrainingConfig
from sdseg.training.data_config import ExampleConfig
from sdseg.training.run import RunOptions, TrainingRun
from sdseg.training.slices import load_slices

Make = Callable[..., TrainingConfig]


def test_a_run_makes_weights_that_segment(config: Make, example: ExampleConfig, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    run = TrainingRun(config(), tmp_path / "run", progress=lambda stage, i, n, _: seen.append((stage, i, n)))
    segmenter = Segmenter.load(run.run())
    assert seen == [("autoencoder", 3, 3), ("diffusion", 3, 3)]
    told = segmenter.card.training
    assert told["config"]["seed"] == 0 and told["steps"] == 3 and told["data"] == {"train": 1, "validation": 0}
    assert str(tmp_path) not in json.dumps({**told, "command": ""}), "paths of images may hold names of patients"
    assert segmenter.pipeline.vae.config.scaling_factor != 1.0
    assert segmenter.segment(example.image, modality="MR").labelmap.shape == (64, 64, 8)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [entry["stage"] for entry in log] == ["autoencoder", "diffusion"]
    assert not (tmp_path / "run" / "checkpoints").exists()
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard" / "diffusion")).Reload()
    assert [event.step for event in events.Scalars("latent")] == [3]


def test_same_seed_same_weights(config: Make, tmp_path: Path) -> None:
    runs = [TrainingRun(config(seed=s), tmp_path / f"run{n}").run() for n, s in enumerate((5, 5, 6))]
    first, second, other = (Segmenter.load(folder).pipeline.unet.state_dict() for folder in runs)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "batch_size", "learning_rate"),
    [((160, 280), 4, 4e-3), pytest.param((250, 400), 8, 2e-3, marks=pytest.mark.long)],
    ids=["short", "whole"],
)
def test_training_learns(
    steps: tuple[int, int],
    batch_size: int,
    learning_rate: float,
    config: Make,
    example: ExampleConfig,
    tmp_path: Path,
) -> None:
    """A few hundred steps of a tiny model find a disc: the loss is the right one and the pieces fit."""
    plain = {"probability": 0.0, "bias_field": 0.0, "noise": 0.0, "blur": 0.0}
    common = {"schedule": "cosine", "augmentation": plain, "ema_decay": 0.98}
    learn = {
        "autoencoder": {"steps": steps[0], "batch_size": 4, "learning_rate": 3e-3, **common},
        "diffusion": {
            "steps": steps[1],
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "timesteps": [950, 999],
            "noise_weight": 0.0,
            **common,
        },
    }
    weights = TrainingRun(config(**learn), tmp_path / "run").run()
    result = Segmenter.load(weights).segment(example.image, modality="MR")
    truth = np.asarray(nib.load(example.label).dataobj)
    overlap = 2 * np.sum((result.labelmap > 0) & (truth > 0)) / (np.sum(result.labelmap > 0) + np.sum(truth > 0))
    assert overlap > 0.8


def test_autoencoder_stays_frozen(config: Make, tmp_path: Path) -> None:
    run = TrainingRun(config(), tmp_path / "run")
    pipeline = build_pipeline(get_preset("tiny"))
    before = {key: value.clone() for key, value in pipeline.vae.state_dict().items()}
    encoder = {key: value.clone() for key, value in pipeline.vision_encoder.state_dict().items()}
    run.train(pipeline, load_slices(run.data.train, run.recipe, run.data.labels))
    assert all(torch.equal(before[key], value) for key, value in pipeline.vae.state_dict().items())
    assert not all(torch.equal(encoder[key], value) for key, value in pipeline.vision_encoder.state_dict().items())


def test_finished_weights_are_not_overwritten(config: Make, tmp_path: Path) -> None:
    (tmp_path / "run" / "weights").mkdir(parents=True)
    with pytest.raises(InputError, match="exists already"):
        TrainingRun(config(), tmp_path / "run")


def test_two_stages_in_two_runs_are_one_run(config: Make, tmp_path: Path) -> None:
    at_once = TrainingRun(config(), tmp_path / "once").run()
    autoencoder = TrainingRun(config(), tmp_path / "first").run_autoencoder()
    second = TrainingRun(config(), tmp_path / "second", RunOptions(autoencoder=autoencoder)).run()
    one, other = (Segmenter.load(folder).pipeline.vae for folder in (at_once, second))
    assert one.config.scaling_factor == other.config.scaling_factor
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())


def test_foreign_autoencoder(config: Make, tmp_path: Path) -> None:
    vae = build_autoencoder(get_preset("tiny"))
    vae.save_pretrained(tmp_path / "vae")
    run = TrainingRun(config(autoencoder=None), tmp_path / "run", RunOptions(autoencoder=tmp_path / "vae"))
    kept = Segmenter.load(run.run()).pipeline.vae.state_dict()
    assert all(torch.allclose(kept[key], value, atol=1e-2) for key, value in vae.state_dict().items())


def test_without_any_autoencoder_the_run_says_so(config: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--autoencoder"):
        TrainingRun(config(autoencoder=None), tmp_path / "run")


def test_training_on_from_weights(config: Make, tmp_path: Path) -> None:
    first = TrainingRun(config(), tmp_path / "first").run()
    run = TrainingRun(config(autoencoder=None), tmp_path / "second", RunOptions(start=first))
    second = Segmenter.load(run.run())
    assert second.card.training["start_sha256"] == Segmenter.load(first).weights_sha256
    started = Segmenter.load(first).pipeline
    assert second.pipeline.vae.config.scaling_factor == started.vae.config.scaling_factor, "it was measured already"
    moved = [
        float((a - b).abs().max())
        for a, b in zip(second.pipeline.unet.parameters(), started.unet.parameters(), strict=True)
    ]
    assert 0 < max(moved) < 0.1, "three steps from where the first ended"


def test_weights_of_another_size_are_no_start(config: Make, tmp_path: Path) -> None:
    first = TrainingRun(config(), tmp_path / "first").run()
    larger = config(model={"preset": "small"}, autoencoder=None)
    with pytest.raises(WeightsError, match="64 pixels, the configuration for 128"):
        TrainingRun(larger, tmp_path / "second", RunOptions(start=first)).run()


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"prediction_type": "sample"}, "prediction_type epsilon, the configuration asks for sample"),
        ({"conditioning": "cross_attention"}, "conditioning concat, the configuration asks for cross_attention"),
        ({"kind": "basic_unet", "image_size": 64}, "kind sdseg, the configuration asks for basic_unet"),
    ],
)
def test_another_variant_is_no_start(model: dict, told: str, config: Make, tmp_path: Path) -> None:
    first = save_tiny_weights(tmp_path / "first")
    another = config(model={"preset": "tiny"} | model, autoencoder=None)
    with pytest.raises(WeightsError, match=told):
        TrainingRun(another, tmp_path / "second", RunOptions(start=first)).run()


def test_starting_weights_take_the_variant(config: Make, example: ExampleConfig, tmp_path: Path) -> None:
    """Classes, prediction type and frozen encoder of the configuration, the U-Net's weights of the folder."""
    first = tmp_path / "start"
    pipeline = tiny_pipeline()
    save_weights(pipeline, replace(tiny_card(), training={"trained": False}), first, torch.float32)
    model = {"preset": "tiny", "prediction_type": "sample", "frozen_encoder": True, "class_conditional": True}
    run = TrainingRun(config(model=model, autoencoder=None), tmp_path / "run", RunOptions(start=first))
    trained = Segmenter.load(run.run()).pipeline
    assert trained.classes == 2 and trained.scheduler.config.prediction_type == "sample"
    assert trained.vae.config.scaling_factor != 1.0, "measured, since starting weights do not have it"
    image = torch.rand(1, 3, 64, 64)
    mean = trained.vae.encode(image).latent_dist.mean
    torch.testing.assert_close(trained.vision_encoder(image), mean, atol=2e-2, rtol=1e-2)
    before = dict(pipeline.unet.named_parameters())
    moved = max(float((p - before[n]).abs().max()) for n, p in trained.unet.named_parameters() if n in before)
    assert moved < 0.1, "three steps from the folder's weights"


def test_an_unknown_model_is_refused_before_anything_is_loaded(config: Make, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no model 'resnet'; choose one of: sdseg, basic_unet"):
        TrainingRun(config(model={"kind": "resnet", "image_size": 64}), tmp_path / "run")


def test_several_classes(config: Make, example: ExampleConfig, tmp_path: Path) -> None:
    """Two structures in one mask: the model is class-conditional, and its labelmap holds both values."""
    label = np.asarray(nib.load(example.label).dataobj).copy()
    label[:32] *= 2
    nib.save(nib.Nifti1Image(label, np.eye(4)), example.label)
    weights = TrainingRun(config(labels={"tooth": 1, "brain": 2}), tmp_path / "run").run()
    segmenter = Segmenter.load(weights)
    assert segmenter.pipeline.classes == 3
    assert set(np.unique(segmenter.segment(example.image, modality="MR").labelmap)) <= {0, 1, 2}


def test_a_binary_model_takes_one_label(config: Make, tmp_path: Path) -> None:
    several = config(labels={"tooth": 1, "brain": 2}, model={"preset": "tiny", "class_conditional": False})
    with pytest.raises(InputError, match="one label, not 2"):
        TrainingRun(several, tmp_path / "run").run()


def test_a_rival_on_the_same_configuration(config: Make, example: ExampleConfig, tmp_path: Path) -> None:
    rival = config(model={"kind": "basic_unet", "image_size": 64, "options": {"features": [4, 4, 8, 8, 8, 4]}})
    segmenter = Segmenter.load(TrainingRun(rival, tmp_path / "run").run())
    assert segmenter.segment(example.image, modality="MR").labelmap.shape == (64, 64, 8)


def test_validation_pictures_and_figures(config: Make, example: ExampleConfig, tmp_path: Path) -> None:
    data = {"train": [example.model_dump()], "validation": [example.model_dump()]}
    shown = config(data=data, preview={"every": 2, "slices": 4, "pictures": 2})
    run = TrainingRun(shown, tmp_path / "run", RunOptions(snapshot_every=2))
    run.run()
    assert [path.name for path in sorted(run.folder.pictures.iterdir())] == ["step-0000002.png", "step-0000003.png"]
    log = [json.loads(line) for line in run.folder.log.read_text().splitlines()]
    assert [entry["step"] for entry in log if "validation_dice" in entry] == [2, 3]
    assert Segmenter.load(run.folder.snapshot(2)).pipeline.image_size == 64
