"""Which series goes to which model and which targets: the first rule that matches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydicom.dataset import Dataset

from sdseg.dicom.header import text

KEYWORDS = {
    "modality": "Modality",
    "series_description": "SeriesDescription",
    "study_description": "StudyDescription",
    "body_part_examined": "BodyPartExamined",
    "protocol_name": "ProtocolName",
    "image_type": "ImageType",
    "manufacturer": "Manufacturer",
    "station_name": "StationName",
    "sop_class_uid": "SOPClassUID",
}
"""Condition -> DICOM keyword. `calling_ae_title` is the one condition that does not come from the header."""


def as_list(given: object) -> object:
    """One pattern is a list of one."""
    return [given] if isinstance(given, str) else given


Patterns = Annotated[tuple[str, ...], BeforeValidator(as_list)]


class Rule(BaseModel):
    """Conditions, all of which must hold, and what follows.

    A condition is an fnmatch pattern, or a list of which one must match; case does not count. One left out holds
    always. An attribute that is absent is the empty text, which only `*` and "" match.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    modality: Patterns = ()
    series_description: Patterns = ()
    study_description: Patterns = ()
    body_part_examined: Patterns = ()
    protocol_name: Patterns = ()
    image_type: Patterns = ()
    manufacturer: Patterns = ()
    station_name: Patterns = ()
    sop_class_uid: Patterns = ()
    calling_ae_title: Patterns = ()
    weights: Path
    targets: tuple[str, ...] = Field(min_length=1)
    seed: int = 0
    batch_size: int = Field(default=8, ge=1)

    def matches(self, facts: Mapping[str, str]) -> bool:
        """Whether every condition holds for `facts`: condition -> value."""
        return all(
            any(fnmatchcase(value.lower(), pattern.lower()) for pattern in patterns)
            for condition, value in facts.items()
            if (patterns := getattr(self, condition))
        )


def facts_of(header: Dataset, calling_ae_title: str) -> dict[str, str]:
    """What rules look at, from the header of one instance."""
    found = {condition: text(header, keyword) for condition, keyword in KEYWORDS.items()}
    return {**found, "calling_ae_title": calling_ae_title}


def first_match(rules: Iterable[Rule], facts: Mapping[str, str]) -> Rule | None:
    """The first rule that matches, None where no rule does."""
    return next((rule for rule in rules if rule.matches(facts)), None)
