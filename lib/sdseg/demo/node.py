"""A node started as its users start it, `sdseg node --config …`: watched, killed, asked for its dead letters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sdseg.demo.child import Child
from sdseg.demo.router import Peer, Router
from sdseg.errors import DeliveryError

_SDSEG = (sys.executable, "-m", "sdseg.cli.main", "node")


class NodeProcess:
    """`sdseg node` on one home; may be started again as often as one likes.

    Args:
        folder: for its configuration file and its log.
        configuration: the content of the YAML file.
        command: what to put before the program, such as a wrapper that limits it.
        environment: variables to add to ours.
    """

    def __init__(
        self,
        folder: Path,
        configuration: Mapping[str, Any],
        command: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.home = Path(configuration["home"])
        self.file = folder / "node.yaml"
        self.file.write_text(yaml.safe_dump(dict(configuration)))
        self._environment = {**os.environ, **(environment or {})}
        self._child = Child([*command, *_SDSEG, "--config", self.file], folder / "node.log", self._environment)
        self._peer = Peer(int(configuration["port"]), str(configuration["ae_title"]))

    @property
    def log(self) -> Path:
        """What it said in all its lives."""
        return self._child.log

    @property
    def pid(self) -> int | None:
        """Of the running node; None where none runs."""
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """Of a node that has ended by itself; None while it runs."""
        return self._child.exit_code

    def start(self) -> None:
        """Start it, without waiting."""
        self._child.start()

    def wait_until_ready(self, seconds: float = 120) -> None:
        """Wait until it answers C-ECHO. Raises DeliveryError where it does not, or ends."""
        router = Router(self._peer)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.exit_code is not None:
                raise DeliveryError(f"The node did not start: {self._child.last_words()} (log: {self.log}).")
            if router.echo():
                return
            time.sleep(0.1)
        raise DeliveryError(f"The node did not answer C-ECHO within {seconds:.0f} s (log: {self.log}).")

    def kill(self) -> None:
        """kill -9."""
        self._child.kill()

    def stop(self) -> int | None:
        """SIGTERM. Returns the exit code."""
        return self._child.stop(patience=60)

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `sdseg node <arguments> --config …`, such as `status --json`."""
        command = [*_SDSEG, *arguments[:1], "--config", str(self.file), *arguments[1:]]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=self._environment, check=False)

    def dead_letters(self) -> dict[str, dict[str, Any]]:
        """SeriesInstanceUID -> content of reason.json."""
        found = sorted((self.home / "dead").glob("*/reason.json"))
        return {path.parent.name: json.loads(path.read_text()) for path in found}
