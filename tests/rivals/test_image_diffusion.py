"""Sampling masks in image space: one noise for every slice, drawn from the seed; the mean of several masks."""

import pytest
import torch
from helpers.rivals import tiny_rival

from sdseg.rivals import ImageDiffusionPipeline


@pytest.fixture(scope="module", params=["sample", "epsilon"])
def pipeline(request: pytest.FixtureRequest) -> ImageDiffusionPipeline:
    made = tiny_rival("image_diffusion", num_inference_steps=3, prediction_type=request.param)
    assert isinstance(made, ImageDiffusionPipeline)
    return made


IMAGE = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_the_seed_alone_decides(pipeline: ImageDiffusionPipeline) -> None:
    torch.manual_seed(5)
    first = pipeline(IMAGE, seed=1)
    state = torch.get_rng_state()
    assert torch.equal(first, pipeline(IMAGE, seed=1))
    assert torch.equal(torch.get_rng_state(), state), "the global generator is left alone"
    assert not torch.equal(first, pipeline(IMAGE, seed=2))


def test_every_slice_starts_from_the_same_noise(pipeline: ImageDiffusionPipeline) -> None:
    twice = pipeline(IMAGE.expand(2, -1, -1, -1), seed=1)
    assert torch.equal(twice[0], twice[1])


def test_samples_are_averaged(pipeline: ImageDiffusionPipeline) -> None:
    """Several masks start where as many single ones would; their mean varies less over the seeds."""
    starts: list[torch.Tensor] = []
    hook = pipeline.network.register_forward_pre_hook(lambda _, inputs: starts.append(inputs[1].clone()))
    several = pipeline(IMAGE, seed=1, samples=4)
    hook.remove()
    assert len(starts) == 4 * 3
    assert len({float(start.sum()) for start in starts[::3]}) == 4
    assert several.shape == (1, 1, 64, 64)
    assert spread(pipeline, 8) < 0.6 * spread(pipeline, 1)


def spread(pipeline: ImageDiffusionPipeline, samples: int) -> float:
    """Standard deviation over the seeds, mean over the pixels."""
    return float(torch.stack([pipeline(IMAGE, seed, samples=samples) for seed in range(6)]).std(dim=0).mean())


def test_steps_run_from_the_last_timestep(pipeline: ImageDiffusionPipeline) -> None:
    timesteps: list[int] = []
    hook = pipeline.network.register_forward_pre_hook(lambda _, inputs: timesteps.extend(inputs[2].tolist()))
    pipeline(IMAGE)
    pipeline(IMAGE, num_inference_steps=2)
    pipeline(IMAGE, num_inference_steps=1)
    hook.remove()
    assert timesteps == [999, 666, 332, 999, 499, 999]


def test_one_step_of_a_network_that_predicts_masks_is_its_prediction() -> None:
    pipeline = tiny_rival("image_diffusion", num_inference_steps=1)
    noise = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        predicted = pipeline.network(IMAGE, noise, torch.tensor([999]))
    torch.testing.assert_close(pipeline(IMAGE, seed=4), ((predicted + 1) / 2).clamp(0, 1))
