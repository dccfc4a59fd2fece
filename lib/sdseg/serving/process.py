"""A MONAI Label server of our own, started for a while and surely stopped."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import requests

from sdseg.errors import DeliveryError
from sdseg.serving.launch import free_port, server_arguments


def _end_with_parent() -> None:
    """In the child: ask Linux for SIGTERM when the parent dies, even if it is killed and cannot clean up."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _open_environment() -> dict[str, str]:
    """Without the logins that a user configured for another server: this one answers its own machine only."""
    return {key: value for key, value in os.environ.items() if key not in ("SDSEG_TOKENS", "SDSEG_OIDC_ISSUER")}


class ServerProcess:
    """Runs MONAI Label's `start_server` with the SDSeg app in a process group of its own.

    Use it as a context manager: the group is ended on leaving, whatever happened inside.

    Args:
        studies: folder or DICOMweb URL.
        log: file for the server's output.
        conf: key=value entries for the app.
    """

    def __init__(self, studies: str, log: Path, conf: list[str] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._command = [
            sys.executable,
            "-m",
            "sdseg.serving.start",
            *server_arguments(studies, "127.0.0.1", self.port, conf or []),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ServerProcess:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_end_with_parent,
                env=_open_environment(),
            )
        try:
            self._wait_until_ready(seconds=120)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_ready(self, seconds: float) -> None:
        assert self._process is not None
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise DeliveryError(f"The server did not start: {self._last_words()} (whole log: {self._log}).")
            try:
                if requests.get(f"{self.url}/info/", timeout=5).ok:
                    return
            except requests.RequestException:
                time.sleep(0.2)
        raise DeliveryError(f"The server did not answer within {seconds:.0f} s (log: {self._log}).")

    def _last_words(self) -> str:
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        telling = [line for line in lines if "Error" in line and "File " not in line]
        return (telling or lines or ["it said nothing"])[-1]

    def stop(self) -> None:
        """End the whole process group: asked first, then killed."""
        if self._process is None:
            return
        for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(timeout=patience)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self._process.wait(timeout=10)
        self._process = None
