"""One reverse step or several: the closed form and DDIM agree where they must."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from helpers.models import save_tiny_weights, tiny_pipeline

from sdseg.errors import InputError, UnknownNameError, WeightsError
from sdseg.model.multiclass import pair_with_classes
from sdseg.model.pipeline import SDSegPipeline, build_pipeline
from sdseg.model.presets import get_preset
from sdseg.model.sampling import ddim_timesteps
from sdseg.model.schedule import (
    PREDICTION_TYPES,
    draw_noise,
    estimate_clean_latent,
    estimate_noise,
    make_scheduler,
)
from sdseg.model.weights import load_weights


@pytest.fixture(scope="module", params=PREDICTION_TYPES)
def pipeline(request: pytest.FixtureRequest) -> SDSegPipeline:
    return tiny_pipeline(prediction_type=request.param)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


@torch.inference_mode()
def plain_ddim(pipeline: SDSegPipeline, images: torch.Tensor, seed: int, steps: int) -> torch.Tensor:
    """The last z0 of DDIM with eta 0, written down from the paper in float64, 1000 divisible by `steps`."""
    abar = np.cumprod(1 - np.linspace(0.0015**0.5, 0.0155**0.5, 1000) ** 2)
    cond = pipeline.vision_encoder(images)
    z = draw_noise(seed, 4, 8).double().expand(len(images), -1, -1, -1)
    for t in range(999, -1, -1000 // steps):
        told = pipeline.unet(torch.cat([z.float(), cond], dim=1), torch.full((len(images),), t)).double()
        a = abar[t]
        clean, noise = {
            "epsilon": ((z - (1 - a) ** 0.5 * told) / a**0.5, told),
            "sample": (told, (z - a**0.5 * told) / (1 - a) ** 0.5),
            "v_prediction": (a**0.5 * z - (1 - a) ** 0.5 * told, (1 - a) ** 0.5 * z + a**0.5 * told),
        }[pipeline.scheduler.config.prediction_type]
        before = abar[t - 1000 // steps] if t >= 1000 // steps else 1.0
        z = before**0.5 * clean + (1 - before) ** 0.5 * noise
    return z.float()


def close(found: torch.Tensor, wanted: torch.Tensor) -> None:
    """To 1e-4 of the largest value: untrained networks predict latents of 40."""
    assert (found - wanted).abs().max() <= 1e-4 * wanted.abs().max()


def test_one_step_is_the_closed_form_to_the_bit(pipeline: SDSegPipeline, images: torch.Tensor) -> None:
    with torch.inference_mode():
        cond, noise = pipeline.vision_encoder(images), draw_noise(3, 4, 8).expand(2, -1, -1, -1)
        last = torch.full((2,), 999)
        predicted = pipeline.unet(torch.cat([noise, cond], dim=1), last)
        wanted = estimate_clean_latent(pipeline.scheduler, noise, predicted, last)
        assert torch.equal(pipeline.estimate_mask_latent(cond, noise[:1]), wanted)
        mask = ((pipeline.decode_mask_latent(wanted) + 1) / 2).clamp(0, 1).mean(dim=1, keepdim=True)
    assert torch.equal(pipeline(images, seed=3), mask)
    assert torch.equal(pipeline(images, seed=3, num_inference_steps=1), mask)


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_ddim_is_ddim(steps: int, pipeline: SDSegPipeline, images: torch.Tensor) -> None:
    close(pipeline.trace(images, 5, steps)[-1].clean_latent, plain_ddim(pipeline, images, 5, steps))


def test_ddim_agrees_with_diffusers(pipeline: SDSegPipeline, images: torch.Tensor) -> None:
    options = {"timestep_spacing": "trailing", "set_alpha_to_one": True, "clip_sample": False}
    theirs = DDIMScheduler.from_config(pipeline.scheduler.config, **options)
    theirs.set_timesteps(10)
    with torch.inference_mode():
        cond = pipeline.vision_encoder(images)
        z = draw_noise(0, 4, 8).expand(2, -1, -1, -1)
        for t, step in zip(theirs.timesteps, pipeline.trace(images, 0, 10), strict=True):
            assert step.timestep == int(t)
            close(step.noisy_latent, z)
            z = theirs.step(pipeline.unet(torch.cat([z, cond], dim=1), t), t, z).prev_sample
    close(step.clean_latent, z)


@pytest.mark.parametrize("steps", [1, 3, 7, 10, 999, 1000])
def test_timesteps_fall_from_the_last(steps: int) -> None:
    theirs = DDIMScheduler.from_config(make_scheduler().config, timestep_spacing="trailing")
    theirs.set_timesteps(steps)
    assert ddim_timesteps(make_scheduler(), steps) == tuple(theirs.timesteps.tolist())


def test_the_trace_leads_to_the_mask(pipeline: SDSegPipeline, images: torch.Tensor) -> None:
    steps = pipeline.trace(images, seed=2, num_inference_steps=7)
    assert [step.timestep for step in steps] == [999, 856, 713, 570, 428, 285, 142]
    assert torch.equal(steps[0].noisy_latent, draw_noise(2, 4, 8).expand(2, -1, -1, -1))
    for step in steps:
        assert step.noisy_latent.shape == step.clean_latent.shape == (2, 4, 8, 8)
        assert step.noisy_latent.dtype == step.clean_latent.dtype == torch.float32
    with torch.inference_mode():
        decoded = pipeline.decode_mask_latent(steps[-1].clean_latent)
    mask = ((decoded + 1) / 2).clamp(0, 1).mean(dim=1, keepdim=True)
    assert torch.equal(pipeline(images, seed=2, num_inference_steps=7), mask)


def test_steps_and_seed_decide(images: torch.Tensor) -> None:
    pipeline = tiny_pipeline()
    ten = pipeline(images, seed=1, num_inference_steps=10)
    assert torch.equal(ten, pipeline(images, seed=1, num_inference_steps=10))
    assert torch.equal(ten, pipeline(images, noise=draw_noise(1, 4, 8), num_inference_steps=10))
    assert not torch.allclose(ten, pipeline(images, seed=2, num_inference_steps=10), atol=1e-3)
    assert not torch.allclose(ten, pipeline(images, seed=1), atol=1e-3)


def test_every_class_takes_its_own_steps_and_the_image_is_encoded_once(images: torch.Tensor) -> None:
    pipeline, calls = tiny_pipeline(classes=4), []
    hook = pipeline.vision_encoder.register_forward_hook(lambda _, inputs, __: calls.append(len(inputs[0])))
    probability = pipeline(images, seed=1, num_inference_steps=3)
    steps = pipeline.trace(images, seed=1, num_inference_steps=3)
    hook.remove()
    assert calls == [2, 2]  # once for the mask, once for the trace
    assert [tuple(step.clean_latent.shape) for step in steps] == [(8, 4, 8, 8)] * 3
    with torch.inference_mode():
        latent, ids = pair_with_classes(pipeline.vision_encoder(images), 4)
        for number in range(8):
            alone = pipeline.estimate_mask_latent(
                latent[number : number + 1], pipeline.draw_noise(1), ids[number : number + 1], 3
            )
            close(steps[-1].clean_latent[number : number + 1], alone)
        maps = pipeline.decode_mask_latent(steps[-1].clean_latent).mean(dim=1).unflatten(0, (2, 4))
    maps = torch.cat([-maps[:, :1], maps[:, 1:]], dim=1)
    torch.testing.assert_close(probability, maps.softmax(dim=1), atol=1e-4, rtol=0)
    assert not torch.allclose(probability, pipeline(images, seed=1), atol=1e-4)


@pytest.mark.parametrize("steps", [0, -1, 1001])
def test_impossible_numbers_of_steps(steps: int, images: torch.Tensor) -> None:
    with pytest.raises(InputError, match=f"from 1 to 1000, not {steps}"):
        tiny_pipeline()(images, num_inference_steps=steps)


@pytest.mark.parametrize("prediction_type", PREDICTION_TYPES)
def test_a_perfect_prediction_gives_the_clean_latent_back(prediction_type: str) -> None:
    scheduler = make_scheduler(prediction_type)
    clean, noise = torch.randn(5, 4, 8, 8), torch.randn(5, 4, 8, 8)
    timesteps = torch.tensor([0, 10, 500, 950, 999])
    noisy = scheduler.add_noise(clean, noise, timesteps)
    exact = {"epsilon": noise, "sample": clean, "v_prediction": scheduler.get_velocity(clean, noise, timesteps)}
    estimate = estimate_clean_latent(scheduler, noisy, exact[prediction_type], timesteps)
    close(estimate, clean)
    assert (estimate_noise(scheduler, noisy, clean, timesteps) - noise).abs().max() < 1e-4
    half = estimate_clean_latent(scheduler, noisy.bfloat16(), exact[prediction_type].bfloat16(), timesteps)
    assert half.dtype == estimate_noise(scheduler, noisy.half(), clean.half(), timesteps).dtype == torch.float32


def test_the_prediction_type_is_saved(tmp_path: Path, pipeline: SDSegPipeline, images: torch.Tensor) -> None:
    pipeline.save_pretrained(tmp_path)
    loaded = SDSegPipeline.from_pretrained(tmp_path, low_cpu_mem_usage=False)
    assert loaded.scheduler.config.prediction_type == pipeline.scheduler.config.prediction_type
    torch.testing.assert_close(loaded(images), pipeline(images), atol=1e-4, rtol=0)


def test_unknown_prediction_types_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"'x0'.*epsilon, sample, v_prediction"):
        build_pipeline(get_preset("tiny"), prediction_type="x0")
    with pytest.raises(UnknownNameError, match="'flow'"):
        make_scheduler("flow")


def test_an_unknown_prediction_type_in_a_folder_is_told(tmp_path: Path) -> None:
    path = save_tiny_weights(tmp_path / "weights") / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"prediction_type": "flow"}))
    with pytest.raises(WeightsError, match="unknown prediction type 'flow'"):
        load_weights(tmp_path / "weights")
