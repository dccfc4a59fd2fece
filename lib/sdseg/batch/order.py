"""What is wanted of every series: by which weights, and how."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from sdseg.batch.found import Found
from sdseg.engines.speed import Speed


@dataclass(frozen=True)
class Order:
    """The same for a whole run.

    Attributes:
        weights: folder.
        weights_sha256: identity of the weights.
        modalities: that the weights are made for, DICOM Modality.
        speed: engine, decoder, encoder and U-Net.
        seed, batch_size: see `Segmenter.segment`.
    """

    weights: Path
    weights_sha256: str
    modalities: tuple[str, ...]
    speed: Speed = field(default_factory=Speed)
    seed: int = 0
    batch_size: int = 8

    @classmethod
    def of(cls, weights: Path, speed: Speed, seed: int = 0, batch_size: int = 8) -> Order:
        """For a weights folder.

        Raises:
            WeightsError: it is missing or damaged.
            InputError, UnknownNameError: a label of it has no code.
        """
        from sdseg.dicom.codes import add_structures, structure
        from sdseg.model.card import ModelCard
        from sdseg.model.weights import weights_sha256

        card = ModelCard.load(weights)
        add_structures(card.own_structures())
        for name in card.labels:
            structure(name)  # a label without a code is refused before the model runs
        return cls(weights.absolute(), weights_sha256(weights), card.modalities, speed, seed, batch_size)

    def key(self, found: Found) -> str:
        """Identity of the result: series, images, weights and whatever else changes a mask; not the exact engine."""
        identity = [found.study_uid, found.fingerprint, self.weights_sha256, self.seed, self.speed.identity]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def unsuitable(self, found: Found) -> str:
        """Why the weights do not suit a series, one sentence; "" where they do."""
        if found.modality in self.modalities:
            return ""
        what = found.modality or "unknown"
        return f"Its modality is {what}; the weights are made for {' or '.join(self.modalities)}."
