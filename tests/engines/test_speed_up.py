"""A pipeline that an engine runs gives the masks of the plain one."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers.models import tiny_pipeline

from sdseg.engines.engine import ENGINES, PLAIN, engines_for, get_engine
from sdseg.engines.parts import FastDecoder
from sdseg.engines.speed_up import speed_up
from sdseg.errors import InputError, UnknownNameError
from sdseg.model.batching import slices_at_a_time

# The other libraries take seconds to convert a network: test_agreement.py runs them over the sample.
TORCH = [engine.name for engine in engines_for("cpu") if engine.backend == "torch"]
ONE_A_LIBRARY = [engine.name for engine in engines_for("cpu") if engine.name.endswith("-fp32")]
VARIANTS = [("torch-fp32", "concat"), *((name, "cross_attention") for name in ONE_A_LIBRARY)]


def slices(count: int = 5) -> torch.Tensor:
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("name", TORCH)
def test_masks_agree_with_the_plain_pipeline_whatever_the_batch(name: str) -> None:
    plain, fast = tiny_pipeline(), speed_up(tiny_pipeline(), ENGINES[name])
    for count in (5, 1, 2):
        expected, found = plain(slices(count), seed=3), fast(slices(count), seed=3)
        assert found.shape == expected.shape and found.dtype == torch.float32
        torch.testing.assert_close(found, expected, atol=2e-2 if "bf16" in name else 1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "conditioning"), VARIANTS)
def test_classes_and_cross_attention_agree_too(name: str, conditioning: str) -> None:
    variant = {"classes": 3, "conditioning": conditioning}
    expected = tiny_pipeline(**variant)(slices(), seed=3)
    assert expected[:, 1].sub(expected[:, 2]).abs().max() > 1e-3, "the classes must differ for this to say anything"
    found = speed_up(tiny_pipeline(**variant), ENGINES[name])(slices(), seed=3)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_does_not_matter(threads: int) -> None:
    before = torch.get_num_threads()
    expected = tiny_pipeline()(slices())
    try:
        torch.set_num_threads(threads)
        found = speed_up(tiny_pipeline(), ENGINES["torch-fp32"])(slices())
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("divided_into", "expected"), [(None, 1), (1, 4)])
def test_what_divides_batches_itself_is_given_several_slices_of_the_papers_size(
    divided_into: int | None, expected: int
) -> None:
    config, cpu = SimpleNamespace(block_out_channels=(128, 256, 512, 512)), torch.device("cpu")
    decoder = FastDecoder(lambda latent: latent, config, cpu, divided_into)
    model: Any = SimpleNamespace(device=cpu, image_size=256, components={"vae": decoder})
    assert slices_at_a_time(model) == expected


@pytest.mark.parametrize("classes", [None, 3])
def test_an_engine_makes_the_one_step_only(classes: int | None) -> None:
    fast = speed_up(tiny_pipeline(classes=classes), ENGINES["torch-fp32"])
    with pytest.raises(InputError, match="choose the engine plain"):
        fast(slices(1), num_inference_steps=2)


def test_unknown_and_unsuitable_engines_are_named() -> None:
    with pytest.raises(UnknownNameError, match=f"no engine 'warp'; choose one of: {PLAIN}, torch-fp32"):
        get_engine("warp", "cpu")
    with pytest.raises(InputError, match="openvino-bf16"):
        get_engine("openvino-bf16", "cuda:0")
    with pytest.raises(InputError, match="torch-cuda-graphs runs on cuda, not on cpu"):
        get_engine("torch-cuda-graphs", "cpu")
