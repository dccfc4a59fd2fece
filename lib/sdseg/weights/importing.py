"""From a source of weights to a weights folder of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from sdseg.errors import WeightsError
from sdseg.model.card import ModelCard, check_labels
from sdseg.model.mask_decoder import MaskDecoder
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.weights import save_weights
from sdseg.volume.recipe import Recipe
from sdseg.volume.window import Window
from sdseg.weights.assemble import Imported
from sdseg.weights.note import card_of_note
from sdseg.weights.sizes import untold
from sdseg.weights.source import Choices, Kind, import_source

PHOTOGRAPHS = {"XC": Window("range", 0, 255)}


@dataclass(frozen=True)
class Description:
    """What the card will say; what is left out comes from the source's own card, or a default.

    Attributes:
        labels: names in the order of their values, from 1; default "foreground", or "class 1", "class 2" ...
        windows: DICOM Modality -> Window; default photographs.
        name: of the model; default the folder's.
    """

    labels: Sequence[str] = ()
    windows: dict[str, Window] = field(default_factory=dict)
    name: str | None = None


def import_weights(
    source: str,
    folder: Path,
    kind: Kind = Kind.auto,
    choices: Choices | None = None,
    description: Description | None = None,
    dtype: torch.dtype = torch.float32,
    inference_only: bool = False,
) -> ModelCard:
    """Import weights of any kind into a new weights folder, which appears whole or not at all.

    Args:
        source: see `import_source`, as `kind` and `choices`.
        folder: must not exist.
        kind: see `Kind`.
        choices: about the network.
        description: for the card.
        dtype: precision on disk.
        inference_only: leave out the mask encoder, which only a training needs.

    Returns:
        The card of the new folder.

    Raises:
        InputError, WeightsError: see `import_source`; the labels do not match the classes; the folder exists or cannot
            be written; weights to start a training from are to be `inference_only`.
    """
    if folder.exists():
        raise WeightsError(f"{folder} exists already; choose another folder or remove it.")
    choices = choices or Choices()
    imported = import_source(source, kind, choices)
    card = _card(imported, folder.name, description or Description(), _assumed(imported, choices))
    check_labels(card.labels, imported.pipeline.classes)
    _check_range(imported, dtype)
    pipeline = _without_mask_encoder(imported) if inference_only else imported.pipeline
    save_weights(pipeline, card, folder, dtype)
    return card


def _without_mask_encoder(imported: Imported) -> SDSegPipeline:
    if not imported.facts.get("trained", True):
        raise WeightsError("Weights to start a training from need their mask encoder; leave out --inference-only.")
    pipeline = imported.pipeline
    return SDSegPipeline(MaskDecoder.of(pipeline.vae), pipeline.vision_encoder, pipeline.unet, pipeline.scheduler)


def _check_range(imported: Imported, dtype: torch.dtype) -> None:
    """Refuse NaN, and what is infinite in the precision on disk."""
    limit = torch.finfo(dtype).max
    for part in ("unet", "vae", "vision_encoder"):
        for name, tensor in getattr(imported.pipeline, part).state_dict().items():
            if not tensor.abs().max() <= limit:
                raise WeightsError(
                    f"The {part}'s {name} holds NaN or values above {limit:.5g}: the training diverged, or fp16 is "
                    "too small for it and --dtype fp32 is needed."
                )


def _assumed(imported: Imported, choices: Choices) -> dict[str, int]:
    """What neither a tensor nor the user told, by the name of the choice."""
    if imported.note or imported.preset.name == choices.preset:
        return {}
    taken = {"heads": imported.preset.unet_num_attention_heads, "image_size": imported.preset.image_size}
    return {name: taken[name] for name in untold(imported.preset) if getattr(choices, name) is None}


def _card(imported: Imported, default_name: str, description: Description, assumed: dict[str, int]) -> ModelCard:
    before = card_of_note(imported.note)
    names = description.labels or (tuple(before.labels) if before else _default_labels(imported.pipeline.classes))
    if len(set(names)) != len(names):
        raise WeightsError(f"Every label needs a name of its own, not {', '.join(names)}.")
    labels = {name: value for value, name in enumerate(names, 1)}
    size = imported.pipeline.image_size
    if before:
        windows = description.windows or before.recipe.windows
        recipe = Recipe(size, windows, before.recipe.orientation, before.recipe.keep_proportions)
    else:
        # The authors stretch a slice to a square.
        recipe = Recipe(size, description.windows or PHOTOGRAPHS, keep_proportions=False)
    name = description.name or (before.name if before else default_name)
    structures = dict(before.structures) if before else {}
    told = _provenance(imported, before, assumed)
    # With other windows its values would mean something else.
    region = before.region if before and not description.windows else None
    return ModelCard(name, imported.preset.name, labels, recipe, told, structures=structures, region=region)


def _provenance(imported: Imported, before: ModelCard | None, assumed: dict[str, int]) -> dict[str, Any]:
    software = {name: version(name) for name in ("sdseg", "torch", "diffusers")}
    told = {**imported.facts, **({"assumed": assumed} if assumed else {}), "software": software}
    return {**(before.training if before else {}), "import": told}


def _default_labels(classes: int | None) -> tuple[str, ...]:
    return ("foreground",) if classes is None else tuple(f"class {number}" for number in range(1, classes))
