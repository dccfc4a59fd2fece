"""A trained model as wide and deep as the paper's that gives the masks of a small one, for want of trained weights.

Every channel of the small networks stands there several times (Chen et al., Net2Net, arXiv 1511.05641), and each level
of the autoencoder has a residual block more that adds nothing: the same function at the cost of the full size.
"""

from dataclasses import replace

import torch
from torch import nn

from sdseg.model.pipeline import SDSegPipeline, build_pipeline
from sdseg.model.presets import get_preset
from sdseg.model.schedule import last_shares

SMALL, FULL = get_preset("small"), get_preset("sd")
# One block a level and three levels, as the small one has: between them the latents are halved.
WIDE = replace(
    SMALL,
    name="wide",
    vae_block_out_channels=FULL.vae_block_out_channels,
    vae_layers_per_block=FULL.vae_layers_per_block,
    unet_block_out_channels=(384, 768, 768),
)


def widened(small: SDSegPipeline) -> SDSegPipeline:
    """`small`, of the preset of that name, with the widths of the preset sd; for the single reverse step alone."""
    wide = build_pipeline(WIDE)
    wide.vae.register_to_config(scaling_factor=small.vae.config.scaling_factor)
    wide.register_modules(scheduler=small.scheduler)
    for part in ("vae", "vision_encoder", "unet"):
        widen(getattr(small, part), getattr(wide, part).eval().requires_grad_(False))
    fix_time(small.unet.unet, wide.unet.unet)
    wide.set_progress_bar_config(disable=True)
    return wide


def widen(small: nn.Module, wide: nn.Module) -> None:
    """Fill `wide` with the weights of `small`, in place."""
    weights = small.state_dict()
    found = {}
    for name, target in wide.state_dict().items():
        if name in weights:
            found[name] = repeated(weights[name], target.shape, is_query=".to_q." in name)
        else:
            assert ".resnets." in name, "only whole residual blocks are added"
            found[name] = torch.zeros_like(target) if ".conv2." in name else target
    wide.load_state_dict(found)


def repeated(weight: torch.Tensor, shape: torch.Size, is_query: bool) -> torch.Tensor:
    """Each output as often as `shape` says, each input shared among its copies; attention keeps its sharpness."""
    times = [new // old for new, old in zip(shape, weight.shape, strict=True)]
    for axis, count in enumerate(times):
        weight = weight.repeat_interleave(count, axis)
    if len(times) > 1:
        weight = weight / times[1]
    return weight / times[0] ** 0.5 if is_query else weight


def fix_time(small: nn.Module, wide: nn.Module) -> None:
    """Sinusoids of another width are not the small one's repeated: the first layer gives what it has to at the last
    timestep, whatever they are."""
    time = small.time_proj(torch.tensor([last_shares("epsilon")[0]]))
    first, target = small.time_embedding.linear_1, wide.time_embedding.linear_1
    nn.init.zeros_(target.weight)
    target.bias.copy_(first(time)[0].repeat_interleave(len(target.bias) // len(first.bias)))
