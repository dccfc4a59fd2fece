"""First light: server, click, DICOM SEG, score - and nothing left behind."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pydicom
import pytest
from helpers.forked import run_program
from helpers.models import save_tiny_weights
from helpers.tools import assert_valid, dcmqi_counts
from PIL import Image

from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import load_series

SDSEG = Path(sys.executable).with_name("sdseg")


def run_demo(output: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """The server that it starts is a program of its own; a demo from its file is the one that is killed below."""
    return run_program("sdseg.cli.main", "demo", "--output", str(output), *map(str, options), timeout=600)


def servers_of(output: Path) -> list[int]:
    """Processes whose command line names the demo's folder."""
    return [p.pid for p in psutil.process_iter(["cmdline"]) if str(output) in " ".join(p.info["cmdline"] or [])]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    output = tmp_path_factory.mktemp("demo") / "output"
    return run_demo(output), output


@pytest.mark.slow
def test_last_line_tells_everything(done: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    process, output = done
    assert process.returncode == 0, process.stderr
    line = process.stdout.splitlines()[-1]
    found = re.fullmatch(r"demo dice=(\S+) seg=(\S+) report=(\S+) montage=(\S+)", line)
    assert found, line
    assert float(found[1]) >= 0.93
    assert all(Path(path).is_file() for path in found.groups()[1:])
    assert servers_of(output) == []


def test_report_and_picture(done: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, output = done
    report = json.loads((output / "report.json").read_text())
    assert report["labels"] == {"brain": 1}
    assert len(report["seconds"]) == 5 and min(report["seconds"].values()) >= 0
    assert re.fullmatch("[0-9a-f]{64}", report["weights_sha256"])
    width, height = Image.open(output / "montage.png").size
    assert width > 800 and height > 400


def test_seg_stands_beside_its_source(done: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, output = done
    report = json.loads((output / "report.json").read_text())
    seg = pydicom.dcmread(report["seg"])
    assert Path(report["seg"]).is_relative_to(output / "studies")
    assert seg.ReferencedSeriesSequence[0].SeriesInstanceUID == report["series_instance_uid"]
    algorithm = seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert f"weights_sha256={report['weights_sha256']}" in algorithm.AlgorithmParameters


def test_other_programs_read_the_same(done: tuple[subprocess.CompletedProcess[str], Path], tmp_path: Path) -> None:
    _, output = done
    report = json.loads((output / "report.json").read_text())
    labelmap, _ = read_seg(report["seg"], load_series(output / "studies" / "source"))
    assert np.count_nonzero(labelmap) == report["voxels"]
    assert_valid(Path(report["seg"]))
    assert dcmqi_counts(Path(report["seg"]), tmp_path) == {"brain": report["voxels"]}


def test_weights_that_do_not_score_fail_the_demo(tmp_path: Path) -> None:
    process = run_demo(tmp_path / "out", "--weights", save_tiny_weights(tmp_path / "tiny"))
    assert process.returncode == 1
    lines = [line for line in process.stderr.splitlines() if line.startswith("sdseg: ")]
    assert len(lines) == 1 and "Dice" in lines[0]
    assert "Traceback" not in process.stderr
    assert servers_of(tmp_path / "out") == []


def test_server_that_cannot_start_is_told(tmp_path: Path) -> None:
    weights = save_tiny_weights(tmp_path / "tiny")
    (weights / "sdseg.json").write_text("{")
    process = run_demo(tmp_path / "out", "--weights", weights)
    assert process.returncode == 1
    assert "sdseg.json is damaged" in process.stderr
    assert "Traceback" not in process.stderr
    assert servers_of(tmp_path / "out") == []


def test_a_folder_of_someone_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    process = run_demo(tmp_path)
    assert process.returncode == 1
    assert "is not empty" in process.stderr
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_a_killed_demo_takes_its_server_along(tmp_path: Path) -> None:
    output = tmp_path / "out"
    command = [SDSEG, "demo", "--output", output, "--weights", save_tiny_weights(tmp_path / "tiny")]
    demo = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: len(servers_of(output)) == 2), "the server did not start"
    finally:
        demo.kill()
        demo.wait()
    assert wait_until(lambda: servers_of(output) == []), "the server outlived the demo"


def wait_until(true: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.2)
    return False
