"""3D Slicer's logic from a test: `slicer_process.py` in a process of its own, one for all tests."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Neither in the order of the alphabet nor all in the table of structures.
ORGANS = {"spleen": 1, "liver": 2, "left kidney": 3, "grmbl": 4}


class Slicer:
    """Slicer's logic in its process: `slicer("show", path, labels)`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, command: str, *arguments: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(
            json.dumps([command, [str(a) if isinstance(a, Path) else a for a in arguments]]) + "\n"
        )
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"Slicer's process ended at {command}"
        return json.loads(answer)

    def named(self) -> dict[str, dict[str, Any]]:
        return {segment["name"]: segment for segment in self("segments")}


@contextmanager
def slicer_logic() -> Iterator[Slicer]:
    # -P: `slicer` is the package, whatever lies beside the script.
    command = [sys.executable, "-P", str(Path(__file__).with_name("slicer_process.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Slicer(process)
        assert process.stdin
        process.stdin.close()
        process.wait(timeout=60)
