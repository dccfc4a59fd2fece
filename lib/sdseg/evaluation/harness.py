"""The whole evaluation: models and labelled images in, a report out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sdseg.errors import InputError
from sdseg.evaluation.accuracy import Scoring, score_cases
from sdseg.evaluation.accuracy_tables import ScoreBook, ablation_table, accuracy_table, comparison_table
from sdseg.evaluation.contestants import Contestant
from sdseg.evaluation.plan import Plan, Stage, silent
from sdseg.evaluation.provenance import describe_contestants, describe_device, describe_run
from sdseg.evaluation.records import Score
from sdseg.evaluation.report import Picture, Report, Table
from sdseg.volume.example import Example
from sdseg.volume.recipe import is_picture


@dataclass
class Evaluation:
    """One evaluation; `report` does the work.

    Attributes:
        contestants: the models, loaded, with names of their own.
        examples: labelled images.
        labels: structure name -> value in the masks.
        plan: what to make.
        about: facts about the data, for the report.
        stage: makes a progress bar.
    """

    contestants: Sequence[Contestant]
    examples: Sequence[Example]
    labels: Mapping[str, int]
    plan: Plan = field(default_factory=Plan)
    about: Mapping[str, Any] = field(default_factory=dict)
    stage: Stage = silent

    def __post_init__(self) -> None:
        if not self.examples:
            raise InputError("There is no labelled image to evaluate on; check data set and split.")
        if not self.contestants:
            raise InputError("There is no model to evaluate; give a weights folder.")
        pictures = [is_picture(example.image) for example in self.examples]
        if any(pictures) and not all(pictures):
            raise InputError("Pictures and volumes cannot be scored in one table; evaluate them one after the other.")
        steps = self.plan.steps
        self.contestants = [c.with_steps(steps) if c.takes_steps else c for c in self.contestants]

    def report(self) -> Report:
        """Make all tables and pictures of the plan.

        Raises:
            InputError: an image cannot be read, or a model does not take its modality.
            LabelError: a mask does not belong to its image.
        """
        makers: dict[str, Callable[[], tuple[list[Table], list[Picture]]]] = {
            "accuracy": self._accuracy,
            "ablation": self._ablation,
        }
        made = [makers[name]() for name in self.plan.tables]
        tables = [table for some, _ in made for table in some]
        pictures = [picture for _, some in made for picture in some]
        return Report(self._title, self._facts(), tables, pictures, self._scores)

    @property
    def _title(self) -> str:
        return f"Evaluation on {self.about.get('name', 'labelled images')}"

    def _facts(self) -> dict[str, Any]:
        groups = {example.group for example in self.examples}
        data = {**self.about, "labels": dict(self.labels), "cases": len(self.examples), "groups": len(groups)}
        return {
            **describe_run(),
            "device": describe_device(self.contestants[0].model.device),
            "data": data,
            "models": describe_contestants(self.contestants),
            "seed": self.plan.seed,
            "resamples": self.plan.resamples,
        }

    @property
    def _scores(self) -> list[Score]:
        return list(self._book.scores) if "_book" in self.__dict__ else []

    @cached_property
    def _book(self) -> ScoreBook:
        scoring = Scoring(self.labels, self.plan.tolerance)
        with self.stage("accuracy") as update:
            scores = score_cases(self.contestants, self.examples, scoring, self.plan.seed, self.plan.batch_size, update)
        return ScoreBook(scores, self.plan.seed, self.plan.resamples)

    def _accuracy(self) -> tuple[list[Table], list[Picture]]:
        tables = [accuracy_table(self._book, self.plan.tolerance)]
        if len(self.contestants) > 1:
            tables.append(comparison_table(self._book))
        return tables, []

    def _ablation(self) -> tuple[list[Table], list[Picture]]:
        return [ablation_table(self._book)], []
