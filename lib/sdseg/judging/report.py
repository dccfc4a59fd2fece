"""A judgement for people, and beside it for programs."""

from __future__ import annotations

import json
from pathlib import Path

from sdseg.durable import replacing
from sdseg.errors import WeightsError
from sdseg.judging.judgement import ClassJudgement, Judgement

_HEADER = (
    "| structure | champion | challenger | difference [95%] | images | patients | |",
    "|---|---|---|---|---|---|---|",
)


def as_markdown(judgement: Judgement) -> str:
    """The verdict, a table of the structures, and what it rests on."""
    lines = [f"# {'Accepted' if judgement.accepted else 'Not accepted'}", "", judgement.reason, ""]
    if judgement.classes:
        lines += [*_HEADER, *(_row(each) for each in judgement.classes), ""]
    lines += [
        f"- champion: `{judgement.champion_sha256}`",
        f"- challenger: `{judgement.challenger_sha256}`",
        f"- margin: {judgement.margin:g}; no lower bound of a difference may be below -{judgement.margin:g}",
        f"- {judgement.images} images of {judgement.patients} patients, on the images' own grids; "
        f"{judgement.unreadable} could not be read",
        f"- seed {judgement.seed}, device {judgement.device}, {judgement.made}",
    ]
    return "\n".join(lines) + "\n"


def write_report(judgement: Judgement, folder: Path) -> Path:
    """`judgement.json` and `judgement.md` in `folder`; the latter's path. Raises WeightsError: the disk refuses."""
    texts = {"judgement.json": f"{json.dumps(judgement.to_dict(), indent=2)}\n", "judgement.md": as_markdown(judgement)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with replacing(folder / name) as stream:
                stream.write(text.encode())
    except OSError as error:
        raise WeightsError(f"The judgement could not be written to {folder}: {error.strerror}.") from error
    return folder / "judgement.md"


def _row(each: ClassJudgement) -> str:
    interval = "" if each.low is None else f" [{each.low:+.3f}, {each.high:+.3f}]"
    difference = "" if each.difference is None else f"{each.difference:+.3f}{interval}"
    verdict = "worse" if each.worse else "" if each.images else "not in the images"
    figures = [_dice(each.champion), _dice(each.challenger), difference, str(each.images), str(each.patients), verdict]
    return f"| {' | '.join([each.structure, *figures])} |"


def _dice(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
