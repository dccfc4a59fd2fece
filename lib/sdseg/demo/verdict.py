"""The one question at the end: does every study have exactly one SEG where it should, or a reason why not?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sdseg.demo.orthanc import Found, Orthanc
from sdseg.demo.studies import SmallStudy


@dataclass(frozen=True)
class Expected:
    """A study that was sent, and the archives (their names) that its SEG should reach."""

    study: SmallStudy
    archives: frozenset[str]


@dataclass(frozen=True)
class Verdict:
    """Numbers of studies, by what became of them.

    Attributes:
        done: exactly one SEG in each archive it should reach, none elsewhere, no dead letter.
        dead: a dead letter with a reason, and no more than one SEG in any archive.
        lost: a SEG is missing, and no dead letter says why.
        doubled: more than one SEG in an archive, a SEG where none should be, or all SEGs and a dead letter besides.
    """

    done: tuple[int, ...]
    dead: tuple[int, ...]
    lost: tuple[int, ...]
    doubled: tuple[int, ...]

    @property
    def studies(self) -> int:
        """How many were judged."""
        return len(self.done) + len(self.dead) + len(self.lost) + len(self.doubled)


def segs_of(archives: Mapping[str, Orthanc]) -> dict[str, list[Found]]:
    """Name -> the SEGs that an archive lists (QIDO-RS). Raises requests.RequestException."""
    return {name: archive.search(Modality="SEG") for name, archive in archives.items()}


def judge(
    sent: Iterable[Expected], segs: Mapping[str, list[Found]], dead_letters: Mapping[str, Mapping[str, Any]]
) -> Verdict:
    """Look at each study; `dead_letters` by SeriesInstanceUID."""
    counts = {name: Counter(seg.study_uid for seg in found) for name, found in segs.items()}
    numbers: dict[str, list[int]] = {"done": [], "dead": [], "lost": [], "doubled": []}
    for item in sent:
        there = {name: count[item.study.study_uid] for name, count in counts.items()}
        letter = dead_letters.get(item.study.series_uid)
        numbers[_fate(item, there, letter)].append(item.study.number)
    return Verdict(**{fate: tuple(sorted(found)) for fate, found in numbers.items()})


def _fate(item: Expected, there: Mapping[str, int], letter: Mapping[str, Any] | None) -> str:
    complete = all(there[name] for name in item.archives) and bool(item.archives)
    elsewhere = any(count for name, count in there.items() if name not in item.archives)
    if elsewhere or max(there.values()) > 1 or (complete and letter is not None):
        return "doubled"
    if complete:
        return "done"
    return "dead" if letter is not None and str(letter.get("reason") or "").strip() else "lost"
