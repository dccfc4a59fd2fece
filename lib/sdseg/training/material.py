"""What a model is trained on from corrections."""

from __future__ import annotations

from dataclasses import dataclass

from sdseg.errors import InputError
from sdseg.volume.example import Example


@dataclass(frozen=True)
class Material:
    """Labelled images, divided once and for all by patient.

    Attributes:
        train: the annotators' labels that may be learnt from.
        validation: those by which a new model is judged; no patient of theirs is in `train` or `replay`.
        replay: older examples that are mixed in, so that what was learnt from them is not forgotten.

    Raises:
        InputError: a group lies on both sides.
    """

    train: tuple[Example, ...]
    validation: tuple[Example, ...] = ()
    replay: tuple[Example, ...] = ()

    def __post_init__(self) -> None:
        judges = {example.group for example in self.validation}
        both = judges & {example.group for example in (*self.train, *self.replay)}
        if both:
            raise InputError(f"{len(both)} patients lie in training and in validation: each must be on one side.")
