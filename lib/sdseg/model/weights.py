"""Weights folders: saved whole or not at all, loaded strictly, named by their content."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import torch
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError

from sdseg.durable import new_beside, replacing, sync_tree
from sdseg.errors import WeightsError
from sdseg.model.card import CARD_FILE, ModelCard
from sdseg.model.pipeline import SDSegPipeline

POINTER_FILE = "current"
WEIGHT_FILES = tuple(f"{name}/diffusion_pytorch_model.safetensors" for name in ("unet", "vae", "vision_encoder"))


def save_weights(pipeline: SDSegPipeline, card: ModelCard, folder: Path, dtype: torch.dtype = torch.float16) -> None:
    """Save a diffusers folder with its card; the folder appears complete or not at all.

    Args:
        pipeline: left in the precision it came in.
        card: what to say about it.
        folder: must not exist.
        dtype: precision on disk.

    Raises:
        WeightsError: `folder` exists, or the disk refuses.
    """
    if folder.exists():
        raise WeightsError(f"{folder} exists already; choose another folder or remove it.")
    staging = new_beside(folder)
    before = pipeline.dtype
    diffusers_logging.set_verbosity_error()  # it warns of every cast, also of those that are meant
    try:
        staging.mkdir(parents=True)  # not mkdtemp, which would make the weights private
        pipeline.to(dtype=dtype)
        pipeline.save_pretrained(staging, safe_serialization=True)
        card.save(staging)
        sync_tree(staging)
        staging.rename(folder)
    except (OSError, SafetensorError) as error:  # safetensors tells of a full disk in its own way
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise WeightsError(f"The weights could not be written to {folder}: {reason}.") from error
    finally:
        pipeline.to(dtype=before)
        shutil.rmtree(staging, ignore_errors=True)


def load_weights(folder: Path, device: str = "cpu", dtype: torch.dtype = torch.float32) -> SDSegPipeline:
    """Load a pipeline for inference from a folder made by `save_weights`.

    Raises:
        WeightsError: something is missing, truncated or does not fit.
    """
    ModelCard.load(folder)
    missing = [name for name in WEIGHT_FILES if not (folder / name).is_file()]
    if missing:
        raise WeightsError(f"The weights folder {folder} lacks {', '.join(missing)}; restore or retrain it.")
    diffusers_logging.disable_progress_bar()
    try:
        pipeline = SDSegPipeline.from_pretrained(folder, dtype=dtype, low_cpu_mem_usage=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"The weights in {folder} cannot be loaded ({error}); restore or retrain them.") from error
    pipeline.set_progress_bar_config(disable=True)
    for module in (pipeline.vae, pipeline.vision_encoder, pipeline.unet):
        module.eval().requires_grad_(False)
    return pipeline.to(device)


def weights_sha256(folder: Path) -> str:
    """SHA-256 over the names and contents of the weight files and the card: the identity of a model.

    Raises:
        WeightsError: one of them is missing.
    """
    digest = hashlib.sha256()
    for name in (*WEIGHT_FILES, CARD_FILE):
        path = folder / name
        if not path.is_file():
            raise WeightsError(f"The weights folder {folder} lacks {name}; restore or retrain it.")
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def publish(folder: Path, models_dir: Path) -> Path:
    """Copy a weights folder into `models_dir` under its content's name and point `current` at it, atomically.

    A reader sees the old weights or the new ones, never a mixture, whenever this process dies.

    Returns:
        The published folder, `models_dir / <first 16 digits of the SHA-256>`.

    Raises:
        WeightsError: `folder` is no weights folder, or the disk refuses.
    """
    target = models_dir / weights_sha256(folder)[:16]
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            _copy_whole(folder, target)
        with replacing(models_dir / POINTER_FILE) as pointer:
            pointer.write(f"{target.name}\n".encode())
    except OSError as error:
        raise WeightsError(f"The weights could not be published to {models_dir}: {error.strerror}.") from error
    return target


def _copy_whole(folder: Path, target: Path) -> None:
    staging = new_beside(target)
    staging.mkdir()
    try:
        shutil.copytree(folder, staging, dirs_exist_ok=True)
        sync_tree(staging)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def current(models_dir: Path) -> Path | None:
    """The published weights folder of `models_dir`, or None where nothing was published.

    Raises:
        WeightsError: the pointer names a folder that is not there.
    """
    pointer = models_dir / POINTER_FILE
    if not pointer.is_file():
        return None
    folder = models_dir / pointer.read_text().strip()
    if not folder.is_dir():
        raise WeightsError(f"{pointer} names {folder.name}, which is missing; restore it or remove the pointer.")
    return folder
