"""The demonstration with a PACS, as `make pacs-demo` runs it, with fewer studies."""

import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from helpers.orthanc import require_orthanc

from faults.privacy import names_somebody
from faults.waiting import wait_for
from faults.world import REPOSITORY


def command(output: Path, *options: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "scripts" / "pacs_demo.py"), "--output", str(output), *options]


def run(output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(output, *options), capture_output=True, text=True, timeout=900, check=False)


def processes_of(output: Path) -> list[int]:
    """Whose command line names the demo's folder."""
    return [
        item.pid for item in psutil.process_iter(["cmdline"]) if str(output) in " ".join(item.info["cmdline"] or [])
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_closing_line(tmp_path: Path) -> None:
    require_orthanc()
    output = tmp_path / "demo"
    result = run(output, "--small", "1")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["pacs-demo studies=3 segs=2 lost=0 dead=1"]
    assert re.search(r"^Dead letter: .*missing", result.stderr, re.MULTILINE)
    assert "Traceback" not in result.stderr and not names_somebody(result.stderr)
    assert processes_of(output) == []


def test_a_killed_demo_takes_everything_along(tmp_path: Path) -> None:
    require_orthanc()
    output = tmp_path / "demo"
    demo = subprocess.Popen(command(output), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: len(processes_of(output)) >= 3, "the archives did not start")
    finally:
        demo.kill()
        demo.wait()
    wait_for(lambda: not processes_of(output), "an archive or the node outlived the demo")


def test_missing_weights_are_told_in_one_line(tmp_path: Path) -> None:
    result = run(tmp_path / "demo", "--weights", str(tmp_path / "nothing"))
    assert result.returncode == 1 and not result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith("pacs-demo: ") and "nothing" in line


def test_a_folder_of_someone_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    result = run(tmp_path)
    assert result.returncode == 1 and "is not empty" in result.stderr
    assert (tmp_path / "thesis.txt").read_text() == "precious"
