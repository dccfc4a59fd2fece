"""One series to segment, and what came of it: all that goes between the one who hands out work and a worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True)
class Job:
    """References to one series, never its pixels.

    Attributes:
        study_uid, series_uid: of the series; StudyInstanceUID may be "" where the files say it all.
        weights: folder of the weights, as the worker's machine sees it.
        output: file to write, as the worker's machine sees it.
        created: date and time that the SEG tells: the same in every attempt.
        files: (path, SOPInstanceUID) of each image, where they lie in a folder.
        archive: address of the DICOMweb server that holds the series, where they do not.
        weights_sha256: which weights are meant; "" takes what lies in the folder.
        shared_mark: a file whose presence proves that the worker sees the folder of `output`; "" where it surely does.
            Without it the SEG comes back as bytes.
        seed, batch_size: see `Segmenter.segment`; batch_size does not change the result.
    """

    study_uid: str
    series_uid: str
    weights: str
    output: str
    created: datetime
    files: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    archive: str = ""
    weights_sha256: str = ""
    shared_mark: str = ""
    seed: int = 0
    batch_size: int = 8

    def __post_init__(self) -> None:
        if bool(self.files) == bool(self.archive):
            raise ValueError("A job names either the files of its series or the archive that holds it.")


class State(StrEnum):
    """How an attempt ended."""

    MADE = "made"
    """There is a SEG."""
    EMPTY = "empty"
    """The model found nothing: there is no SEG, and never will be."""
    REFUSED = "refused"
    """The series or its result is unsafe; another attempt ends the same."""
    PASSING = "passing"
    """A full disk, an archive that is away: another attempt may succeed."""


@dataclass(frozen=True)
class Outcome:
    """Of one attempt.

    Attributes:
        state: how it ended.
        sentence: why, where there is no SEG; of no patient.
        blamed: SOPInstanceUIDs that the sentence is about.
        seg_uid: SOPInstanceUID of the SEG.
        content: the SEG, where the worker does not see the folder that it belongs in.
        seconds: time of each stage.
        slices: how many were segmented.
    """

    state: State
    sentence: str = ""
    blamed: tuple[str, ...] = ()
    seg_uid: str = ""
    content: bytes | None = field(default=None, repr=False)
    seconds: dict[str, float] = field(default_factory=dict)
    slices: int = 0
