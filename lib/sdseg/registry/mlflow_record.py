"""What MLflow is told of an entry: figures and hashes, nothing of a patient and no path of this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sdseg.judging.judgement import ClassJudgement, Judgement
from sdseg.registry.entry import Entry

WEIGHTS_TAG = "sdseg.weights_sha256"
FILES_TAG = "sdseg.files_sha256"
WITHDRAWN_TAG = "withdrawn"
REPORT_FILE = "judgement.json"
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,60}")
# Texts can hold anything; only those that are known to be harmless are passed on.
_TEXTS = {"by", "adapters", "promote", "stopped", "device", "started", "finished"}
_FIGURES = ("champion", "challenger", "difference", "low", "high")


@dataclass(frozen=True)
class Record:
    """Of one run; the same entry always gives the same, since MLflow refuses a parameter that changes.

    Attributes:
        params: how it was trained.
        metrics: Dice of both models and their difference with its 95% interval, each structure.
        tags: hashes, who and when, the verdict.
        report: the judgement as JSON, or None.
        note: the judgement in Markdown, shown as MLflow's description.
    """

    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    report: str | None
    note: str


def record_of(entry: Entry) -> Record:
    judgement = entry.judgement
    tags = {
        WEIGHTS_TAG: entry.sha256,
        "sdseg.parent_sha256": entry.parent,
        "sdseg.made": entry.made,
        "sdseg.by": str(entry.facts.get("by") or ""),
        "sdseg.verdict": _verdict(judgement),
    }
    return Record(
        params=dict(_params(entry.facts)),
        metrics=dict(_metrics(judgement)) if judgement else {},
        tags={name: str(value)[:500] for name, value in tags.items() if value},
        report=json.dumps(judgement.to_dict(), indent=2) if judgement else None,
        note=_note(judgement),
    )


def _params(facts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in facts.items():
        if not _KEY.fullmatch(str(key)):
            continue
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from _params(value, f"{name}.")
        elif isinstance(value, bool | int | float) or (isinstance(value, str) and key in _TEXTS):
            yield name, str(value)[:500]


def _metrics(judgement: Judgement) -> Iterator[tuple[str, float]]:
    yield "judged/images", judgement.images
    yield "judged/patients", judgement.patients
    for one in judgement.classes:
        for figure in _FIGURES:
            value = getattr(one, figure)
            if value is not None:
                yield f"{_metric_name(one.structure)}/{figure}", float(value)


def _metric_name(structure: str) -> str:
    """MLflow takes letters, digits, underscores, dashes, dots and spaces."""
    return re.sub(r"[^\w\-. ]", "_", structure).strip(". ") or "_"


def _verdict(judgement: Judgement | None) -> str:
    if judgement is None:
        return "not judged"
    return "accepted" if judgement.accepted else "not accepted"


def _note(judgement: Judgement | None) -> str:
    if judgement is None:
        return "Not judged."
    head = ["| structure | champion | challenger | difference [95% interval] | |", "|---|---|---|---|---|"]
    return "\n".join([judgement.reason, "", *head, *map(_row, judgement.classes)])


def _row(one: ClassJudgement) -> str:
    between = "" if one.low is None or one.high is None else f" [{one.low:+.3f}, {one.high:+.3f}]"
    difference = "–" if one.difference is None else f"{one.difference:+.3f}{between}"
    name = one.structure.replace("|", "\\|")
    return (
        f"| {name} | {_dice(one.champion)} | {_dice(one.challenger)} | {difference} | {'worse' if one.worse else ''} |"
    )


def _dice(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
