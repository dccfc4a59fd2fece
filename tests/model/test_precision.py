"""Where float32 is kept, and what gradient checkpointing reaches."""

from collections.abc import Callable

import pytest
import torch
from helpers.models import tiny_pipeline

from sdseg.model.networks import build_unet
from sdseg.model.precision import Float32Conv2d, Float32GroupNorm
from sdseg.model.presets import get_preset
from sdseg.model.unet import DenoisingUNet

CONDITIONINGS = ("concat", "cross_attention")


def sample() -> torch.Tensor:
    return torch.randn(2, 8, 8, 8, generator=torch.Generator().manual_seed(4))


def seen_by(layer: torch.nn.Module, run: Callable[[], object]) -> tuple[torch.Tensor, torch.Tensor]:
    """Input and output of a layer while something runs."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    hook = layer.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    run()
    hook.remove()
    assert len(seen) == 1
    return seen[0]


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_the_last_layers_are_float32_under_autocast(conditioning: str) -> None:
    unet = tiny_pipeline(conditioning=conditioning).unet

    def run() -> torch.Tensor:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            return unet(sample(), 999)

    assert run().dtype == torch.float32
    into_norm, _ = seen_by(unet.unet.conv_norm_out, run)
    into_conv, out = seen_by(unet.unet.conv_out, run)
    assert into_norm.dtype == torch.bfloat16  # the rest of the network does use it
    assert into_conv.dtype == out.dtype == torch.float32
    conv, norm = unet.unet.conv_out, unet.unet.conv_norm_out
    exact = torch.nn.functional.conv2d(into_conv.double(), conv.weight.double(), conv.bias.double(), padding=1)
    assert (out - exact).abs().max() < 1e-5 * exact.abs().max()
    exact = torch.nn.functional.group_norm(
        into_norm.double(), norm.num_groups, norm.weight.double(), norm.bias.double(), norm.eps
    )
    assert (into_conv - torch.nn.functional.silu(exact)).abs().max() < 1e-5 * exact.abs().max()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_last_layers_are_float32_in_a_half_precision_model(dtype: torch.dtype) -> None:
    unet = tiny_pipeline().unet.to(dtype)
    with torch.inference_mode():
        assert unet(sample().to(dtype), 999).dtype == torch.float32
    assert unet.unet.conv_out.weight.dtype == dtype


def test_gradients_flow_under_autocast() -> None:
    unet = build_unet(get_preset("tiny"))
    with torch.autocast("cpu", torch.bfloat16):
        loss = unet(sample(), torch.tensor([3, 999])).abs().mean()
    loss.backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in unet.parameters())


def test_names_and_random_weights_are_those_of_plain_layers() -> None:
    torch.manual_seed(0)
    unet = DenoisingUNet(block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=4, num_attention_heads=2)
    after = torch.rand(3)
    assert isinstance(unet.unet.conv_out, Float32Conv2d)
    assert isinstance(unet.unet.conv_norm_out, Float32GroupNorm)
    torch.manual_seed(0)
    plain = type(unet.unet).from_config(unet.unet.config)
    assert torch.equal(after, torch.rand(3))
    assert plain.state_dict().keys() == unet.unet.state_dict().keys()
    assert all(torch.equal(plain.state_dict()[key], tensor) for key, tensor in unet.unet.state_dict().items())


@pytest.mark.parametrize("part", ["unet", "vision_encoder", "cross_attention"])
def test_gradient_checkpointing_reaches_the_blocks_and_changes_no_gradient(part: str) -> None:
    pipeline = tiny_pipeline(conditioning="cross_attention" if part == "cross_attention" else "concat")
    network = (pipeline.vision_encoder if part == "vision_encoder" else pipeline.unet).train().requires_grad_(True)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))

    def gradients() -> tuple[list[torch.Tensor], int]:
        """Of every parameter, and how often a block ran: again where its activations were not kept."""
        torch.manual_seed(5)  # of dropout
        network.zero_grad()
        runs = []
        blocks = [module for module in network.modules() if type(module).__name__ == "ResnetBlock2D"]
        hooks = [block.register_forward_pre_hook(lambda *_: runs.append(1)) for block in blocks]
        out = network(images) if part == "vision_encoder" else network(sample(), torch.tensor([3, 999]))
        out.square().mean().backward()
        for hook in hooks:
            hook.remove()
        return [parameter.grad.clone() for parameter in network.parameters()], len(runs)

    kept, once = gradients()
    network.enable_gradient_checkpointing()
    flags = {
        type(module).__name__: module.gradient_checkpointing
        for module in network.modules()
        if hasattr(module, "gradient_checkpointing")
    }
    assert flags
    assert all(flags.values()), flags
    recomputed, more = gradients()
    assert more > 1.5 * once
    for one, other in zip(kept, recomputed, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    network.disable_gradient_checkpointing()
    assert gradients()[1] == once
