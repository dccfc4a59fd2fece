"""schemathesis against a running server, as people type it."""

import json
import os
import subprocess
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# 503 is declared, and right when the queue is full; any other 5xx is a bug. What is valid by its form, like a random
# file, is still no image: `positive_data_acceptance` would call that a failure. DELETE /jobs/{id} cancels a job, which
# can be asked for still: `use_after_free` would call that another.
_CONFIG = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503"]
[checks.positive_data_acceptance]
enabled = false
[checks.use_after_free]
enabled = false
"""


@dataclass(frozen=True)
class Outcome:
    """What came out; `told` is the whole report as text."""

    operations: int
    cases: int
    failures: list[str]
    seconds: float
    told: str

    @property
    def line(self) -> str:
        """As JSON, without the text."""
        facts = {"operations": self.operations, "cases": self.cases, "failures": self.failures}
        return json.dumps({**facts, "seconds": round(self.seconds)})


def fuzz(url: str, known: Mapping[str, str], folder: Path, *arguments: str) -> Outcome:
    """Run it; `known` gives values of parameters that exist, `arguments` are of `schemathesis run`."""
    folder.mkdir(parents=True, exist_ok=True)
    config, report = folder / "schemathesis.toml", folder / "report.json"
    config.write_text(_CONFIG)
    command = [
        str(Path(sysconfig.get_path("scripts")) / "schemathesis"),
        *("--config-file", str(config)),
        *("run", f"{url}/openapi.json"),
        *("--report", "json", "--report-json-path", str(report)),
        *("--no-color", "--warnings", "off", "--generation-database", "none", "--continue-on-failure"),
        *arguments,
    ]
    begun = time.monotonic()
    run = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=_environment(known), check=False)
    seconds = time.monotonic() - begun
    told = run.stdout + run.stderr
    if not report.exists():
        raise AssertionError(told)
    found: dict[str, Any] = json.loads(report.read_text())
    failures = [_title(one) for one in (*found["failures"], *found["errors"])]
    if run.returncode and not failures:
        failures = [f"schemathesis ended with {run.returncode}"]
    return Outcome(found["operations"]["tested"], found["test_cases"]["generated"], failures, seconds, told)


def _environment(known: Mapping[str, str]) -> dict[str, str]:
    tests = str(Path(__file__).parents[1])
    path = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    hooks = {"SCHEMATHESIS_HOOKS": "helpers.fuzz_hooks", "SDSEG_FUZZ_KNOWN": json.dumps(dict(known))}
    return {**os.environ, "PYTHONPATH": path, **hooks}


def _title(one: Any) -> str:
    """A failure or an error of the report in a line."""
    known = one if isinstance(one, dict) else {"title": str(one)}
    words = [str(known[key]) for key in ("operation", "label", "title", "code", "message") if known.get(key)]
    return " ".join(": ".join(words).split())[:300]
