"""Loading what a training on learns from, as far as its time allows."""

from __future__ import annotations

from collections.abc import Sequence

from sdseg.errors import InputError, LabelError
from sdseg.model.card import ModelCard
from sdseg.training.budget import Budget
from sdseg.training.division import Division, mixed
from sdseg.training.retrain_config import RetrainConfig, Watch
from sdseg.training.slices import SliceStack, check_labelled, load_example
from sdseg.volume.example import Example

# Parts of the time by which the new, the kept out and the older examples are loaded: what is not is left out.
_NEW, _KEPT_OUT, _OLD = 0.4, 0.45, 0.5


class Loader:
    """Loads the examples of a division as slices: the new ones first.

    Args:
        card: of the model.
        division: of the examples.
        config: weights and shares.
        budget: of the whole.
        watch: told how many examples are loaded.

    Raises:
        InputError: an example cannot be read, no slice is labelled, or there is no time to load any.
        LabelError: masks that are not the model's, or are all empty.
    """

    def __init__(
        self, card: ModelCard, division: Division, config: RetrainConfig, budget: Budget, watch: Watch
    ) -> None:
        self._card = card
        self._config = config
        self._budget = budget
        self._watch = watch
        self._total = sum(map(len, (division.new, division.kept_out, division.old)))
        self._done = 0
        self.left_out = 0
        weight = config.corrected_weight
        old = division.old if config.replay_share else ()
        self._division = division
        self._new = self._load(division.new, weight, _NEW)
        self._kept_out = self._load(division.kept_out, 1.0, _KEPT_OUT)
        self._old = self._load(old, weight, _OLD)
        self._check((*division.new, *old))

    def _check(self, examples: Sequence[Example]) -> None:
        loaded = (*self._new, *self._old)
        if not any(map(len, loaded)):
            raise LabelError("Nobody labelled a slice of these images: there is nothing to learn from.")
        check_labelled(loaded, examples)
        if self._budget.left() < 0:
            raise InputError(
                f"{self._config.minutes:g} minutes were over before the training could begin: give more of them."
            )

    @property
    def learnt(self) -> tuple[str, ...]:
        """Fingerprints of what was loaded to be trained on."""
        keys, first = self._division.learnt, len(self._division.new)
        return (*keys[: len(self._new)], *keys[first : first + len(self._old)])

    @property
    def counts(self) -> dict[str, int]:
        """How many examples were loaded, and left out for want of time."""
        loaded = {"new": len(self._new), "old": len(self._old), "early_stop": len(self._kept_out)}
        return {**loaded, "left_out": self.left_out}

    def stack(self) -> SliceStack:
        """What is trained on, with its weights."""
        return mixed(self._new, self._old, self._config.replay_share)

    def kept_out(self) -> SliceStack | None:
        """What stops the training early; None where there is no such slice."""
        stacks = [stack for stack in self._kept_out if len(stack)]
        return SliceStack.joined(stacks) if stacks else None

    def steps(self) -> int:
        """Batches to train for: an epoch is a pass over the new slices, with older ones in between."""
        new, old = (sum(map(len, stacks)) for stacks in (self._new, self._old))
        share = self._config.replay_share if new and old else 0.0
        return self._config.steps_for((new or old) / (1 - share))

    def _load(self, examples: Sequence[Example], corrected_weight: float, until: float) -> list[SliceStack]:
        stacks: list[SliceStack] = []
        for example in examples:
            if stacks and self._budget.left(until) < 0:
                break
            stacks.append(load_example(example, self._card.recipe, self._card.labels, corrected_weight))
            self._done += 1
            self._watch("prepare", self._done, self._total)
        self.left_out += len(examples) - len(stacks)
        return stacks
