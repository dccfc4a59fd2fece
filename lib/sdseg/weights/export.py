"""Back to the authors' naming: a checkpoint their code loads, and ours reads again bit by bit."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from sdseg.errors import InputError, WeightsError
from sdseg.model.card import ModelCard
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.weights import load_weights
from sdseg.weights.authors import EMA_UPDATES, SCALE
from sdseg.weights.buffers import schedule_buffers
from sdseg.weights.checkpoint import NOTE
from sdseg.weights.layout import to_theirs
from sdseg.weights.naming import autoencoder_places, ema_name, unet_places, vision_encoder_places
from sdseg.weights.note import note_of
from sdseg.weights.variant import refuse_deviations

_CONSTANT_DECAY = -1  # what the authors' EMA counts where its decay does not warm up


def export_weights(folder: Path, file: Path) -> None:
    """Write a weights folder as .ckpt (`{"state_dict": ...}`) or .safetensors, whole or not at all.

    Args:
        folder: one of ours.
        file: must not exist.

    Raises:
        InputError: the file exists or has another suffix.
        WeightsError: the folder is damaged, of a rival or a variant that the authors' naming cannot express, or the
            disk refuses.
    """
    if file.suffix not in (".ckpt", ".safetensors"):
        raise InputError(f"{file.name} must end in .ckpt or .safetensors.")
    if file.exists():
        raise InputError(f"{file} exists already; choose another name or remove it.")
    card, pipeline = ModelCard.load(folder), load_weights(folder, kind=SDSegPipeline)
    refuse_deviations(folder)
    updates = card.training.get("import", {}).get("ema_updates", _CONSTANT_DECAY)
    _save(authors_state_dict(pipeline, updates), json.dumps(note_of(pipeline, card)), file)


def authors_state_dict(pipeline: SDSegPipeline, ema_updates: int = _CONSTANT_DECAY) -> dict[str, torch.Tensor]:
    """All tensors of a pipeline in the authors' naming, float32; the U-Net also as its own EMA."""
    vae, unet = pipeline.vae.state_dict(), pipeline.unet.state_dict()
    encoder = pipeline.vision_encoder.state_dict()
    levels = len(pipeline.vae.config.block_out_channels)
    config = pipeline.unet.config
    theirs = to_theirs(unet_places(unet, config.layers_per_block), unet, config.num_attention_heads)
    return {
        **schedule_buffers(),
        SCALE: torch.tensor(pipeline.vae.config.scaling_factor, dtype=torch.float32),
        **theirs,
        "model_ema.decay": torch.tensor(0.9999, dtype=torch.float32),
        EMA_UPDATES: torch.tensor(ema_updates, dtype=torch.int32),
        **{ema_name(name): tensor for name, tensor in theirs.items()},
        **to_theirs(autoencoder_places(vae, levels), vae, 1),
        **to_theirs(vision_encoder_places(encoder, levels), encoder, 1),
    }


def _save(tensors: dict[str, torch.Tensor], note: str, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as staging:
        partial = Path(staging) / file.name
        try:
            if file.suffix == ".ckpt":
                # One copy on disk of what the U-Net and its EMA share.
                torch.save({"state_dict": tensors, NOTE: note}, partial)
            else:
                save_file(
                    {name: tensor.clone().contiguous() for name, tensor in tensors.items()}, partial, {NOTE: note}
                )
            with partial.open("rb") as written:
                os.fsync(written.fileno())
            partial.replace(file)
        except (OSError, RuntimeError, SafetensorError) as error:
            # PyTorch's own message names a line of its source instead of the reason.
            reason = "the disk may be full" if isinstance(error, RuntimeError) else error
            raise WeightsError(f"{file} could not be written: {reason}.") from error
