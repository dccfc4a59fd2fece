"""A pipeline that an engine runs gives the masks of the plain one."""

import pytest
import torch

from sdseg.engines.engine import ENGINES, PLAIN, engines_for, get_engine
from sdseg.engines.speed_up import speed_up
from sdseg.errors import InputError, UnknownNameError
from sdseg.model.pipeline import SDSegPipeline, build_pipeline
from sdseg.model.presets import get_preset

HERE = [engine.name for engine in engines_for("cpu")]


def make(classes: int | None = None) -> SDSegPipeline:
    torch.manual_seed(0)
    pipeline = build_pipeline(get_preset("tiny"), classes=classes)
    for part in (pipeline.vae, pipeline.vision_encoder, pipeline.unet):
        part.eval().requires_grad_(False)
    return pipeline


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("classes", [None, 3])
def test_masks_agree_with_the_plain_pipeline(name: str, classes: int | None) -> None:
    slices = torch.rand(5, 3, 64, 64) * 2 - 1
    expected = make(classes)(slices, seed=3)
    found = speed_up(make(classes), ENGINES[name])(slices, seed=3)
    assert found.shape == expected.shape and found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=2e-2 if "bf16" in name else 1e-4, rtol=0)


def test_batches_do_not_change_the_result() -> None:
    fast = speed_up(make(), ENGINES["torch-fp32"])
    slices = torch.rand(5, 3, 64, 64) * 2 - 1
    one_by_one = torch.cat([fast(one) for one in slices.split(1)])
    torch.testing.assert_close(fast(slices), one_by_one, atol=1e-5, rtol=0)


def test_a_binary_engine_makes_the_one_step_only() -> None:
    fast = speed_up(make(), ENGINES["torch-fp32"])
    with pytest.raises(ValueError, match="t = 999"):
        fast(torch.zeros(1, 3, 64, 64), num_inference_steps=2)


def test_unknown_and_unsuitable_engines_are_named() -> None:
    with pytest.raises(UnknownNameError, match=f"no engine 'warp'; choose one of: {PLAIN}, torch-fp32"):
        get_engine("warp", "cpu")
    with pytest.raises(InputError, match="openvino-bf16"):
        get_engine("openvino-bf16", "cuda:0")
