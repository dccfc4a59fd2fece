"""Which layers run in which precision, and on which processor."""

import os
import subprocess
import sys

import pytest
import torch
from helpers.models import tiny_pipeline

from sdseg.engines.cuda_run import compiled_run, graph_run
from sdseg.engines.lowering import Lowered, lower_convolutions
from sdseg.engines.speed_up import MakeRun
from sdseg.engines.torch_run import float32_as, prepare


def test_only_what_lies_between_normalisations_is_lowered() -> None:
    encoder = tiny_pipeline().vision_encoder
    assert (
        lower_convolutions(encoder, torch.bfloat16) == 2 * 6
    )  # two a residual block: four levels and the middle's two
    lowered = [name for name, layer in encoder.named_modules() if isinstance(layer, Lowered)]
    assert {name.rpartition(".")[2] for name in lowered} == {"conv1", "conv2"}
    assert encoder.encoder.conv_in.weight.dtype == encoder.projection.weight.dtype == torch.float32
    image = torch.rand(1, 3, 64, 64)
    found, expected = encoder(image), tiny_pipeline().vision_encoder(image)
    assert found.dtype == torch.float32 and not torch.equal(found, expected)
    assert (found - expected).norm() < 0.01 * expected.norm()


def test_a_unet_whose_masks_may_differ_a_little_keeps_attention_and_ends() -> None:
    unet = prepare(tiny_pipeline().unet, torch.device("cpu"), "convolutions")
    lowered = {name.rpartition(".")[2] for name, layer in unet.named_modules() if isinstance(layer, Lowered)}
    assert {"conv1", "conv2", "conv_shortcut"} <= lowered and not lowered & {"conv_in", "conv_out"}
    kept = [layer for name, layer in unet.named_modules() if "attentions" in name]
    assert kept and not any(isinstance(layer, Lowered) for layer in kept)


def test_mixed_is_nearer_to_float32_than_bfloat16_throughout() -> None:
    image, cpu = torch.rand(4, 3, 64, 64) * 2 - 1, torch.device("cpu")
    expected = tiny_pipeline().vision_encoder(image)
    mixed = prepare(tiny_pipeline().vision_encoder, cpu, "mixed")(image)
    throughout = prepare(tiny_pipeline().vision_encoder, cpu, "bf16")(image.bfloat16()).float()
    assert (mixed - expected).norm() < 0.7 * (throughout - expected).norm()


@pytest.mark.parametrize(("precision", "told"), [("tf32", "tf32"), ("mixed", "tf32"), ("fp32", "ieee")])
def test_a_gpu_is_told_how_to_multiply_for_the_block_only(precision: str, told: str) -> None:
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn

    def switches() -> list[object]:  # the older ones raise where the newer ones say otherwise
        kinds = (matmul, cudnn.conv, cudnn.rnn)
        older = (matmul.allow_tf32, cudnn.allow_tf32, torch.get_float32_matmul_precision())
        return [*(kind.fp32_precision for kind in kinds), *older]

    before = switches()
    with pytest.raises(KeyError), float32_as(precision):
        assert switches() == [*[told] * 3, *[told == "tf32"] * 2, "high" if told == "tf32" else "highest"]
        raise KeyError
    assert switches() == before


def test_a_processor_without_bfloat16_is_not_offered_to_imitate_it() -> None:
    code = "from sdseg.engines.engine import engines_for; print([e.name for e in engines_for('cpu')])"
    less = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    told = subprocess.run([sys.executable, "-c", code], env=less, capture_output=True, text=True, check=True).stdout
    assert "torch-fp32" in told and "torch-bf16" not in told


def test_openvino_tells_nobody() -> None:
    import sdseg.engines.openvino_run  # noqa: F401

    assert sys.modules["openvino_telemetry"] is None


@pytest.mark.long
def test_compiled_networks_agree() -> None:
    """PyTorch's Inductor on the CPU, for want of a GPU; it needs a C++ compiler."""
    image = torch.rand(2, 3, 64, 64)
    expected = tiny_pipeline().vision_encoder(image)
    with torch.inference_mode():
        run = compiled_run(tiny_pipeline().vision_encoder, (image[:1],), "mixed")
        assert (run(image) - expected).norm() < 0.01 * expected.norm()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("make_run", [graph_run, compiled_run])
def test_a_captured_graph_agrees(make_run: MakeRun) -> None:
    encoder = tiny_pipeline().vision_encoder.cuda()
    image = torch.rand(5, 3, 64, 64, device="cuda")
    with torch.inference_mode():
        expected = encoder(image)
        run = make_run(encoder, (image[:1],), "fp32")
        for count in (5, 1, 2, 3, 4, 5):
            torch.testing.assert_close(run(image[:count]), expected[:count], atol=1e-4, rtol=0)
