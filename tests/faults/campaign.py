"""Many studies through a node that is killed, into archives that fail; what became of each."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import requests

from faults.killer import Killer
from faults.traffic import Traffic
from faults.weather import Weather
from faults.world import World
from sdseg.demo.verdict import Verdict, judge, segs_of

_LOOK_SECONDS = 1.0
_CALM_SECONDS = 300.0
"""How long nothing may happen until the rest is held for lost."""

Progress = Callable[[int, int, str], None]


@dataclass
class Outcome:
    """What a campaign came to.

    Attributes:
        verdict: of every study that was sent and acknowledged.
        segs: SEGs that the archives list.
        kills: of the node.
        seconds: it took.
        taken_up: dead letters of whole studies that `sdseg node retry all` took up when everything worked again.
        weather: fault -> times it was set.
        met: fault -> requests that met it.
        associations: that the routers needed.
        refused: studies that cannot become a SEG, as a slice is missing.
        reasons: of the dead letters.
    """

    verdict: Verdict
    segs: int
    kills: int
    taken_up: int
    seconds: float
    associations: int
    refused: frozenset[int]
    reasons: dict[int, str] = field(default_factory=dict)
    weather: Mapping[str, int] = field(default_factory=dict)
    met: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Nothing lost or doubled, and only what cannot become a SEG is a dead letter."""
        return not (self.verdict.lost or self.verdict.doubled) and set(self.verdict.dead) == self.refused

    @property
    def line(self) -> str:
        """Everything in one line."""
        verdict = self.verdict
        return (
            f"studies={verdict.studies} segs={self.segs} dead={len(verdict.dead)} lost={len(verdict.lost)} "
            f"doubled={len(verdict.doubled)} kills={self.kills}"
        )


class Campaign:
    """Runs `studies` studies with at most `kills` kills.

    Args:
        world: with its node not yet started.
        studies, kills: how many.
        seed: of all that is drawn.
        seconds: after which no further study is begun; None for no limit.
        progress: called with (studies settled, studies, a remark).
    """

    def __init__(
        self,
        world: World,
        studies: int,
        kills: int,
        seed: int = 0,
        seconds: float | None = None,
        progress: Progress = lambda done, total, note: None,
    ) -> None:
        draws = random.Random(seed)
        self._world = world
        self._settled = 0
        self._progressed = 0.0
        self._killer = Killer(world.node, studies, kills, draws)
        self._weather = Weather(world, draws)
        self._traffic = Traffic(world, studies, draws, lambda: self._settled)
        self._seconds = seconds
        self._progress = progress
        self._next_look = 0.0

    def run(self) -> Outcome:
        """All of it. Leaves the node running, in fair weather."""
        began = time.monotonic()
        self._progressed = began
        self._world.node.start()
        with self._traffic:
            while not (self._traffic.is_over and self._is_settled()) and not self._stands_still():
                if self._seconds is not None and time.monotonic() - began > self._seconds:
                    self._traffic.end()
                self._step()
        self._weather.clear()
        self._world.node.wait_until_ready()
        self._wait_for_the_last()
        taken_up = self._take_up_dead_letters()
        return self._outcome(time.monotonic() - began, taken_up)

    def _step(self) -> None:
        self._weather.pass_by()
        self._killer.pass_by(self._settled)
        if time.monotonic() >= self._next_look:
            self._look()
            self._next_look = time.monotonic() + _LOOK_SECONDS
        time.sleep(0.05)

    def _look(self) -> None:
        """How many studies are settled, as far as the archives that run can say."""
        try:
            verdict = self.verdict()
        except requests.RequestException:  # one is stopped just now
            return
        settled = verdict.studies - len(verdict.lost)  # what is doubled stays so: nothing is to be waited for
        if settled != self._settled:
            self._settled, self._progressed = settled, time.monotonic()
        note = f"sent {len(self._traffic.sent)}, dead {len(verdict.dead)}, kills {self._killer.kills}"
        self._progress(self._settled, self._traffic.count, note)

    def verdict(self) -> Verdict:
        """Of the studies acknowledged so far."""
        sent = list(self._traffic.sent)
        return judge(sent, segs_of(self._world.archives), self._world.node.dead_letters())

    def _is_settled(self) -> bool:
        return self._settled == len(self._traffic.sent)

    def _stands_still(self) -> bool:
        return time.monotonic() - self._progressed > _CALM_SECONDS

    def _wait_for_the_last(self) -> None:
        self._progressed = time.monotonic()
        self._look()
        while not self._is_settled() and not self._stands_still():
            time.sleep(_LOOK_SECONDS)
            self._look()

    def _take_up_dead_letters(self) -> int:
        """What a person does when the PACS works again: `sdseg node retry all`.

        Among the letters may be one whose SEG is there: kept without an answer first, refused when it came again.
        """
        letters = self._world.node.dead_letters()
        whole = [item.study for item in self._traffic.sent if item.study.complete]
        again = {study.number for study in whole if study.series_uid in letters}
        if again:
            result = self._world.node.ask("retry", "all")
            assert result.returncode == 0, result.stderr
            self._wait_for_retried(again)
        return len(again)

    def _wait_for_retried(self, numbers: set[int]) -> None:
        """Until these are done, and those that were taken up besides, and cannot be, are dead letters again."""
        end = time.monotonic() + _CALM_SECONDS
        verdict = self.verdict()
        while time.monotonic() < end and (verdict.lost or not numbers <= set(verdict.done)):
            time.sleep(_LOOK_SECONDS)
            verdict = self.verdict()

    def _outcome(self, seconds: float, taken_up: int) -> Outcome:
        letters = self._world.node.dead_letters()
        reasons = {
            item.study.number: str(letters[item.study.series_uid]["reason"])
            for item in self._traffic.sent
            if item.study.series_uid in letters
        }
        met = Counter[str]()
        for name, gate in (("DICOM", self._world.dimse), ("DICOMweb", self._world.http)):
            met.update({f"{name}: {fault}": count for fault, count in gate.met.items() if count})
        segs = sum(len(found) for found in segs_of(self._world.archives).values())
        return Outcome(
            self.verdict(),
            segs,
            self._killer.kills,
            taken_up,
            seconds,
            self._traffic.associations,
            frozenset(item.study.number for item in self._traffic.sent if not item.study.complete),
            reasons,
            dict(self._weather.seen),
            dict(met),
        )
