"""How a training goes and went: one JSON file, always whole, written by the training and read by the server."""

import json
import logging
import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import psutil  # type: ignore[import-untyped]

from sdseg.durable import replacing
from sdseg.jobs.rate import Rate

logger = logging.getLogger(__name__)

State = Literal["running", "paused", "done", "failed", "stopped"]
Stage = Literal["prepare", "train", "validate", "publish", "judge"]
_EVERY = 0.5  # seconds between two writings of mere progress


class TrainStats:
    """Writes the file at `path` of a training of `model` whose run lies in `run` (relative to the model's folder).

    `champion_sha256` is what the new weights, `challenger_sha256`, were measured against; both are "" before. 3D Slicer
    shows `epoch` of `total_epochs` and `best_metric`; `total_time` ends it.
    """

    def __init__(self, path: Path, model: str, run: str) -> None:
        self._path = path
        self._start = time.time()
        self._wrote = 0.0
        self._rate = Rate()
        self._values: dict[str, Any] = {
            **process_now(),
            "model": model,
            "run": run,
            "start_ts": int(self._start),
            "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "epoch": 0,
            "total_epochs": 0,
            "best_metric": 0.0,
            "train": {},
            "detail": "",
            "remarks": [],
            "champion_sha256": "",
            "challenger_sha256": "",
            "judgement": None,
            "promoted": False,
        }
        self.reach("prepare", 0, 0)

    def reach(self, stage: Stage, done: int, total: int) -> None:
        """So much of the stage is done: steps, or slices of a validation."""
        new = stage != self._values.get("stage")
        if new:
            self._rate = Rate()
        if done:
            self._rate.reach(done)
        eta = self._rate.left(total) if total else None
        self._values |= {"state": "running", "stage": stage, "done": done, "total": total, "eta_seconds": eta}
        if stage == "train":
            self._values |= {"epoch": done, "total_epochs": total}
        self._write(at_once=new)

    def remark(self, sentence: str) -> None:
        """Something to be told about this training, whatever becomes of it."""
        self._values["remarks"] = [*self._values["remarks"], sentence]
        self._write(at_once=True)

    @property
    def remarks(self) -> list[str]:
        return list(self._values["remarks"])

    def note(self, **facts: Any) -> None:
        """What is known of the two models by now."""
        self._values |= facts
        self._write(at_once=True)

    def losses(self, means: dict[str, float]) -> None:
        self._values["train"] = means
        self._write(at_once=False)

    def paused(self) -> None:
        self._values |= {"state": "paused", "detail": "Waits while an inference uses the device."}
        self._write(at_once=True)

    def resumed(self, seconds: float) -> None:
        """After so long a pause, which does not count for the rate."""
        self._rate.pause(seconds)
        self._values |= {"state": "running", "detail": ""}
        self._write(at_once=True)

    def finished(self, facts: dict[str, Any], detail: str = "") -> dict[str, Any]:
        """Write and return the final figures; `detail` says in a sentence what became of the new weights."""
        seconds = int(time.time() - self._start)
        ended = {"state": "done", "detail": detail, "eta_seconds": None}
        self._values |= {**facts, **ended, "total_time": str(timedelta(seconds=seconds))}
        self._write(at_once=True)
        return dict(self._values)

    def failed(self, sentence: str) -> None:
        self._end("failed", sentence)

    def stopped(self, sentence: str) -> None:
        self._end("stopped", sentence)

    def _end(self, state: State, sentence: str) -> None:
        self._values = {**self._values, "state": state, "detail": sentence, "eta_seconds": None}
        self._write(at_once=True)

    def _write(self, at_once: bool) -> None:
        if at_once or time.monotonic() - self._wrote >= _EVERY:
            try:
                write_stats(self._path, self._values)
            except OSError as error:  # a full disk: whoever writes what matters will tell of it
                logger.warning("How the training goes could not be written: %s.", error.strerror)
            self._wrote = time.monotonic()


def write_stats(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as stream:
        stream.write(json.dumps(values, indent=2).encode())


def read_stats(path: Path) -> dict[str, Any]:
    """{} where there was no training yet, or what is there is damaged."""
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def settled_stats(path: Path, stopped: bool = False) -> dict[str, Any]:
    """The same, and where a process vanished without a word the file says so from now on.

    `stopped`: it was asked to.
    """
    stats = read_stats(path)
    if stats.get("state") in ("running", "paused") and not is_alive(stats):
        ended = {"state": "stopped", "detail": "Stopped on request."} if stopped else _vanished(stats)
        stats |= {**ended, "eta_seconds": None}
        with suppress(OSError):  # on a full disk it is told again the next time
            write_stats(path, stats)
    return stats


def _vanished(stats: dict[str, Any]) -> dict[str, Any]:
    count = f" at {stats['done']} of {stats['total']}" if stats.get("total") else ""
    where = f"in the stage {stats.get('stage', 'prepare')}{count}"
    served = "GET /models/ tells what is served" if stats.get("stage") == "publish" else "nothing of it is served"
    return {
        "state": "failed",
        "detail": f"The training ended {where} without a word: its process was killed, or the machine stopped; "
        f"{served}, and a training of the same name goes on from what was kept.",
    }


def process_now() -> dict[str, Any]:
    """What tells this process from a later one of the same number."""
    return {"pid": os.getpid(), "pid_created": psutil.Process().create_time()}


def is_alive(stats: dict[str, Any]) -> bool:
    """Whether the process that wrote `stats` still runs."""
    try:
        process = psutil.Process(int(stats["pid"]))
        ended = process.status() == psutil.STATUS_ZOMBIE
        return not ended and abs(process.create_time() - float(stats["pid_created"])) < 1
    except (psutil.Error, KeyError, ValueError, TypeError):
        return False
