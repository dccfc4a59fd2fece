"""When the node is killed: at moments drawn from a seed, spread over the studies, and some while it still starts."""

import random
import time

from sdseg.demo.node import NodeProcess

_AFTER_SECONDS = (0.0, 2.0)
"""From a study that settles to the kill."""
_EARLY = 0.25
"""Share of restarts that are cut short …"""
_EARLY_SECONDS = (0.0, 4.0)
"""… so long after they began."""


class Killer:
    """Call `pass_by` often, from one thread, which has to outlive the node.

    Args:
        node: already started.
        studies: that will come.
        kills: how many there should be.
        draws: chance.
    """

    def __init__(self, node: NodeProcess, studies: int, kills: int, draws: random.Random) -> None:
        self._node = node
        self._draws = draws
        self.kills = 0
        # As many studies must have settled before a kill: however slow the machine, the node gets on in between.
        self._after = sorted(draws.randrange(studies) for _ in range(kills))
        self._at: float | None = None

    def pass_by(self, settled: int) -> None:
        """Kill the node and start it again where it is time to; `settled` studies have come to their end."""
        if self._at is None:
            if self._after and settled >= self._after[0]:
                self._at = time.monotonic() + self._draws.uniform(*_AFTER_SECONDS)
            return
        if time.monotonic() < self._at:
            return
        self._node.kill()
        self._node.start()
        self.kills += 1
        self._after.pop(0)
        early = self._after and self._draws.random() < _EARLY
        self._at = time.monotonic() + self._draws.uniform(*_EARLY_SECONDS) if early else None
