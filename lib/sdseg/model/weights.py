"""Weights folders: saved whole or not at all, loaded strictly, named by their content."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from diffusers import DiffusionPipeline
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError, safe_open

from sdseg.durable import new_beside, sync_tree
from sdseg.errors import WeightsError
from sdseg.model.card import ModelCard, check_kind
from sdseg.model.card_file import CARD_FILE
from sdseg.model.kinds import (
    INDEX_FILE,
    SDSEG,
    Traits,
    pipeline_class_of,
    pipeline_name,
    register_pipeline,
    traits_of,
    weight_files,
)
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.pointer import NAME_DIGITS, POINTER_FILE, point_at, read_pointer

WEIGHT_FILES = tuple(f"{name}/diffusion_pytorch_model.safetensors" for name in ("unet", "vae", "vision_encoder"))
Pipeline = TypeVar("Pipeline", bound=DiffusionPipeline)

register_pipeline(SDSegPipeline, lambda _: Traits(SDSEG, "SDSeg", "one-step latent diffusion", steps=1))


def save_weights(
    pipeline: DiffusionPipeline, card: ModelCard, folder: Path, dtype: torch.dtype = torch.float16
) -> None:
    """Save a diffusers folder with its card; the folder appears complete or not at all.

    Args:
        pipeline: SDSeg's or a rival's; left in the precision it came in.
        card: what to say about it; it must name the pipeline's kind.
        folder: must not exist.
        dtype: precision on disk.

    Raises:
        WeightsError: `folder` exists, the card is another model's, or the disk refuses.
    """
    check_kind(card, traits_of(pipeline).kind)
    if folder.exists():
        raise WeightsError(f"{folder} exists already; choose another folder or remove it.")
    staging = new_beside(folder)
    before = pipeline.dtype
    diffusers_logging.set_verbosity_error()  # it warns of every cast, also of those that are meant
    try:
        staging.mkdir(parents=True)  # not mkdtemp, which would make the weights private
        pipeline.to(dtype=dtype)
        pipeline.save_pretrained(staging, safe_serialization=True)
        forget_paths(staging)
        card.save(staging)
        sync_tree(staging)
        staging.rename(folder)
    except (OSError, SafetensorError) as error:  # safetensors tells of a full disk in its own way
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise WeightsError(f"The weights could not be written to {folder}: {reason}.") from error
    finally:
        pipeline.to(dtype=before)
        shutil.rmtree(staging, ignore_errors=True)


def forget_paths(folder: Path) -> None:
    """diffusers notes where the weights were loaded from, which is nobody's business and would change the identity."""
    for path in folder.rglob("*.json"):
        values = json.loads(path.read_text())
        values.pop("_name_or_path", None)
        path.write_text(f"{json.dumps(values, indent=2, sort_keys=True)}\n")


