"""The lite parts that are being made, and those that the weights have already, which help to make them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from sdseg.distill.bank import Bank
from sdseg.distill.config import STAGES, Part, Stage
from sdseg.distill.learners import DecoderLearner, EncoderLearner
from sdseg.distill.teacher import Teacher
from sdseg.distill.unet_learner import UNetLearner
from sdseg.model.kinds import lite_folder
from sdseg.model.lite import LITE_CLASSES, load_lite, new_lite
from sdseg.training.draws import seed_of
from sdseg.training.learner import Learner

_PART_OF: dict[Stage, Part] = {stage: part for part, stages in STAGES.items() for stage in stages}


class Pupils:
    """Lite parts by name.

    Args:
        teacher: whose they are.
        weights: its folder; of the parts that are not made, those that lie there help.
        parts: the names of those that are made.
        seed: of their first weights.

    Raises:
        WeightsError: a lite part of the weights is damaged.
    """

    def __init__(self, teacher: Teacher, weights: Path, parts: tuple[Part, ...], seed: int) -> None:
        self._teacher, self._seed = teacher, seed
        self.made: dict[Part, Any] = {}
        device = teacher.pipeline.device
        there = [part for part in STAGES if part not in parts and (weights / lite_folder(part)).is_dir()]
        self._helping = {part: load_lite(weights, lite_folder(part), LITE_CLASSES[part]).to(device) for part in there}

    def of(self, stage: Stage) -> Any:
        """The part that a stage trains; it begins at random, the same for the same seed."""
        part = _PART_OF[stage]
        if part not in self.made:
            torch.manual_seed(seed_of(self._seed, 1))
            self.made[part] = new_lite(part, self._teacher.pipeline).to(self._teacher.pipeline.device)
        return self.made[part]

    def learner(self, stage: Stage, bank: Bank) -> Learner:
        """What trains the part of the stage; those that are there already help, frozen."""
        pupil, known = self.of(stage), {**self._helping, **self.made}
        decoder, encoder = known.get("decoder"), known.get("encoder")
        if stage == "decoder":
            return DecoderLearner(pupil, bank)
        if stage == "unet":
            return UNetLearner(pupil, self._teacher, bank, decoder, encoder)
        return EncoderLearner(pupil, self._teacher, bank, decoder, through=stage == "encoder")
