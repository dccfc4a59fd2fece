"""What the authors call our tensors (CompVis' latent-diffusion names, as SDSeg keeps them).

The autoencoder numbers its decoder levels from fine to coarse, diffusers from coarse to fine. The U-Net's input and
output blocks are flat lists, walked level by level: residual block (slot 0), attention (slot 1), and at the end of a
level the residual down- or up-sampler. The EMA repeats the U-Net under names with every dot removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sdseg.weights.layout import Place

FIRST_STAGE = "first_stage_model."
COND_STAGE = "cond_stage_model."
UNET = "model.diffusion_model."
EMA = "model_ema."

_AUTOENCODER_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
_AUTOENCODER_RULES = (
    (r"down_blocks\.(\d+)", r"down.\1"),
    (r"\.resnets\.(\d+)", r".block.\1"),
    (r"(down|up)samplers\.0", r"\1sample"),
    (r"conv_shortcut", "nin_shortcut"),
    (r"conv_norm_out", "norm_out"),
)
_UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "class_embedding": "label_emb",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_UNET_LAYERS = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
    "group_norm": "norm",
    "to_q": "qkv",
    "to_k": "qkv",
    "to_v": "qkv",
    "to_out.0": "proj_out",
}
_PARTS = {"to_q": 0, "to_k": 1, "to_v": 2}
_BLOCK = re.compile(r"(down|up|mid)_block(?:s\.(\d+))?\.(resnets|attentions|(?:down|up)samplers)\.(\d+)\.(.+)")


def autoencoder_places(keys: Iterable[str], levels: int, prefix: str = FIRST_STAGE) -> dict[str, Place]:
    """Our `AutoencoderKL` keys -> places; `levels` is the number of its resolutions."""
    return {key: _autoencoder_place(key, levels, prefix) for key in keys}


def vision_encoder_places(keys: Iterable[str], levels: int) -> dict[str, Place]:
    """Our `VisionEncoder` keys -> places: an encoder like the autoencoder's, and `out` for our projection."""
    return {
        key: Place(COND_STAGE + key.replace("projection", "out"))
        if key.startswith("projection")
        else _autoencoder_place(key, levels, COND_STAGE)
        for key in keys
    }


def unet_places(keys: Iterable[str], layers: int, prefix: str = UNET) -> dict[str, Place]:
    """Our `DenoisingUNet` keys -> places; `layers` is the number of residual blocks a level."""
    return {key: _unet_place(key, layers, prefix) for key in keys}


def ema_name(name: str) -> str:
    """The EMA's name of the U-Net tensor `name`: "model.diffusion_model.out.2.bias" has every dot removed but one."""
    return EMA + name.removeprefix("model.").replace(".", "")


def _autoencoder_place(key: str, levels: int, prefix: str) -> Place:
    attention = re.fullmatch(r"(encoder|decoder)\.mid_block\.attentions\.0\.(.+)\.(weight|bias)", key)
    if attention:
        side, layer, kind = attention.groups()
        axes = 2 if kind == "weight" and layer != "group_norm" else 0
        return Place(f"{prefix}{side}.mid.attn_1.{_AUTOENCODER_ATTENTION[layer]}.{kind}", axes=axes)
    name = re.sub(r"mid_block\.resnets\.(\d+)", lambda found: f"mid.block_{int(found[1]) + 1}", key)
    name = re.sub(r"up_blocks\.(\d+)", lambda found: f"up.{levels - 1 - int(found[1])}", name)
    for ours, theirs in _AUTOENCODER_RULES:
        name = re.sub(ours, theirs, name)
    return Place(prefix + name)


def _unet_place(key: str, layers: int, prefix: str) -> Place:
    path, _, kind = key.removeprefix("unet.").rpartition(".")
    if path in _UNET_ENDS:
        return Place(f"{prefix}{_UNET_ENDS[path]}.{kind}")
    found = _BLOCK.fullmatch(path)
    if found is None:
        raise ValueError(f"the U-Net's {key} has no name in the authors' checkpoints")
    side, level, part, index, layer = found.groups()
    block = _unet_block(side, int(level or 0), part, int(index), layers)
    axes = 1 if part == "attentions" and kind == "weight" and layer != "group_norm" else 0
    return Place(f"{prefix}{block}.{_UNET_LAYERS[layer]}.{kind}", _PARTS.get(layer), axes)


def _unet_block(side: str, level: int, part: str, index: int, layers: int) -> str:
    """Position in the flat lists, e.g. "input_blocks.4.1"."""
    if side == "mid":
        return f"middle_block.{1 if part == 'attentions' else 2 * index}"
    sampler = part.endswith("samplers")
    number = level * (layers + 1) + (layers if sampler else index)
    if side == "down":
        return f"input_blocks.{1 + number}.{1 if part == 'attentions' else 0}"
    # The coarsest level, the decoder's first, has no attention before its up-sampler.
    slot = (1 if level == 0 else 2) if sampler else (1 if part == "attentions" else 0)
    return f"output_blocks.{number}.{slot}"
