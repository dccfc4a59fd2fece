"""Training: what goes in is checked, what comes out is a weights folder that segments."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
import yaml

from sdseg.errors import InputError, LabelError, SdsegError
from sdseg.inference.segmenter import Segmenter
from sdseg.model.pipeline import build_autoencoder, build_pipeline
from sdseg.model.presets import get_preset
from sdseg.training.augment import BatchSampler, build_augmentation, mask_to_image
from sdseg.training.config import (
    AugmentationConfig,
    DiffusionConfig,
    ExampleConfig,
    StageConfig,
    TrainingConfig,
    load_config,
)
from sdseg.training.objective import DiffusionObjective
from sdseg.training.optimiser import Optimiser
from sdseg.training.run import TrainingRun
from sdseg.training.slices import SliceStack, load_slices
from sdseg.volume.recipe import Recipe


@pytest.fixture
def example(tmp_path: Path) -> ExampleConfig:
    """A bright disc to be found in a dark, noisy field."""
    i, j = np.mgrid[:64, :64]
    disc = np.repeat(((i - 30) ** 2 + (j - 34) ** 2 < 15**2)[..., None], 8, axis=2)
    image = disc * 100 + np.random.default_rng(0).normal(40, 8, disc.shape)
    for name, array in (("image", image.astype(np.float32)), ("label", disc.astype(np.uint8))):
        nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / f"{name}.nii.gz")
    return ExampleConfig(image=tmp_path / "image.nii.gz", label=tmp_path / "label.nii.gz", modality="MR")


def config(example: ExampleConfig, **changes: object) -> TrainingConfig:
    values = {
        "name": "disc",
        "preset": "tiny",
        "labels": {"brain": 1},
        "data": [example.model_dump()],
        "autoencoder": {"steps": 3, "batch_size": 2, "learning_rate": 1e-3},
        "diffusion": {"steps": 3, "batch_size": 2, "learning_rate": 1e-3},
    }
    return TrainingConfig.model_validate(values | changes)


def test_a_run_makes_weights_that_segment(example: ExampleConfig, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    run = TrainingRun(config(example), tmp_path / "run", progress=lambda stage, i, n, _: seen.append((stage, i, n)))
    segmenter = Segmenter.load(run.run())
    assert seen == [("autoencoder", 3, 3), ("diffusion", 3, 3)]
    assert segmenter.card.training["config"]["seed"] == 0
    assert segmenter.pipeline.vae.config.scaling_factor != 1.0
    result = segmenter.segment(example.image, modality="MR")
    assert result.labelmap.shape == (64, 64, 8)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [entry["stage"] for entry in log] == ["autoencoder", "diffusion"]


def test_same_seed_same_weights(example: ExampleConfig, tmp_path: Path) -> None:
    runs = [TrainingRun(config(example, seed=s), tmp_path / f"run{n}").run() for n, s in enumerate((5, 5, 6))]
    first, second, other = (Segmenter.load(folder).pipeline.unet.state_dict() for folder in runs)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@pytest.mark.slow
def test_training_learns(example: ExampleConfig, tmp_path: Path) -> None:
    """A few hundred steps of a tiny model find a disc: the loss is the right one and the pieces fit."""
    plain = {"probability": 0.0, "bias_field": 0.0, "noise": 0.0}
    learn = {
        "autoencoder": {
            "steps": 250,
            "batch_size": 4,
            "learning_rate": 3e-3,
            "schedule": "cosine",
            "augmentation": plain,
        },
        "diffusion": {
            "steps": 400,
            "batch_size": 8,
            "learning_rate": 2e-3,
            "schedule": "cosine",
            "timesteps": [950, 999],
            "noise_weight": 0.0,
            "ema_decay": 0.98,
            "augmentation": plain,
        },
    }
    weights = TrainingRun(config(example, **learn), tmp_path / "run").run()
    result = Segmenter.load(weights).segment(example.image, modality="MR")
    truth = np.asarray(nib.load(example.label).dataobj)
    overlap = 2 * np.sum((result.labelmap > 0) & (truth > 0)) / (np.sum(result.labelmap > 0) + np.sum(truth > 0))
    assert overlap > 0.8


def test_autoencoder_stays_frozen(example: ExampleConfig, tmp_path: Path) -> None:
    settings = config(example)
    run = TrainingRun(settings, tmp_path / "run")
    pipeline = build_pipeline(get_preset("tiny"))
    before = {key: value.clone() for key, value in pipeline.vae.state_dict().items()}
    encoder = {key: value.clone() for key, value in pipeline.vision_encoder.state_dict().items()}
    run.train_diffusion(pipeline, load_slices(settings.data, run.recipe, settings.labels))
    assert all(torch.equal(before[key], value) for key, value in pipeline.vae.state_dict().items())
    assert not all(torch.equal(encoder[key], value) for key, value in pipeline.vision_encoder.state_dict().items())


def test_latent_loss_is_the_weighted_noise_loss() -> None:
    """At one t, mean |z0 error| = sqrt(1 / abar_t - 1) * mean |noise error|."""
    pipeline = build_pipeline(get_preset("tiny"))
    settings = DiffusionConfig(steps=1, learning_rate=1e-3, timesteps=(999, 999))
    objective = DiffusionObjective(pipeline, settings, lambda: torch.autocast("cpu", enabled=False), seed=0)
    images, masks = torch.zeros(2, 3, 64, 64), torch.ones(2, 1, 64, 64, dtype=torch.uint8)
    loss, terms = objective(images, masks)
    assert terms["latent"] == pytest.approx(38.659 * terms["noise"], rel=1e-3)
    assert loss.item() == pytest.approx(terms["latent"] + terms["noise"], rel=1e-5)


def test_mask_loss_is_soft_dice_of_the_decoded_estimate() -> None:
    pipeline = build_pipeline(get_preset("tiny"))
    settings = DiffusionConfig(steps=1, learning_rate=1e-3, mask_weight=2.0, noise_weight=0, latent_weight=0)
    objective = DiffusionObjective(pipeline, settings, lambda: torch.autocast("cpu", enabled=False), seed=0)
    loss, terms = objective(torch.zeros(2, 3, 64, 64), torch.ones(2, 1, 64, 64, dtype=torch.uint8))
    assert loss.item() == pytest.approx(2 * terms["mask"])
    assert 0 < terms["mask"] < 1
    loss.backward()
    assert all(p.grad is not None for p in pipeline.vision_encoder.parameters())


def test_image_and_mask_move_together() -> None:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 20:40, 10:30] = 1
    stack = SliceStack(mask * 2 - 1, mask.to(torch.uint8))
    quiet = AugmentationConfig(probability=1, gamma=(1.0, 1.0), noise=0, bias_field=0, blur=0.2)
    sampler = BatchSampler(stack, 16, build_augmentation(quiet, 64), seed=0)
    images, masks = sampler.draw()
    assert images.shape == (16, 3, 64, 64) and masks.shape == (16, 1, 64, 64)
    agreement = ((images[:, :1] > 0) == (masks > 0)).float().mean()
    assert agreement > 0.98
    assert len({int(m.sum()) for m in masks}) > 8


def test_sampler_repeats_under_a_seed() -> None:
    stack = SliceStack(torch.rand(6, 1, 64, 64), torch.ones(6, 1, 64, 64, dtype=torch.uint8))
    draws = [BatchSampler(stack, 3, build_augmentation(AugmentationConfig(), 64), seed=s).draw()[0] for s in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_masks_become_pictures() -> None:
    picture = mask_to_image(torch.tensor([[[[0, 1], [2, 0]]]], dtype=torch.uint8))
    assert picture.shape == (1, 3, 2, 2)
    assert picture[0, 0].tolist() == [[-1, 1], [1, -1]]


def test_unnamed_label_values_are_refused(example: ExampleConfig) -> None:
    with pytest.raises(LabelError, match=r"holds the values \[1\]"):
        load_slices([example], Recipe(image_size=64), {"brain": 2})


def test_an_empty_mask_teaches_nothing(example: ExampleConfig) -> None:
    nib.save(nib.Nifti1Image(np.zeros((64, 64, 8), np.uint8), np.eye(4)), example.label)
    with pytest.raises(LabelError, match="labels no voxel"):
        load_slices([example], Recipe(image_size=64), {"brain": 1})


def test_a_loss_that_is_no_number_stops_the_run() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = Optimiser([weight], StageConfig(steps=1, learning_rate=1e-3))
    with pytest.raises(SdsegError, match="learning rate"):
        optimiser.step(weight.sum() * float("nan"))


def test_schedule_warms_up_and_falls() -> None:
    settings = StageConfig(steps=100, learning_rate=1.0, warmup_steps=10, schedule="cosine")
    optimiser = Optimiser([weight := torch.nn.Parameter(torch.zeros(1))], settings)
    rates = []
    for _ in range(100):
        rates.append(optimiser.adamw.param_groups[0]["lr"])
        optimiser.step(weight.sum() * 0)
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) > 0.95
    assert rates[-1] < 0.01


def test_finished_weights_are_not_overwritten(example: ExampleConfig, tmp_path: Path) -> None:
    (tmp_path / "run" / "weights").mkdir(parents=True)
    with pytest.raises(InputError, match="exists already"):
        TrainingRun(config(example), tmp_path / "run")


def test_shipped_presets_are_valid() -> None:
    import sdseg.training

    presets = sorted((Path(sdseg.training.__file__).parent / "presets").glob("*.yaml"))
    assert presets
    for path in presets:
        loaded = load_config(path)
        assert all(item.image.exists() and item.label.exists() for item in loaded.data)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"labels": {"brain": "one"}}, "labels.brain"),
        ({"stepz": 3}, "stepz"),
        ({"diffusion": {"steps": 0, "learning_rate": 1}}, "diffusion.steps"),
        ({"diffusion": {"steps": 1, "learning_rate": 1, "timesteps": [5, 1000]}}, "diffusion"),
        ({"data": []}, "data"),
        ({"name": "../x"}, "name"),
    ],
)
def test_a_wrong_field_is_named(changes: dict, field: str, example: ExampleConfig, tmp_path: Path) -> None:
    values = config(example).model_dump(mode="json") | changes
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(InputError, match=f"config.yaml: {field}: "):
        load_config(path)


@pytest.mark.parametrize("text", ["a: [", "- 1", ""])
def test_not_a_configuration(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InputError, match=r"config\.yaml"):
        load_config(tmp_path / "config.yaml")
    with pytest.raises(InputError, match="no training configuration"):
        load_config(tmp_path / "nothing.yaml")


def test_two_stages_in_two_runs_are_one_run(example: ExampleConfig, tmp_path: Path) -> None:
    at_once = TrainingRun(config(example), tmp_path / "once").run()
    autoencoder = TrainingRun(config(example), tmp_path / "first").run_autoencoder()
    second = TrainingRun(config(example), tmp_path / "second", autoencoder=autoencoder).run()
    one, other = (Segmenter.load(folder).pipeline.vae for folder in (at_once, second))
    assert one.config.scaling_factor == pytest.approx(other.config.scaling_factor, rel=1e-6)
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())


def test_foreign_autoencoder(example: ExampleConfig, tmp_path: Path) -> None:
    vae = build_autoencoder(get_preset("tiny"))
    vae.save_pretrained(tmp_path / "vae")
    run = TrainingRun(config(example), tmp_path / "run", autoencoder=tmp_path / "vae")
    kept = Segmenter.load(run.run()).pipeline.vae.state_dict()
    assert all(torch.allclose(kept[key], value, atol=1e-2) for key, value in vae.state_dict().items())
