"""Waiting for what should come about, with an end."""

import time
from collections.abc import Callable, Collection
from typing import TypeVar

from faults.world import REACHES, World
from sdseg.demo.studies import SmallStudy
from sdseg.demo.verdict import Expected, Verdict, judge, segs_of

T = TypeVar("T")
SECONDS = 120.0


def wait_for(what: Callable[[], T], failure: str, seconds: float = SECONDS) -> T:
    """The first true answer of `what`; the test fails with `failure` if none comes."""
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, failure
        time.sleep(0.2)
    return answer


def settled(world: World, studies: Collection[SmallStudy], description: str) -> Verdict:
    """The verdict, once every study has come to its end; whole ones should reach what the description's rule says."""
    sent = [Expected(study, REACHES[description] if study.complete else frozenset()) for study in studies]

    def look() -> Verdict | None:
        verdict = judge(sent, segs_of(world.archives), world.node.dead_letters())
        return None if verdict.lost else verdict

    return wait_for(look, f"the node did not come to an end with {len(sent)} studies (log: {world.node.log})")
