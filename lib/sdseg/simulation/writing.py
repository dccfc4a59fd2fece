"""The report of a simulation: tables, picture and all rounds, from what is kept in its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sdseg.durable import replacing
from sdseg.evaluation.as_json import to_plain
from sdseg.evaluation.as_markdown import to_markdown
from sdseg.evaluation.report import FIGURES, Picture, Report
from sdseg.simulation.book import Book
from sdseg.simulation.curves import draw_curves
from sdseg.simulation.plan import Plan
from sdseg.simulation.results import Results
from sdseg.simulation.signal import signal_table
from sdseg.simulation.tables import dice_table, work_table

_CAPTION = (
    "Lines: mean over the seeds; bands: from the lowest to the highest. The voxels of an image asked for stand at the "
    "number of labels that the model which helps had learnt from."
)


def make_report(book: Book, plan: Plan) -> Report:
    """Of the rounds done so far, the plan's strategies."""
    results = Results(list(book.rounds()), plan.strategies)
    tables = [dice_table(results), work_table(results, plan.painting_speed)]
    if told := signal_table(results):
        tables.append(told)
    picture = Picture("curves", "Dice and work against the number of labels", _CAPTION, draw_curves(results))
    return Report("Simulated annotation", _facts(book, plan, results), tables, [picture])


def write_report(book: Book, plan: Plan) -> Path:
    """Write `report.md`, `figures/curves.png` and `simulation.json`, every figure in full and all rounds.

    Raises:
        OSError: the disk refuses.
    """
    report = make_report(book, plan)
    (book.folder / FIGURES).mkdir(exist_ok=True)
    for picture in report.pictures:
        _write(book.folder / FIGURES / f"{picture.key}.png", picture.png)
    path = book.folder / "report.md"
    _write(path, to_markdown(report).encode())
    rounds = [done.to_dict() for done in book.rounds()]
    _write(
        book.folder / "simulation.json", (json.dumps({**to_plain(report), "rounds": rounds}, indent=1) + "\n").encode()
    )
    return path


def _facts(book: Book, plan: Plan, results: Results) -> dict[str, Any]:
    begun = book.facts()
    configuration = begun.pop("configuration")
    told = {"configuration": configuration["name"], **begun, "seeds": results.seeds}
    return {**told, "painting_speed": plan.painting_speed}


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as stream:
        stream.write(content)
