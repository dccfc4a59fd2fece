"""What is in a weights folder, without loading the weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from sdseg.errors import WeightsError
from sdseg.model.card import ModelCard
from sdseg.model.kinds import SDSEG, weight_files
from sdseg.model.weights import weights_sha256
from sdseg.weights.variant import deviations, read_config


@dataclass(frozen=True)
class Component:
    """One network: its name, bytes on disk, number of parameters, precision and the SHA-256 of its file."""

    name: str
    size: int
    parameters: int
    dtype: str
    sha256: str


@dataclass(frozen=True)
class WeightsInfo:
    """A weights folder.

    Attributes:
        card: labels, recipe and provenance.
        sha256: identity: over weight files and card.
        components: U-Net, autoencoder, vision encoder; or a rival's networks.
        scale_factor: of the mask latents; None for a rival.
        unet: its configuration: widths, heads, classes ...; empty for a rival.
        deviations: from the authors' model; an export needs there to be none.
    """

    card: ModelCard
    sha256: str
    components: tuple[Component, ...]
    scale_factor: float | None
    unet: dict[str, Any]
    deviations: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all weight files."""
        return sum(component.size for component in self.components)


def read_info(folder: Path) -> WeightsInfo:
    """Describe a weights folder.

    Raises:
        WeightsError: it is none, or damaged.
    """
    card, sha256 = ModelCard.load(folder), weights_sha256(folder)
    components = tuple(_component(folder / name) for name in weight_files(folder))
    if card.kind != SDSEG:
        return WeightsInfo(card, sha256, components, None, {})
    vae, unet = (read_config(folder / name / "config.json") for name in ("vae", "unet"))
    return WeightsInfo(card, sha256, components, vae.get("scaling_factor", 1.0), unet, deviations(folder))


def _component(path: Path) -> Component:
    parameters, dtypes = 0, set()
    try:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - no mapping
                part = file.get_slice(name)
                count = 1
                for length in part.get_shape():
                    count *= length
                parameters += count
                dtypes.add(part.get_dtype())
    except SafetensorError as error:
        raise WeightsError(f"{path} is damaged ({error}); restore it.") from error
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return Component(path.parent.name, path.stat().st_size, parameters, "/".join(sorted(dtypes)), digest)
