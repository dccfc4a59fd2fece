"""Starting weights for a training: Stable Diffusion's autoencoder, and LDM's U-Net where the source has one.

The vision encoder starts as a copy of the autoencoder's encoder; its 1x1 projection, and a U-Net that the source
lacks, are drawn from a seed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from diffusers.utils import logging as diffusers_logging

from sdseg.errors import WeightsError
from sdseg.model.networks import build_unet
from sdseg.model.presets import ModelPreset, get_preset
from sdseg.model.vision_encoder import VisionEncoder
from sdseg.weights.account import check_complete
from sdseg.weights.assemble import Imported, Skeleton, from_seed
from sdseg.weights.checkpoint import Checkpoint
from sdseg.weights.layout import Tensors, shapes, to_ours
from sdseg.weights.naming import EMA, FIRST_STAGE, UNET, autoencoder_places, ema_name, unet_places
from sdseg.weights.sizes import GROUPS, autoencoder_sizes, complete, matching_preset, settle, unet_shape

_ENTRY = "unet.conv_in.weight"


def import_ldm(checkpoint: Checkpoint, heads: int | None, image_size: int | None, seed: int = 0) -> Imported:
    """A latent-diffusion checkpoint (CompVis' LSUN-churches kind): U-Net and autoencoder.

    The U-Net gets four more input channels, for the image latent, with zero weights: at first it does what it did.
    Its weights of the last step are taken, as the authors' training does, not the EMA's.

    Raises:
        WeightsError: tensors are missing, left over or of another shape.
    """
    tensors, source = checkpoint.tensors, checkpoint.source
    shape = unet_shape(tensors, UNET, source)
    preset = complete(autoencoder_sizes(tensors, FIRST_STAGE, source) | shape.sizes, heads, image_size)
    skeleton = Skeleton.of(preset, shape.classes)
    vae_places = autoencoder_places(skeleton.vae.state_dict(), len(preset.vae_block_out_channels))
    places = unet_places(skeleton.unet.state_dict(), preset.unet_layers_per_block)
    expected = shapes(places, skeleton.unet.state_dict())
    duplicates = dict.fromkeys(map(ema_name, expected), "EMA of the U-Net") | {"scale_factor": "scale of photographs"}
    entry = places[_ENTRY].name
    expected[entry] = (expected[entry][0], preset.latent_channels, *expected[entry][2:])
    expected |= shapes(vae_places, skeleton.vae.state_dict())
    dropped = check_complete(source, tensors, expected, duplicates)
    unet = to_ours(places, tensors, preset.unet_num_attention_heads)
    unet[_ENTRY] = torch.cat([unet[_ENTRY], torch.zeros_like(unet[_ENTRY])], dim=1)
    dropped |= dict.fromkeys(checkpoint.others, 1)
    facts = {"imported_from": source, "unet_weights": "last step", "dropped": dropped}
    return _started(skeleton, preset, to_ours(vae_places, tensors, 1), unet, seed, facts)


def import_autoencoder(
    checkpoint: Checkpoint, preset: str | None, heads: int | None, image_size: int | None, seed: int = 0
) -> Imported:
    """An autoencoder checkpoint (CompVis' kl-f8 kind), its training loss dropped; the U-Net is random.

    Args:
        checkpoint: with `encoder.*`, `decoder.*`, `quant_conv.*` and `post_quant_conv.*`.
        preset: whose U-Net to take; default the one whose autoencoder has the same sizes, or else "sd".
        heads: of the U-Net, instead of the preset's.
        image_size: instead of the preset's.
        seed: of the random weights.

    Raises:
        WeightsError: tensors are missing, left over or of another shape.
    """
    tensors, source = checkpoint.tensors, checkpoint.source
    sizes = _with_unet(autoencoder_sizes(tensors, "", source), preset, heads, image_size)
    skeleton = Skeleton.of(sizes, None)
    places = autoencoder_places(skeleton.vae.state_dict(), len(sizes.vae_block_out_channels), prefix="")
    duplicates = {name: "EMA" for name in tensors if name.startswith(EMA)}
    dropped = check_complete(source, tensors, shapes(places, skeleton.vae.state_dict()), duplicates)
    facts = {"imported_from": source, "dropped": dropped | dict.fromkeys(checkpoint.others, 1)}
    return _started(skeleton, sizes, to_ours(places, tensors, 1), None, seed, facts)


def import_diffusers(
    source: str, preset: str | None, heads: int | None, image_size: int | None, seed: int = 0
) -> Imported:
    """A folder or hub id with an `AutoencoderKL`, itself or as `vae` of a pipeline; the U-Net is random.

    Args and errors as for `import_autoencoder`; only safetensors files are read.
    """
    vae = _load_autoencoder(source)
    config = vae.config
    told = {
        "vae_block_out_channels": tuple(config.block_out_channels),
        "vae_layers_per_block": config.layers_per_block,
        "latent_channels": config.latent_channels,
        "vae_norm_num_groups": config.norm_num_groups,
    }
    sizes = _with_unet(told, preset, heads, image_size)
    skeleton = Skeleton.of(sizes, None)
    tensors = vae.state_dict()
    check_complete(source, tensors, {k: tuple(v.shape) for k, v in skeleton.vae.state_dict().items()}, {})
    return _started(skeleton, sizes, tensors, None, seed, {"imported_from": Path(source).name})


def _load_autoencoder(source: str) -> AutoencoderKL:
    diffusers_logging.set_verbosity_error()
    options: dict[str, Any] = {"use_safetensors": True, "low_cpu_mem_usage": False, "output_loading_info": True}
    reasons = []
    for subfolder in _subfolders(Path(source)):
        try:
            vae, info = AutoencoderKL.from_pretrained(source, subfolder=subfolder, **options)
        except (OSError, ValueError, RuntimeError) as error:
            reasons.append(str(error).splitlines()[0].rstrip("."))
            continue
        if any(info.values()):
            raise WeightsError(f"The autoencoder in {source} lacks weights or holds unknown ones; download it again.")
        return vae
    raise WeightsError(f"{source} is no folder or hub id of an AutoencoderKL in safetensors ({reasons[0]}).")


def _subfolders(source: Path) -> tuple[str | None, ...]:
    """Where the autoencoder may lie: itself, or in a pipeline's `vae`."""
    if source.is_dir():
        return ("vae",) if (source / "vae").is_dir() else (None,)
    return (None, "vae")


def _with_unet(vae_sizes: dict[str, Any], preset: str | None, heads: int | None, image_size: int | None) -> ModelPreset:
    """The autoencoder's sizes with the U-Net of a preset."""
    same = matching_preset(vae_sizes)
    chosen = get_preset(preset) if preset else same or get_preset("sd")
    groups = {"vae_norm_num_groups": same.vae_norm_num_groups if same else GROUPS}
    return settle(replace(chosen, **(groups | vae_sizes)), heads, image_size)


def _started(
    skeleton: Skeleton, preset: ModelPreset, vae: Tensors, unet: Tensors | None, seed: int, facts: dict[str, Any]
) -> Imported:
    """The pipeline: autoencoder as it came, vision encoder its copy, what is missing drawn from the seed."""
    config = skeleton.vision_encoder.config
    fresh = from_seed(
        seed,
        lambda: VisionEncoder(
            config.block_out_channels, config.layers_per_block, config.norm_num_groups, config.latent_channels
        ),
    ).state_dict()
    encoder = {key: vae[key].clone() if key in vae else tensor for key, tensor in fresh.items()}
    if unet is None:
        unet = from_seed(seed, lambda: build_unet(preset)).state_dict()
        facts["unet_weights"] = f"random, seed {seed}"
    vae = {key: tensor.float() for key, tensor in vae.items()}
    # The scale of mask latents is measured at the beginning of a training.
    pipeline = skeleton.fill(vae, encoder, unet, 1.0)
    return Imported(pipeline, preset, {**facts, "trained": False, "seed": seed})
