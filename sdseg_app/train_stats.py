"""How a training goes and went, as viewers read it from /info/: one JSON file, always whole."""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sdseg.durable import replacing


class TrainStats:
    """The file at `path`. 3D Slicer shows `epoch` of `total_epochs` and `best_metric`; `total_time` ends it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = time.time()

    def running(self, epoch: int, total_epochs: int, losses: dict[str, float]) -> None:
        self._write({"epoch": epoch, "total_epochs": total_epochs, "best_metric": 0.0, "train": losses})

    def finished(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Write and return the final figures."""
        seconds = int(time.time() - self._start)
        return self._write({**facts, "total_time": str(timedelta(seconds=seconds))})

    def _write(self, values: dict[str, Any]) -> dict[str, Any]:
        stats = {**values, "start_ts": int(self._start)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._path) as stream:
            stream.write(json.dumps(stats, indent=2).encode())
        return stats
