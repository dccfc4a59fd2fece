"""The models of an evaluation: named apart, checked against the data, with as many reverse steps as asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sdseg.engines.speed import PLAIN_SPEED, Speed
from sdseg.errors import InputError, LabelError
from sdseg.evaluation.steps import Stepped, own_steps
from sdseg.inference.segmenter import Segmenter
from sdseg.model.card import ModelCard
from sdseg.model.kinds import Traits, traits_of
from sdseg.model.slice_model import SliceModel
from sdseg.model.weights import weights_sha256


@dataclass(frozen=True)
class Contestant:
    """A model that takes part.

    Attributes:
        name: in the report.
        folder: its weights folder.
        segmenter: loaded.
    """

    name: str
    folder: Path
    segmenter: Segmenter

    @property
    def model(self) -> SliceModel:
        return self.segmenter.pipeline

    @property
    def steps(self) -> int:
        """Of the reverse process; 1 for a model without one."""
        return self.model.steps if isinstance(self.model, Stepped) else own_steps(self.model) or 1

    @property
    def base_model(self) -> SliceModel:
        """The model itself, whatever the number of steps."""
        return self.model.model if isinstance(self.model, Stepped) else self.model

    @property
    def traits(self) -> Traits:
        """Kind of the model, and how many masks it averages."""
        return traits_of(self.base_model)

    @property
    def takes_steps(self) -> bool:
        """Whether the model has a reverse process whose steps can be chosen."""
        return own_steps(self.base_model) is not None

    def with_steps(self, steps: int) -> Contestant:
        """The same model with another number of reverse steps.

        Raises:
            InputError: it has no reverse process.
        """
        if steps == self.steps:
            return self
        if not self.takes_steps:
            raise InputError(f"{self.name} has no reverse process, so that it takes no number of steps.")
        old = self.segmenter
        model = Stepped(self.base_model, steps)
        return replace(self, segmenter=Segmenter(model, old.card, old.weights_sha256))


def load_contestants(
    folders: Sequence[Path],
    labels: Mapping[str, int],
    names: Sequence[str] = (),
    device: str = "cpu",
    speed: Speed = PLAIN_SPEED,
) -> list[Contestant]:
    """Check and load weights folders; nothing is loaded before all are checked.

    Args:
        folders: of the weights.
        labels: of the data set.
        names: for the report, one a folder; none: the names of the model cards.
        device: cpu, cuda or cuda:N.
        speed: how each is run.

    Raises:
        LabelError: a model segments other structures than the data set holds.
        InputError: a folder is given twice, or the names do not fit.
        WeightsError: a folder cannot be loaded.
    """
    cards = [ModelCard.load(folder) for folder in folders]
    for folder, card in zip(folders, cards, strict=True):
        check_labels_match(folder, card.labels, labels)
    hashes = [weights_sha256(folder) for folder in folders]
    twice = [folder for folder, digest in zip(folders, hashes, strict=True) if hashes.count(digest) > 1]
    if twice:
        raise InputError(f"{' and '.join(map(str, twice))} are the same weights; give each once.")
    told = choose_names(names, [card.name for card in cards], hashes)
    return [
        Contestant(name, folder, Segmenter.load(folder, device, speed))
        for name, folder in zip(told, folders, strict=True)
    ]


def check_labels_match(folder: Path, model: Mapping[str, int], data: Mapping[str, int]) -> None:
    """Raise LabelError where a model's names or values are not the data set's."""
    if dict(model) != dict(data):
        raise LabelError(
            f"The weights {folder} segment {_listed(model)}, but the data set holds {_listed(data)}; "
            "give weights or data with the same labels."
        )


def _listed(labels: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({value})" for name, value in sorted(labels.items(), key=lambda item: item[1]))


def choose_names(given: Sequence[str], cards: Sequence[str], hashes: Sequence[str]) -> list[str]:
    """The names given, or those of the cards; equal ones get the beginning of the weights' SHA-256.

    Raises:
        InputError: there are not as many names as models, or one twice.
    """
    if not given:
        number = Counter(cards)
        return [
            f"{name} {digest[:8]}" if number[name] > 1 else name for name, digest in zip(cards, hashes, strict=True)
        ]
    if len(given) != len(cards) or len(set(given)) != len(given):
        raise InputError(f"{len(cards)} weights folders need as many different names, not {', '.join(given)}.")
    return list(given)
