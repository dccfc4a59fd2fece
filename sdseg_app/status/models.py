"""The served models for the status page: what their cards tell, in plain values."""

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from sdseg.dicom.codes import structure
from sdseg.errors import LabelError
from sdseg.model.card import ModelCard
from sdseg.model.card_file import CARD_FILE
from sdseg.model.kinds import weight_files
from sdseg.model.weights import weights_sha256
from sdseg_app.served.models import describe, is_random
from sdseg_app.served.segmenters import Segmenters
from sdseg_app.served.weights_choice import WeightsChoice
from sdseg_app.status.shapes import ModelStatus, StructureStatus, TrainedStatus
from sdseg_app.status.weights import registry_status

_NO_COLOUR = "#808080"


def model_status(name: str, segmenters: Segmenters) -> ModelStatus:
    """Raises WeightsError: its weights are missing or damaged."""
    folder = segmenters.choice.folder()
    card = ModelCard.load(folder)
    sha256 = served_sha256(folder)
    return ModelStatus(
        name=name,
        title=describe(card),
        weights=card.name,
        weights_sha256=sha256,
        source=_source(segmenters.choice, folder),
        modalities=list(card.modalities),
        structures=[_structure(label, value) for label, value in card.labels.items()],
        random=is_random(card),
        trained=_trained(card.training),
        metrics={**_figures(card.training.get("metrics")), **_measured_here(segmenters.choice, sha256)},
        registry=registry_status(segmenters.choice.registry),
        runs=segmenters.runs(),
    )


def served_sha256(folder: Path) -> str:
    """The identity of the weights in a folder, hashed again only when a file of it changed. Raises WeightsError."""
    files = [folder / name for name in (*weight_files(folder), CARD_FILE)]
    stamps = tuple((path.stat().st_mtime_ns, path.stat().st_size) for path in files if path.is_file())
    return _sha256(folder, stamps)


@lru_cache(maxsize=64)
def _sha256(folder: Path, stamps: tuple[tuple[int, int], ...]) -> str:
    return weights_sha256(folder)


def _source(choice: WeightsChoice, folder: Path) -> Any:
    if folder.parent == choice.models_dir:
        return "trained here"
    return "given" if folder == choice.given else "shipped"


def _structure(label: str, value: int) -> StructureStatus:
    try:
        known = structure(label)
    except LabelError:
        return StructureStatus(name=label, value=value, colour=_NO_COLOUR, code="")
    kind = known.property_type
    code = f"{kind.scheme_designator} {kind.value} {kind.meaning}"
    return StructureStatus(name=label, value=value, colour="#" + bytes(known.rgb).hex(), code=code)


def _trained(training: Mapping[str, Any]) -> TrainedStatus:
    """No command and no paths: they may hold names of people."""
    config = training.get("config")
    config = config if isinstance(config, dict) else {}
    software = training.get("software")
    return TrainedStatus(
        when=_text(training.get("finished")),
        on=_data(training.get("data"), config),
        steps=_whole(training.get("steps")) or _whole(_inside(config, "diffusion").get("steps")),
        continued=_whole(training.get("finetuned_steps")),
        seed=_whole(config.get("seed")),
        software={_text(name): _text(said) for name, said in software.items()} if isinstance(software, dict) else {},
    )


def _data(data: Any, config: dict[str, Any]) -> str:
    if isinstance(data, dict):
        counts = [
            f"{data[key]} to {use}" for key, use in (("train", "train"), ("validation", "choose")) if data.get(key)
        ]
        return ", ".join([_text(data.get("dataset")) or "own images", *counts])
    examples = config.get("data")
    count = len(examples) if isinstance(examples, list) else 0
    return f"{count} labelled image{'' if count == 1 else 's'}" if count else ""


def _measured_here(choice: WeightsChoice, sha256: str) -> dict[str, float]:
    """Dice on the labels that a training on this server kept out, if it made these weights."""
    try:
        stats = json.loads((choice.models_dir / "train_stats.json").read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(stats, dict) or stats.get("weights_sha256") != sha256:
        return {}
    after = _inside(stats, "val_dice").get("after")
    return _figures({"Dice on labels kept out of training here": after})


def _figures(values: Any) -> dict[str, float]:
    """The finite numbers among `values`."""
    pairs = values.items() if isinstance(values, dict) else ()
    return {
        _text(name): float(value)
        for name, value in pairs
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _inside(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    inner = values.get(key)
    return inner if isinstance(inner, dict) else {}


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str:
    return str(value)[:80] if value is not None else ""
