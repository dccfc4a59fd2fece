"""How a training goes and went, as viewers read it from /info/: one JSON file, always whole."""

import json
import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any


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
        descriptor, partial = tempfile.mkstemp(dir=self._path.parent, prefix=".stats-")
        with os.fdopen(descriptor, "w") as stream:
            json.dump(stats, stream, indent=2)
        os.replace(partial, self._path)
        return stats
