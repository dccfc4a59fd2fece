"""What befalls the PACS while the node works: drawn from a seed, one fault at a time, fair weather in between."""

import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from faults.dimse_gate import DimseFault
from faults.http_gate import HttpFault
from faults.world import World

_FAIR, _FOUL = (1.0, 3.0), (1.5, 4.0)
"""Seconds, drawn evenly; a fault lasts on until somebody met it."""


class Weather:
    """Call `pass_by` often; from one thread, which has to outlive the archives it starts again."""

    def __init__(self, world: World, draws: random.Random) -> None:
        self._world = world
        self._draws = draws
        self._foul = False
        self._next = time.monotonic() + draws.uniform(*_FAIR)
        self._is_met: Callable[[], bool] = lambda: True
        self._waiting: list[Callable[[], str]] = []
        self.seen: Counter[str] = Counter()

    def pass_by(self) -> None:
        """Change where it is time to."""
        if time.monotonic() < self._next or (self._foul and not self._is_met()):
            return
        if self._foul:
            self.clear()
        else:
            if not self._waiting:  # every fault once, in a drawn order, then again
                self._waiting = self._faults()
                self._draws.shuffle(self._waiting)
            self.seen[self._waiting.pop()()] += 1
        self._foul = not self._foul
        self._next = time.monotonic() + self._draws.uniform(*(_FOUL if self._foul else _FAIR))

    def clear(self) -> None:
        """Everything works again."""
        self._world.dimse.fault, self._world.http.fault = DimseFault.NONE, HttpFault.NONE
        for archive in self._world.archives.values():
            if archive.pid is None:
                archive.start()

    def _faults(self) -> list[Callable[[], str]]:
        return [
            *(
                partial(self._gate, self._world.dimse, "DICOM", fault)
                for fault in DimseFault
                if fault is not DimseFault.NONE
            ),
            *(
                partial(self._gate, self._world.http, "DICOMweb", fault)
                for fault in HttpFault
                if fault is not HttpFault.NONE
            ),
            *(partial(self._stop, name) for name in self._world.archives),
        ]

    def _gate(self, gate: Any, kind: str, fault: DimseFault | HttpFault) -> str:
        before = gate.met[fault]
        self._is_met = lambda: gate.met[fault] > before
        gate.fault = fault
        return f"{kind}: {fault}"

    def _stop(self, name: str) -> str:
        self._is_met = lambda: True
        self._world.archives[name].stop()
        return "Orthanc is stopped"
