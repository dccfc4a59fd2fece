"""A real MONAI Label server, started with its stock command line, and what a client does with it."""

import json
import os
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import requests
from helpers.forked import Program

from sdseg.dicom.series import Series
from sdseg.serving.launch import free_port
from sdseg.volume.labelmap import save_labelmap

REPOSITORY = Path(__file__).parents[2]
SAMPLE = REPOSITORY / "sample-data" / "dicom"
SLICES = slice(20, 34)  # of the sample series: enough to be a volume, and quick
START_SECONDS = 90


def stock_command(studies: str | Path, *conf: str, port: int, models: str = "sdseg") -> list[str]:
    """What people who know MONAI Label type; `conf` alternates keys and values."""
    command = [
        str(Path(sysconfig.get_path("scripts")) / "monailabel"),
        "start_server",
        *("--app", str(REPOSITORY / "sdseg_app")),
        *("--studies", str(studies)),
        *("--conf", "models", models),
        *("--host", "127.0.0.1"),
        *("--port", str(port)),
    ]
    for key, value in zip(conf[::2], conf[1::2], strict=True):
        command += ["--conf", key, value]
    return command


def copy_sample(folder: Path) -> Path:
    """Some slices of the sample series."""
    folder.mkdir(parents=True)
    for path in sorted(SAMPLE.glob("*.dcm"))[SLICES]:
        shutil.copy(path, folder)
    return folder


@dataclass
class Server:
    """A running server and what a client does with it."""

    url: str
    studies: Path
    model_dir: Path
    weights: Path
    log: Path
    pid: int = 0

    def get(self, path: str, **query: Any) -> requests.Response:
        return requests.get(f"{self.url}{path}", params=query, timeout=60)

    def post(self, path: str, body: Any = None, **query: Any) -> requests.Response:
        return requests.post(f"{self.url}{path}", params=query, json=body, timeout=60)

    def infer(
        self, image: str = "", model: str = "sdseg", params: Any = None, file: Path | None = None, **query: str
    ) -> requests.Response:
        """`params` goes as JSON, or as it is when it is a text."""
        text = params if isinstance(params, str) else json.dumps(params or {})
        files = {"file": (file.name, file.read_bytes())} if file else None
        asked = {"image": image, **query} if image else query
        return requests.post(f"{self.url}/infer/{model}", params=asked, data={"params": text}, files=files, timeout=120)

    def save_label(self, image: str, label: Path, tag: str | None = None, **params: Any) -> requests.Response:
        query = {"image": image, "tag": tag} if tag is not None else {"image": image}
        return requests.put(
            f"{self.url}/datastore/label",
            params=query,
            data={"params": json.dumps(params)},
            files={"label": (label.name, label.read_bytes())},
            timeout=120,
        )

    def wait_for(self, path: str, seconds: float = 120) -> dict[str, Any]:
        """The background task at `path` when it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            task: dict[str, Any] = self.get(path).json()
            if task["status"] not in ("SUBMITTED", "RUNNING"):
                return task
            time.sleep(0.5)
        raise AssertionError(f"{path} did not end within {seconds} s")

    def segs(self) -> list[Path]:
        return [path for path in self.studies.rglob("*.dcm") if pydicom.dcmread(path).Modality == "SEG"]


@dataclass
class Image:
    """The sample series and what is known about it."""

    uid: str
    series: Series

    def mask(self) -> np.ndarray:
        """(i, j, k) uint8: a box that is nowhere symmetric."""
        slices, rows, columns = self.series.geometry.shape
        mask = np.zeros((columns, rows, slices), np.uint8)
        mask[30:90, 100:140, 3:11] = 1
        return mask

    def save(self, path: Path, mask: np.ndarray | None = None) -> Path:
        save_labelmap(self.mask() if mask is None else mask, self.series.affine, path)
        return path


def run_server(
    home: Path,
    studies: Path | str,
    weights: Path,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    **others: Path,
) -> Iterator[Server]:
    """A server of SDSeg and of `others`, model -> its weights; `settings` go to --conf."""
    port = free_port()
    conf = ["model_dir", str(home / "model"), "weights", str(weights)]
    for name, folder in others.items():
        conf += [f"{name}_weights", str(folder)]
    for key, value in (settings or {}).items():
        conf += [key, value]
    server = Server(f"http://127.0.0.1:{port}", Path(studies), home / "model", weights, home / "server.log")
    # The stock script does no more than this; tests/security and tests/slicer start it itself.
    _, *arguments = stock_command(studies, *conf, port=port, models=",".join(("sdseg", *others)))
    variables = {**server_environment(home), **(environment or {})}
    process = Program("monailabel.main", arguments, server.log, home, variables, session=True)
    server.pid = process.pid
    try:
        wait_until_ready(server, process)
        yield server
    finally:
        end_group(process)


def server_environment(home: Path) -> dict[str, str]:
    # As in an activated environment: the stock script calls whatever `python` comes first.
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    # One thread: several wait for each other when the machine is busy, and the model of these tests is tiny.
    # Plain: what the library finds by default is what the server is compared with, to the last voxel.
    usual = {"OMP_NUM_THREADS": "1", "SDSEG_ENGINE": "plain", "MONAI_LABEL_SESSION_PATH": str(home / "sessions")}
    return {**os.environ, "PATH": path, **usual}


def wait_until_ready(server: Server, process: subprocess.Popen[bytes] | Program) -> None:
    for _ in range(START_SECONDS * 5):
        assert process.poll() is None, server.log.read_text()
        try:
            if server.get("/info/").status_code in (200, 401):  # where it has users it wants a token
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise AssertionError(server.log.read_text())


def end_group(process: subprocess.Popen[bytes] | Program) -> None:
    """The server and its background tasks, which share its process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=10)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait(timeout=10)


def run_until_exit(arguments: Sequence[str], home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, capture_output=True, text=True, timeout=START_SECONDS, cwd=home, env=server_environment(home)
    )
