"""What a run tells: counts, every series with its fate, seconds a study. UIDs, never an attribute of a patient."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sdseg.batch.record import Fate, Record
from sdseg.evaluation.report import Cell, Report, Table

_ORDER = (Fate.FAILED, Fate.EMPTY, Fate.SKIPPED, Fate.WAITING, Fate.DONE, Fate.BEFORE)


def count(records: Sequence[Record]) -> dict[str, int]:
    """Series by fate; `waiting` only where a run was interrupted."""
    found = Counter(record.fate for record in records)
    return {fate.value: found[fate] for fate in Fate if found[fate] or fate is not Fate.WAITING}


def build_report(records: Sequence[Record], facts: Mapping[str, Any], seconds: float) -> Report:
    """The report of a run that took `seconds` from its start to its end."""
    counts = count(records)
    told = {"series": counts, "delivered": sum(record.delivered for record in records), "seconds": round(seconds, 3)}
    return Report("Batch segmentation", {**facts, **told}, (_studies(records), _stages(records), _series(records)))


def _studies(records: Sequence[Record]) -> Table:
    by_study: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_study[record.found.study_uid].append(record)
    rows = tuple(
        (study or None, len(items), *_fates(items), _spent(items))
        for study, items in sorted(by_study.items())
    )  # fmt: skip
    columns = ("StudyInstanceUID", "series", "with SEG", "empty", "skipped", "failed", "seconds")
    notes = ("Seconds of the workers for all series of the study, those of earlier runs included.",)
    return Table("studies", "Studies", columns, rows, notes)


def _fates(records: Sequence[Record]) -> tuple[Cell, ...]:
    fates = Counter(record.fate for record in records)
    return fates[Fate.DONE] + fates[Fate.BEFORE], fates[Fate.EMPTY], fates[Fate.SKIPPED], fates[Fate.FAILED]


def _stages(records: Sequence[Record]) -> Table:
    """Where the time of a worker goes: mean seconds a series, of those that have a SEG."""
    made = [record for record in records if record.has_seg and record.seconds]
    stages = list(dict.fromkeys(stage for record in made for stage in record.seconds))
    rows = tuple((stage, sum(record.seconds.get(stage, 0.0) for record in made) / len(made)) for stage in stages)
    return Table("stages", "Seconds a series by stage", ("stage", "seconds"), rows)


def _series(records: Sequence[Record]) -> Table:
    ordered = sorted(records, key=lambda record: _ORDER.index(record.fate))
    rows = tuple(
        (
            record.found.study_uid or None,
            record.found.series_uid or None,
            record.found.modality or None,
            record.found.images,
            record.fate.value,
            "yes" if record.delivered else None,
            record.attempts or None,
            _spent([record]),
            record.sentence or None,
        )
        for record in ordered
    )
    columns = ("StudyInstanceUID", "SeriesInstanceUID", "Modality", "images", "fate", "delivered", "attempts")
    return Table("series", "Series", (*columns, "seconds", "why"), rows)


def _spent(records: Sequence[Record]) -> float | None:
    spent = [sum(record.seconds.values()) for record in records if record.seconds]
    return round(sum(spent), 3) if spent else None
