"""Which kinds of pipelines there are: each room registers its own, so that weights folders of all are read alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffusers import DiffusionPipeline

from sdseg.errors import WeightsError

INDEX_FILE = DiffusionPipeline.config_name  # model_index.json
SDSEG = "sdseg"
NETWORK_FILE = "diffusion_pytorch_model.safetensors"  # in each network's folder


def lite_folder(part: str) -> str:
    """The folder of a lite decoder, encoder or unet, beside the networks, where it was distilled."""
    return f"lite_{part}"


LITE_PARTS = LITE_DECODER, LITE_ENCODER, LITE_UNET = tuple(map(lite_folder, ("decoder", "encoder", "unet")))


@dataclass(frozen=True)
class Traits:
    """What is to be told about a model beside its name and weights.

    Attributes:
        kind: "sdseg" or the name of a rival.
        title: of the algorithm, as a DICOM SEG names it.
        method: a few words on how it segments, as a DICOM SEG describes it.
        steps: denoising steps a slice; None where nothing is denoised, so that nothing is random either.
        samples: masks that are averaged.
    """

    kind: str
    title: str
    method: str
    steps: int | None = None
    samples: int = 1


_REGISTERED: dict[str, tuple[type[DiffusionPipeline], Callable[[Any], Traits]]] = {}


def register_pipeline(pipeline_class: type[DiffusionPipeline], traits: Callable[[Any], Traits]) -> None:
    """Make weights folders of `pipeline_class` loadable; `traits` tells about a pipeline of it."""
    _REGISTERED[pipeline_class.__name__] = (pipeline_class, traits)


def traits_of(pipeline: Any) -> Traits:
    """What is to be told about a pipeline of a registered class."""
    return _REGISTERED[type(pipeline).__name__][1](pipeline)


def pipeline_class_of(folder: Path) -> type[DiffusionPipeline]:
    """The class that a weights folder was saved from.

    Raises:
        WeightsError: its index is missing or damaged, or names a class that is not registered.
    """
    name = pipeline_name(folder)
    if name not in _REGISTERED:
        raise WeightsError(
            f"The weights in {folder} are of the unknown kind {name!r}; use weights of: {', '.join(_REGISTERED)}."
        )
    return _REGISTERED[name][0]


def pipeline_name(folder: Path) -> str:
    """The name of the class that a weights folder was saved from, known here or not.

    Raises:
        WeightsError: its index is missing or damaged.
    """
    return str(_index(folder).get("_class_name"))


def weight_files(folder: Path) -> tuple[str, ...]:
    """The weight files that belong into a weights folder, sorted: one a network that its index names, and the lite
    parts' where they are there.

    Raises:
        WeightsError: the index is missing or damaged.
    """
    parts = {name: part for name, part in _index(folder).items() if isinstance(part, list) and len(part) == 2}
    networks = [name for name, (_, what) in parts.items() if what and not str(what).endswith("Scheduler")]
    lite = [name for name in LITE_PARTS if (folder / name).is_dir()]
    return tuple(f"{name}/{NETWORK_FILE}" for name in sorted((*networks, *lite)))


def _index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX_FILE
    if not path.is_file():
        raise WeightsError(f"The weights folder {folder} lacks {INDEX_FILE}; restore or retrain it.")
    try:
        return dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise WeightsError(f"The index {path} is damaged ({error}); restore the folder.") from error
