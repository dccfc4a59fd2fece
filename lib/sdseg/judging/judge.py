"""Champion against challenger on labelled images of patients that neither has learnt from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from sdseg.errors import InputError, LabelError
from sdseg.judging.decision import Pair, compare, decide, pair_of
from sdseg.judging.judgement import Judgement
from sdseg.judging.scoring import Overlaps, Scorer
from sdseg.model.device import check_device
from sdseg.volume.example import Example

logger = logging.getLogger(__name__)

Watch = Callable[[str, int, int], None]
"""Called with ("judge", segmentations done, segmentations), often: between any two batches of slices. It may wait, or
raise to stop."""

NOBODY = (
    "Not served: there is no validation patient to judge by; label a second patient, give validation_data, or serve it "
    "with `sdseg models promote`."
)


def judge(
    champion: Path,
    challenger: Path,
    validation: Sequence[Example],
    margin: float = 0.01,
    device: str = "cpu",
    seed: int = 0,
    watch: Watch = lambda stage, done, total: None,
    cache: Path | None = None,
) -> Judgement:
    """Segment every validation image with both, by the same way and with the same noise, and compare.

    The challenger is accepted if, for every structure, the 95% interval of its Dice minus the champion's, over
    patients, lies above -`margin`; see `sdseg.judging.decision`. Labels of one image by several annotators are one
    item, the mean of its scores by their weights. Images that cannot be read are left out, and counted.

    Args:
        champion, challenger: weights folders.
        validation: labelled images of patients kept out of training.
        margin: Dice.
        device, seed: of both.
        watch: see `Watch`.
        cache: folder where scores are kept, so that a champion is not measured again for each challenger.

    Raises:
        WeightsError: a folder is unusable.
        InputError: a margin outside 0..1, or no such device here.
    """
    if not 0 <= margin <= 1:
        raise InputError(f"The margin of a judgement is a Dice from 0 to 1, not {margin}.")
    check_device(device)
    old, new = Scorer(champion, device, seed, cache), Scorer(challenger, device, seed, cache)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    verdict = Judgement(False, "", margin, old.sha256, new.sha256, seed=seed, device=device, made=now)
    if refusal := _refusal(old, new, validation):
        return replace(verdict, reason=refusal)
    images = _by_image(validation)
    total = 2 * len(images)
    before = _score_all(old, images, lambda done: watch("judge", done, total))
    readable = [item for item in images if item in before]
    after = _score_all(new, readable, lambda done: watch("judge", len(images) + done, total))
    watch("judge", total, total)
    both = [item for item in images if item in before and item in after]
    pairs = {name: _pairs(name, both, before, after) for name in old.card.labels}
    classes = tuple(compare(name, found, margin, seed) for name, found in pairs.items())
    accepted, reason = decide(classes, margin, len(images) - len(both))
    return replace(
        verdict,
        accepted=accepted,
        reason=reason,
        classes=classes,
        images=len(both),
        patients=len({item[0].group for item in both}),
        unreadable=len(images) - len(both),
    )


Image = tuple[Example, ...]
"""The labels of one image."""


def _refusal(old: Scorer, new: Scorer, validation: Sequence[Example]) -> str:
    """Why there is nothing to compare; "" where there is."""
    if old.sha256 == new.sha256:
        return "Not served anew: the training gave the very weights that are served."
    if dict(old.card.labels) != dict(new.card.labels):
        return (
            f"Not served: the challenger tells {_named(new.card.labels)}, but the champion {_named(old.card.labels)}."
        )
    return "" if validation else NOBODY


def _named(labels: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({value})" for name, value in sorted(labels.items(), key=lambda item: item[1]))


def _by_image(validation: Sequence[Example]) -> list[Image]:
    found: dict[tuple[Path, str | None], list[Example]] = {}
    for example in validation:
        found.setdefault((example.image, example.modality), []).append(example)
    return [tuple(examples) for examples in found.values()]


def _score_all(scorer: Scorer, images: Sequence[Image], tell: Callable[[int], None]) -> dict[Image, list[Overlaps]]:
    found = {}
    for number, image in enumerate(images):
        tell(number)
        try:
            found[image] = scorer.score(image, partial(tell, number))
        except (InputError, LabelError, OSError) as error:
            logger.warning("A validation image is left out: %s", error)
    return found


def _pairs(
    structure: str,
    images: Sequence[Image],
    before: Mapping[Image, list[Overlaps]],
    after: Mapping[Image, list[Overlaps]],
) -> list[Pair]:
    pairs = []
    for image in images:
        scores = [pair_of(a[structure], b[structure]) for a, b in zip(before[image], after[image], strict=True)]
        told = [(pair, example.weight) for pair, example in zip(scores, image, strict=True) if pair is not None]
        if told:
            champion, challenger = np.average([pair for pair, _ in told], axis=0, weights=[each for _, each in told])
            pairs.append(Pair(image[0].group, float(champion), float(challenger)))
    return pairs
