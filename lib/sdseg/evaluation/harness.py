"""The whole evaluation: models and labelled images in, a report out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sdseg.errors import InputError
from sdseg.evaluation.accuracy import score_cases
from sdseg.evaluation.accuracy_table import accuracy_table
from sdseg.evaluation.case_pictures import cases_picture, choose_cases, ranked_cases, reverse_picture
from sdseg.evaluation.case_scores import Scoring
from sdseg.evaluation.contestants import Contestant
from sdseg.evaluation.convergence import convergence_curves, convergence_scores, convergence_table
from sdseg.evaluation.difference_tables import ablation_table, comparison_table
from sdseg.evaluation.efficiency import efficiency_table
from sdseg.evaluation.plan import Plan, Stage, silent
from sdseg.evaluation.plots import plot_convergence
from sdseg.evaluation.provenance import describe_contestants, describe_device, describe_run
from sdseg.evaluation.records import Score
from sdseg.evaluation.report import Picture, Report, Table
from sdseg.evaluation.score_book import ScoreBook
from sdseg.evaluation.similarity import Similarity, load_lpips
from sdseg.evaluation.stability_table import stability_table
from sdseg.volume.example import Example
from sdseg.volume.recipe import is_picture

Made = tuple[list[Table], list[Picture]]


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
        if steps is not None:
            self.contestants = [c.with_steps(steps) if c.takes_steps else c for c in self.contestants]

        weights = self.plan.lpips_weights if "stability" in self.plan.tables else None
        self._lpips: Similarity | None = load_lpips(weights) if weights else None

    def report(self) -> Report:
        """Make all tables and pictures of the plan.

        Raises:
            InputError: an image cannot be read, or a model does not take its modality.
            LabelError: a mask does not belong to its image.
        """
        makers: dict[str, Callable[[], Made]] = {
            "accuracy": self._accuracy,
            "efficiency": self._efficiency,
            "stability": self._stability,
            "convergence": self._convergence,
            "reverse": self._reverse,
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
        """Whatever was scored, each figure once: the convergence repeats those of the plan's steps."""
        books = [self.__dict__[name] for name in ("_book", "_converging") if name in self.__dict__]
        known: dict[object, Score] = {}
        for score in (score for book in books for score in book.scores):
            known.setdefault(replace(score, value=None), score)
        return list(known.values())

    @cached_property
    def _book(self) -> ScoreBook:
        scoring, plan = Scoring(self.labels, self.plan.tolerance), self.plan
        with self.stage("accuracy") as update:
            scores = score_cases(self.contestants, self.examples, scoring, plan.seed, plan.batch_size, update)
        return ScoreBook(scores, plan.seed, plan.resamples)

    @cached_property
    def _converging(self) -> ScoreBook:
        with self.stage("convergence") as update:
            return convergence_scores(self.contestants, self.examples, self.labels, self.plan, update)

    def _accuracy(self) -> Made:
        tables = [accuracy_table(self._book, self.plan.tolerance)]
        if len(self.contestants) > 1:
            tables.append(comparison_table(self._book))
        drawn = [
            cases_picture(f"cases-{number}", contestant, self.examples, self.labels, self._book, self.plan)
            for number, contestant in enumerate(self.contestants, 1)
        ]
        return tables, [picture for picture in drawn if picture is not None]

    def _efficiency(self) -> Made:
        with self.stage("efficiency") as update:
            return [efficiency_table(self.contestants, self.plan, update)], []

    def _stability(self) -> Made:
        with self.stage("stability") as update:
            return [stability_table(self.contestants, self.examples, self.labels, self.plan, self._lpips, update)], []

    def _convergence(self) -> Made:
        book = self._converging
        steppers = [contestant.name for contestant in self.contestants if contestant.takes_steps]
        label = f"Dice of {book.structures[-1]}, each {book.levels[0].value}"
        png = plot_convergence(convergence_curves(book), label)
        caption = "Mean Dice and 95% interval against the number of DDIM steps; one step is the paper's closed form."
        return [convergence_table(book, steppers)], [Picture("convergence", "Convergence", caption, png)]

    def _reverse(self) -> Made:
        """On the median case of the first model."""
        ranked = choose_cases(ranked_cases(self._book, self.contestants[0].name))
        case = next((ranked[name][0] for name in ("median", "worst", "case") if name in ranked), self.examples[0].id)
        example = next(example for example in self.examples if example.id == case)
        drawn = [
            reverse_picture(f"reverse-{number}", contestant, example, self.plan)
            for number, contestant in enumerate(self.contestants, 1)
        ]
        return [], [picture for picture in drawn if picture is not None]

    def _ablation(self) -> Made:
        return [ablation_table(self._book)], []
