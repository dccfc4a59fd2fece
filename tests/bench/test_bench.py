"""`sdseg bench` times real processes and tells ratios against the baseline of the same run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sdseg.bench.contestant import BASELINE, Contestant, Facts, baseline
from sdseg.bench.machine import Machine
from sdseg.bench.report import build_report
from sdseg.bench.rounds import Outcome, run_rounds
from sdseg.errors import InputError, UnknownNameError

MACHINE = Machine("processor", 2, ("avx2",), "3.11", "2.13")


def outcome(name: str, seconds: float) -> Outcome:
    stages = {"encoder": seconds / 4, "U-Net": seconds / 4, "decoder": seconds / 4, "all": seconds}
    return Outcome(Contestant(name, "tiny"), Facts(64, 10.0, 1.0, 0.5), stages, (seconds, seconds), 2**30)


def test_ratios_and_shares_follow_from_the_seconds() -> None:
    report = build_report([outcome(BASELINE, 2.0), outcome("quick", 0.5)], MACHINE, {"fp32": 100.0}, {})
    first, second = (dict(zip(report.tables[0].columns, row, strict=True)) for row in report.tables[0].rows)
    assert (first["times the baseline"], second["times the baseline"]) == (1.0, 4.0)
    assert second["share of the fp32 peak"] == pytest.approx(10.0 / 0.5 / 100.0)
    assert second["peak memory, MiB"] == 1024
    assert report.pictures[0].png.startswith(b"\x89PNG")


def test_every_contestant_runs_in_a_process_of_its_own() -> None:
    contestants = [
        baseline("tiny", None),
        Contestant("engine", "tiny", engine="torch-fp32", batch_size=2),
        Contestant("rival", "tiny", rival="basic_unet", batch_size=2),
    ]
    outcomes = run_rounds(contestants, rounds=2, slices=3, device="cpu", threads=1)
    assert [one.contestant.name for one in outcomes] == [BASELINE, "engine", "rival"]
    ours, engine, rival = outcomes
    assert set(ours.seconds) == set(engine.seconds) == {"encoder", "U-Net", "decoder", "all"}
    assert set(rival.seconds) == {"all"}
    assert all(0 < one.spread[0] <= one.seconds["all"] <= one.spread[1] for one in outcomes)
    assert all(one.peak_bytes > 2**27 for one in outcomes)  # torch alone takes that
    assert ours.facts.gflop == engine.facts.gflop != rival.facts.gflop


def test_what_cannot_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no engine 'warp'"):
        run_rounds([Contestant("a", "tiny", engine="warp")], 1, 1, "cpu", 1)
    with pytest.raises(InputError, match="SDSeg's networks only"):
        run_rounds([Contestant("a", "tiny", engine="torch-fp32", rival="basic_unet")], 1, 1, "cpu", 1)


def test_the_command_writes_a_report(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sdseg.cli.main", "bench", "--preset", "tiny", "--engines", "torch-fp32"]
    options = ["--rounds", "1", "--slices", "2", "--threads", "1", "-o", str(tmp_path / "speed")]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    assert "| torch-fp32" in done.stdout
    told = json.loads((tmp_path / "speed" / "report.json").read_text())
    assert told["machine"]["threads"] == 1
    assert (tmp_path / "speed" / "figures" / "speed.png").stat().st_size > 1000