def load_weights(
    folder: Path,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    kind: type[Pipeline] = DiffusionPipeline,
) -> Pipeline:
    """Load a pipeline for inference from a folder made by `save_weights`.

    Args:
        folder: weights of SDSeg, or of a rival once `sdseg.rivals` is imported.
        device: where it will run.
        dtype: precision in memory.
        kind: the class wanted; any unless told otherwise.

    Raises:
        WeightsError: something is missing, truncated, superfluous or does not fit, or is of another kind.
    """
    card = ModelCard.load(folder)
    # The card first: where only SDSeg's are wanted nobody has imported the rivals, and none of their classes is known.
    is_rival = kind is SDSegPipeline and card.kind != SDSEG
    if is_rival or not issubclass(pipeline_class_of(folder), kind):
        raise WeightsError(
            f"The weights in {folder} are of the kind {card.kind!r}, which cannot be used here: give SDSeg's own."
        )
    pipeline_class = pipeline_class_of(folder)
    _refuse_missing(folder, weight_files(folder))
    diffusers_logging.disable_progress_bar()
    diffusers_logging.set_verbosity_error()  # it warns of keys that do not fit, which end in an error here
    try:
        # Not mapped: a file that is cut off in its place later would end the process that looks at it (SIGBUS).
        pipeline = pipeline_class.from_pretrained(
            folder, dtype=dtype, low_cpu_mem_usage=False, use_safetensors=True, disable_mmap=True
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsError(f"The weights in {folder} cannot be loaded ({error}); restore or retrain them.") from error
    pipeline.set_progress_bar_config(disable=True)
    for name, module in pipeline.components.items():
        if isinstance(module, torch.nn.Module):
            _refuse_other_keys(folder, name, module)
            module.eval().requires_grad_(False)
    check_kind(card, traits_of(pipeline).kind)
    return pipeline.to(device)


def _refuse_missing(folder: Path, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise WeightsError(f"The weights folder {folder} lacks {', '.join(missing)}; restore or retrain it.")


def _refuse_other_keys(folder: Path, name: str, module: torch.nn.Module) -> None:
    """diffusers leaves a tensor that the file lacks at random, and one that it does not know aside."""
    with safe_open(folder / name / "diffusion_pytorch_model.safetensors", framework="pt") as file:
        odd = sorted(set(file.keys()) ^ module.state_dict().keys())
    if odd:
        raise WeightsError(
            f"The weights in {folder} do not fit: {name} lacks or has beyond its configuration {len(odd)} tensor(s), "
            f"{odd[0]} the first; restore or retrain them."
        )


def weights_sha256(folder: Path) -> str:
    """SHA-256 over the names and contents of the weight files and the card: the identity of a model.

    Of a rival over its index too, which holds how often an image is denoised; SDSeg's holds nothing of the kind.

    Raises:
        WeightsError: one of them is missing.
    """
    return combined_sha256({name: file_sha256(folder / name) for name in identity_files(folder)})


def identity_files(folder: Path) -> tuple[str, ...]:
    """The files that make up the identity of a weights folder. Raises WeightsError: one of them is missing."""
    index = () if pipeline_name(folder) == SDSegPipeline.__name__ else (INDEX_FILE,)
    names = (*weight_files(folder), CARD_FILE, *index)
    _refuse_missing(folder, names)
    return names


def combined_sha256(digests: Mapping[str, str]) -> str:
    """The identity, given name -> SHA-256 of each of the identity's files, in their order."""
    whole = hashlib.sha256()
    for name, digest in digests.items():
        whole.update(name.encode() + b"\0" + bytes.fromhex(digest))
    return whole.hexdigest()


def file_sha256(path: Path) -> str:
    """Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def publish(folder: Path, models_dir: Path) -> Path:
    """Copy a weights folder into `models_dir` under its content's name and point `current` at it, atomically.

    A reader sees the old weights or the new ones, never a mixture, whenever this process dies. Who serves asks
    `sdseg.registry`, which calls weights that came this way promoted by hand.

    Returns:
        The published folder, `models_dir / <first 16 digits of the SHA-256>`.

    Raises:
        WeightsError: `folder` is no weights folder, or the disk refuses.
    """
    target = models_dir / weights_sha256(folder)[:NAME_DIGITS]
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            copy_whole(folder, target)
        point_at(models_dir, target.name)
    except OSError as error:
        raise WeightsError(f"The weights could not be published to {models_dir}: {error.strerror}.") from error
    return target


def copy_whole(folder: Path, target: Path, change: Callable[[Path], None] | None = None) -> None:
    """Copy a weights folder; the copy appears complete, and after `change`, or not at all.

    Raises:
        OSError: the disk refuses.
    """
    staging = new_beside(target)
    staging.mkdir()
    try:
        shutil.copytree(folder, staging, dirs_exist_ok=True)
        if change:
            change(staging)
        sync_tree(staging)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def current(models_dir: Path) -> Path | None:
    """The published weights folder of `models_dir`, or None where nothing was published.

    Raises:
        WeightsError: the pointer names a folder that is not there.
    """
    name = read_pointer(models_dir)
    if name is None:
        return None
    folder = models_dir / name
    if not name or not folder.is_dir():
        pointer = models_dir / POINTER_FILE
        raise WeightsError(f"{pointer} names {name or 'nothing'}, which is missing; restore it or remove the pointer.")
    return folder
