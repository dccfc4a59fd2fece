"""A real MLflow server with SQLite, of the environment that scripts/install-mlflow.sh makes."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from faults.waiting import wait_for

from sdseg.serving.launch import free_port

PROGRAM = Path(__file__).parents[2] / ".tools" / "mlflow" / "bin" / "mlflow"
# No telemetry, and no second process for jobs, which nobody gives it here.
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@dataclass(frozen=True)
class MlflowServer:
    """What a person sees in MLflow, asked through its REST interface and not through its client."""

    home: Path
    http_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def database(self) -> Path:
        return self.home / "mlflow.db"

    @property
    def log(self) -> Path:
        return self.home / "mlflow.log"

    def ask(self, method: str, what: str, /, **values: Any) -> dict[str, Any]:
        """JSON answer; {} where there is no such thing."""
        given = {"params": values} if method == "GET" else {"json": values}
        answer = requests.request(method, f"{self.url}/api/2.0/mlflow/{what}", timeout=30, **given)
        if answer.status_code == 404:
            return {}
        assert answer.ok, answer.text
        return dict(answer.json())

    def aliases(self, name: str) -> dict[str, str]:
        """Alias -> version."""
        model = self.ask("GET", "registered-models/get", name=name).get("registered_model", {})
        return {one["alias"]: one["version"] for one in model.get("aliases", [])}

    def versions(self, name: str) -> list[dict[str, Any]]:
        """The oldest first, tags as a dictionary."""
        found = self.ask("GET", "model-versions/search", filter=f"name='{name}'").get("model_versions", [])
        tagged = [{**one, "tags": _pairs(one.get("tags", []))} for one in found]
        return sorted(tagged, key=lambda one: int(one["version"]))

    def run(self, run: str) -> dict[str, Any]:
        """params, metrics and tags of a run as dictionaries."""
        data = self.ask("GET", "runs/get", run_id=run)["run"]["data"]
        return {kind: _pairs(data.get(kind, [])) for kind in ("params", "metrics", "tags")}

    def files(self, run: str, path: str = "") -> set[str]:
        """Artifacts of a run."""
        told = self.ask("GET", "artifacts/list", run_id=run, path=path).get("files", [])
        inner = [self.files(run, one["path"]) for one in told if one.get("is_dir")]
        return {one["path"] for one in told if not one.get("is_dir")}.union(*inner)

    def move(self, name: str, alias: str, version: str) -> None:
        """As a person does it in MLflow's page."""
        self.ask("POST", "registered-models/alias", name=name, alias=alias, version=version)

    def stored(self, run: str, path: str) -> Path:
        """Where the server keeps an artifact."""
        (found,) = self.home.glob(f"artifacts/*/{run}/artifacts/{path}")
        return found


@contextmanager
def mlflow_server(home: Path) -> Iterator[MlflowServer]:
    """Running, and killed at the end; skips where it is not installed, and fails in CI."""
    if not PROGRAM.exists():
        reason = "MLflow's server is missing: scripts/install-mlflow.sh"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    server = MlflowServer(home, free_port())
    command = [str(PROGRAM), "server", "--host", "127.0.0.1", "--port", str(server.http_port), "--workers", "1"]
    stores = ["--backend-store-uri", f"sqlite:///{server.database}", "--artifacts-destination", str(home / "artifacts")]
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            [*command, *stores], stdout=log, stderr=log, env={**os.environ, **_QUIET}, cwd=home, start_new_session=True
        )
    try:
        wait_for(lambda: _answers(server, process), "MLflow's server did not come up", 300)
        yield server
    finally:
        os.killpg(process.pid, 9)
        process.wait(timeout=30)


def _answers(server: MlflowServer, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, server.log.read_text(errors="replace")[-3000:]
    try:
        return requests.get(f"{server.url}/health", timeout=5).ok
    except requests.RequestException:
        return False


def _pairs(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {entry["key"]: entry["value"] for entry in entries}
