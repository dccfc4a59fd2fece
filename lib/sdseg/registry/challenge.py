"""New weights against those that are served: judged, kept in the registry, and promoted where they may be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sdseg.judging.judge import Watch, judge
from sdseg.judging.judgement import Judgement
from sdseg.registry.entry import Entry
from sdseg.registry.registry import ChampionChangedError, ModelRegistry
from sdseg.volume.example import Example

Promote = Literal["judged", "never", "always"]
_ROUNDS = 5  # whoever promotes by hand so often meanwhile decides by hand
_SCORES = "scores"


@dataclass(frozen=True)
class Rules:
    """How new weights are judged and what may become of them.

    Attributes:
        promote: served where they are judged not worse, never, or always and unjudged.
        margin: by how much Dice they may be worse on any structure.
        device, seed: of the inferences that judge.
        by: name of the user who started the training.
    """

    promote: Promote
    margin: float
    device: str
    seed: int
    by: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of them: the entry, the judgement, and a sentence about it."""

    entry: Entry
    judgement: Judgement | None
    promoted: bool
    sentence: str


class Challenge:
    """One challenge of the champion of `registry`.

    Args:
        registry: of the served model.
        validation: labelled images of the patients who judge.
        rules: see there.
        told: is told by keywords what is known of the two models, as it becomes known.
        watch: called with ("judge", done, total) between two steps of the judging; may wait, or raise to stop.
    """

    def __init__(
        self,
        registry: ModelRegistry,
        validation: Sequence[Example],
        rules: Rules,
        told: Callable[..., None],
        watch: Watch,
    ) -> None:
        self._registry = registry
        self._validation = validation
        self._rules = rules
        self._told = told
        self._watch = watch

    def settle(self, weights: Path, facts: Mapping[str, Any]) -> Outcome:
        """Judge, keep, and promote; against whoever is served by then, if that changes meanwhile.

        Raises:
            WeightsError: the disk refuses, or one of the two models is damaged.
        """
        if self._rules.promote == "always":
            return self._serve_unjudged(weights, facts)
        for _ in range(_ROUNDS):
            champion = self._registry.served()
            judgement = self._judge(champion, weights)
            entry = self._registry.add(weights, judgement, facts)
            if reason := self._kept_because(entry, judgement):
                return Outcome(entry, judgement, False, f"The new weights are kept. {reason}")
            try:
                self._registry.promote(entry.name, self._rules.by, judgement.reason, instead_of=champion.sha256)
            except ChampionChangedError:
                continue
            return Outcome(entry, judgement, True, f"The new weights are served now. {judgement.reason}")
        why = "Not served: others were promoted again and again while they were judged; promote them by hand."
        return Outcome(entry, judgement, False, f"The new weights are kept. {why}")

    def _judge(self, champion: Entry, weights: Path) -> Judgement:
        """The weights served now against the new ones, with the scores of before where they were kept."""
        rules, folder = self._rules, self._registry.folder(champion.name)
        self._told(champion_sha256=champion.sha256, judgement=None)
        judgement = judge(
            folder,
            weights,
            self._validation,
            rules.margin,
            rules.device,
            rules.seed,
            watch=self._watch,
            cache=self._registry.home / _SCORES,
        )
        self._told(challenger_sha256=judgement.challenger_sha256, judgement=judgement.to_dict())
        return judgement

    def _kept_because(self, entry: Entry, judgement: Judgement) -> str:
        """Why the new weights may not be served; "" where they may."""
        if not judgement.accepted:
            return judgement.reason
        if entry.state == "withdrawn":
            return "Not served: the training came to weights that were withdrawn before."
        if self._rules.promote == "never":
            return f"Not served, for they were to be judged only. {judgement.reason}"
        return ""

    def _serve_unjudged(self, weights: Path, facts: Mapping[str, Any]) -> Outcome:
        self._told(champion_sha256=self._registry.served().sha256)
        entry = self._registry.add(weights, None, facts)
        self._registry.promote(entry.name, self._rules.by, "Unjudged, as its training was asked to.")
        return Outcome(entry, None, True, "The new weights are served now, unjudged, as was asked for.")
