"""How long it takes until something can be asked, in real processes: the import, the server, its first inference."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from sdseg.bench.bars import Bar
from sdseg.errors import DeliveryError
from sdseg.evaluation.report import Table
from sdseg.serving.launch import free_port, server_arguments

IMPORT, READY, FIRST = 0.3, 10.0, 2.0
"""Seconds of `import sdseg`, seconds until the server answers, and the first inference as a multiple of the second."""
STOCK, OURS = "monailabel start_server", "sdseg serve"
_MODULES = {STOCK: "monailabel.main", OURS: "sdseg.serving.start"}
_WARM = "The model "  # what the server's log says when it is ready, see sdseg_app/served/warm_up.py
_LONGEST = 300.0


@dataclass(frozen=True)
class Started:
    """Attributes: seconds until /info/ answered; until the model was made ready, None where nobody waited for that;
    of each inference."""

    ready: float
    warm: float | None
    inferences: tuple[float, ...]


def time_import(module: str = "sdseg") -> float:
    """Seconds of a Python that imports `module` and ends."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - start


def time_start(kind: str, studies: Path, conf: list[str], waits: bool) -> Started:
    """Start a server, ask it for two inferences, end it.

    Args:
        kind: `STOCK` or `OURS`.
        studies: folder with a series.
        conf: key=value entries.
        waits: until the model is made ready; otherwise the first inference is asked for at once.

    Raises:
        DeliveryError: it does not start, or an inference fails.
    """
    with TemporaryDirectory(prefix="sdseg-bench-") as home:
        port, log = free_port(), Path(home) / "server.log"
        arguments = server_arguments(str(studies), "127.0.0.1", port, [*conf, f"model_dir={home}/model"])
        url = f"http://127.0.0.1:{port}"
        start = time.perf_counter()
        with _running([sys.executable, "-m", _MODULES[kind], *arguments], Path(home), log):
            _wait(lambda: _answers(url), log)
            ready = time.perf_counter() - start
            warm = None
            if waits:
                _wait(lambda: _is_warm(log), log)
                warm = time.perf_counter() - start
            image = next(iter(requests.get(f"{url}/datastore/?output=all", timeout=60).json()["objects"]))
            return Started(ready, warm, tuple(_infer(url, image, seed) for seed in range(2)))


def measure_starts(
    studies: Path, conf: list[str], rounds: int, update: Callable[[int, int, str], None]
) -> tuple[Table, list[Bar]]:
    """Rounds in turns: the import, and servers of both kinds, with and without waiting. Raises DeliveryError."""
    kinds = [(kind, waits) for kind in (STOCK, OURS) for waits in (True, False)]
    imports, starts = [], {pair: [] for pair in kinds}  # type: list[float], dict[tuple[str, bool], list[Started]]
    total = rounds * (len(kinds) + 1)
    for turn in range(rounds):
        update(turn * (len(kinds) + 1), total, "import sdseg")
        imports.append(time_import())
        for number, (kind, waits) in enumerate(kinds, 1):
            update(turn * (len(kinds) + 1) + number, total, kind)
            starts[kind, waits].append(time_start(kind, studies, conf, waits))
    update(total, total, "")
    bars = [Bar("import sdseg, s", statistics.median(imports), at_most=IMPORT)]
    rows = []
    for (kind, waits), found in starts.items():
        ready, first, second = (statistics.median(one) for one in zip(*map(_figures, found), strict=True))
        warm = statistics.median(one.warm or 0.0 for one in found) if waits else None
        how = "when the model is ready" if waits else "at once"
        rows.append((kind, how, ready, warm, first, second, round(first / second, 2)))
        bars.append(Bar(f"{kind}: answers after s", ready, at_most=READY))
        bars.append(Bar(f"{kind}, asked {how}: first inference over the second", first / second, at_most=FIRST))
    columns = ("server", "asked", "answers after s", "model ready after s", "first, s", "second, s", "first / second")
    note = "Each a process of its own, medians; every inference has another seed, so that no kept result is told again."
    return Table("start", "Start-up", columns, tuple(rows), (note,)), bars


def _figures(one: Started) -> tuple[float, float, float]:
    first, second = one.inferences
    return one.ready, first, second


@contextmanager
def _running(command: list[str], home: Path, log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=home, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(is_so: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + _LONGEST
    while not is_so():
        if time.monotonic() > end:
            last = (log.read_text(errors="replace").strip().splitlines() or ["nothing"])[-1]
            raise DeliveryError(f"The server was not ready within {_LONGEST:.0f} s; its last words: {last[:200]}.")
        time.sleep(0.02)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/info/", timeout=60).ok
    except requests.ConnectionError:
        return False


def _is_warm(log: Path) -> bool:
    return any(
        _WARM in line and line.rstrip().endswith("ready") for line in log.read_text(errors="replace").splitlines()
    )


def _infer(url: str, image: str, seed: int) -> float:
    start = time.perf_counter()
    query, body = {"image": image, "output": "image"}, {"params": json.dumps({"seed": seed})}
    answer = requests.post(f"{url}/infer/sdseg", params=query, data=body, timeout=600)
    if not answer.ok:
        raise DeliveryError(f"The inference was answered {answer.status_code}: {answer.text[:200]}")
    return time.perf_counter() - start
