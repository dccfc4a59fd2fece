"""What a source of weights is, and the importer for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sdseg.errors import InputError, WeightsError
from sdseg.model.card import ModelCard
from sdseg.model.card_file import CARD_FILE
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.weights import load_weights, weights_sha256
from sdseg.weights.assemble import Imported
from sdseg.weights.authors import import_authors
from sdseg.weights.checkpoint import Checkpoint, read_checkpoint
from sdseg.weights.naming import COND_STAGE, FIRST_STAGE, UNET
from sdseg.weights.note import note_of, sizes_of
from sdseg.weights.starting import import_autoencoder, import_diffusers, import_ldm

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


class Kind(StrEnum):
    """Kinds of sources.

    `auto`: look. `authors`: a trained SDSeg checkpoint. `autoencoder`: Stable Diffusion's autoencoder (CompVis
    checkpoint, diffusers folder or hub id). `ldm`: a latent-diffusion checkpoint. `folder`: one of our folders.
    """

    auto = "auto"
    authors = "authors"
    autoencoder = "autoencoder"
    ldm = "ldm"
    folder = "folder"


@dataclass(frozen=True)
class Choices:
    """What a source does not say.

    Attributes:
        heads: of the U-Net's attention.
        image_size: rows = columns of an image.
        preset: whose U-Net to take, for a source without one.
        seed: of weights that are drawn at random.
    """

    heads: int | None = None
    image_size: int | None = None
    preset: str | None = None
    seed: int = 0


def import_source(source: str, kind: Kind = Kind.auto, choices: Choices | None = None) -> Imported:
    """Read weights of any kind as a pipeline.

    Args:
        source: path of a checkpoint or folder, or hub id ("owner/name").
        kind: what it is; `auto` tells by files and tensor names.
        choices: what it does not say.

    Raises:
        InputError: there is no such source.
        WeightsError: it is damaged, unsafe, of another kind, or does not fit.
    """
    path, choices = Path(source), choices or Choices()
    if path.is_file():
        return _import_file(read_checkpoint(path), kind, choices)
    if kind is Kind.folder or (path / CARD_FILE).is_file():
        return _import_folder(path, kind, choices)
    if not path.is_dir() and (kind in (Kind.authors, Kind.ldm) or not _HUB_ID.fullmatch(source)):
        raise InputError(f"There is no file or folder {source}: check the path.")
    if kind not in (Kind.auto, Kind.autoencoder):
        raise WeightsError(f"{source} is a folder, which cannot be of the kind '{kind}'; give a checkpoint.")
    return import_diffusers(source, choices.preset, choices.heads, choices.image_size, choices.seed)


def _import_file(checkpoint: Checkpoint, kind: Kind, choices: Choices) -> Imported:
    kind = _kind_of(checkpoint) if kind is Kind.auto else kind
    if kind is Kind.authors:
        return import_authors(checkpoint, choices.heads, choices.image_size)
    if kind is Kind.ldm:
        return import_ldm(checkpoint, choices.heads, choices.image_size, choices.seed)
    if kind is Kind.autoencoder:
        return import_autoencoder(checkpoint, choices.preset, choices.heads, choices.image_size, choices.seed)
    raise WeightsError(f"{checkpoint.source} is a file, which cannot be of the kind '{kind}'; give a folder.")


def _kind_of(checkpoint: Checkpoint) -> Kind:
    first_names = ((COND_STAGE, Kind.authors), (UNET, Kind.ldm), ("encoder.", Kind.autoencoder))
    for beginning, kind in first_names:
        if any(name.startswith(beginning) for name in checkpoint.tensors):
            return kind
    if any(name.startswith(FIRST_STAGE) for name in checkpoint.tensors):
        return Kind.ldm
    raise WeightsError(f"{checkpoint.source} holds no weights of SDSeg, latent diffusion or an autoencoder.")


def _import_folder(folder: Path, kind: Kind, choices: Choices) -> Imported:
    """One of our own folders, to save it anew: other precision, labels or name."""
    if kind not in (Kind.auto, Kind.folder):
        kind_told = f"The weights folder {folder} cannot be read as '{kind}'"
        raise WeightsError(f"{kind_told}; for its autoencoder give {folder / 'vae'}.")
    if choices.heads or choices.image_size or choices.preset:
        raise WeightsError(f"Heads, image size and preset are settled in the weights folder {folder}; leave them out.")
    card, pipeline = ModelCard.load(folder), load_weights(folder, kind=SDSegPipeline)
    facts = {"imported_from": folder.name, "imported_sha256": weights_sha256(folder)}
    return Imported(pipeline, sizes_of(pipeline), facts, note_of(pipeline, card))
