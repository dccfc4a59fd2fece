"""A whole simulation: data, courses, the rounds that are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sdseg.errors import InputError
from sdseg.simulation.beginning import Beginning
from sdseg.simulation.book import Book
from sdseg.simulation.course import play_round, play_start
from sdseg.simulation.ground import Ground, Watch
from sdseg.simulation.plan import Plan
from sdseg.simulation.pool import Pool, make_pool
from sdseg.simulation.records import Round
from sdseg.training.config import TrainingConfig
from sdseg.training.data import TrainingData, find_data
from sdseg.training.slices import SliceStack, load_example
from sdseg.volume.example import Example

Tell = Callable[[int, int, str], None]
"""Called with (rounds done, rounds, what is being done)."""


class Simulation:
    """Plays an annotator on a labelled data set.

    The pool are the training examples of the configuration, slice by slice; its validation examples measure every
    model. What is done stays done: the same simulation in the same folder goes on after its last finished round, and
    seeds, strategies and rounds may be added to it.

    Args:
        config: data, model, and the way the first model is trained.
        plan: how much, how often.
        folder: see `Book`.
        beginning: of the first model.
        device: torch device.

    Raises:
        InputError: configuration, data and plan do not go together, or the folder holds another simulation.
        WeightsError: the weights are unusable.
    """

    def __init__(
        self, config: TrainingConfig, plan: Plan, folder: Path, beginning: Beginning | None = None, device: str = "cpu"
    ) -> None:
        beginning = beginning or Beginning()
        self.plan = plan
        self.book = Book(folder)
        self._device = device
        self._data: TrainingData = find_data(config)
        if not self._data.validation:
            raise InputError("The data have no validation images by which to measure: name some, of other patients.")
        config = config.model_copy(update={"labels": self._data.labels})
        self._card = beginning.card(config, self._data)
        self._begin = beginning.begin(config, plan, self.book.autoencoder, device)
        self.book.claim({**plan.fixed(), **beginning.facts(), "configuration": _computed(config)})

    def run(self, tell: Tell = lambda done, total, what: None, after: Callable[[], object] = lambda: None) -> None:
        """Play what is left to play.

        Args:
            tell: may raise to stop; the rounds done are kept.
            after: called after each course, when its rounds can be read from the book.

        Raises:
            InputError: a patient is in training and in validation, or there are not enough images.
        """
        plan = self.plan
        telling = _Telling(tell, len(plan.seeds) * len(plan.strategies) * plan.rounds)
        ground = self._ground(telling.watch)
        for seed in plan.seeds:
            telling.course = f"seed {seed}, start"
            start = play_start(ground, seed)
            for strategy in plan.strategies:
                self._play(ground, start, strategy, telling)
                after()

    def _play(self, ground: Ground, start: Round, strategy: str, telling: _Telling) -> None:
        before, labelled = start, ground.pool.places([item.image for item in start.asked])
        for number in range(1, self.plan.rounds + 1):
            telling.course = f"seed {start.seed}, {strategy}, round {number}"
            before = play_round(ground, before, labelled, strategy)
            telling.round_done()

    def _ground(self, watch: Watch) -> Ground:
        pool = self._pool(self._data.train, watch)
        validation = self._pool(self._data.validation, watch)

        def begin(chosen: list[int], seed: int) -> Any:
            return self._begin(pool, chosen, seed, watch)

        return Ground(self.plan, pool, validation, self._card, self.book, begin, self._device, watch)

    def _pool(self, examples: Sequence[Example], watch: Watch) -> Pool:
        def load(example: Example) -> SliceStack:
            return load_example(example, self._card.recipe, self._card.labels)

        return make_pool(examples, load, self._card.labels, lambda done, total: watch("load", done, total))


class _Telling:
    """Puts what is being done within a round beside how many rounds are done."""

    def __init__(self, tell: Tell, total: int) -> None:
        self.course = "data"
        self._tell = tell
        self._total = total
        self._done = 0

    def watch(self, what: str, done: int, of: int) -> None:
        self._tell(self._done, self._total, f"{self.course}: {what} {done} of {of}")

    def round_done(self) -> None:
        self._done += 1
        self._tell(self._done, self._total, f"{self.course}: done")


def _computed(config: TrainingConfig) -> dict[str, Any]:
    """What of the configuration changes what is computed."""
    return config.model_dump(mode="json", exclude={"workers", "preview", "checkpoint_every", "log_every"})
