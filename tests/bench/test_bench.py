"""`sdseg bench` times real processes and tells ratios against the baseline of the same run."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.forked import run_program
from helpers.models import save_tiny_weights, tiny_pipeline

from sdseg.bench import loading, modes
from sdseg.bench.agreement import Agreement, agreement, dice_of
from sdseg.bench.bars import Bar, kind_of, speed_bars
from sdseg.bench.contestant import BASELINE, Contestant, Facts, baseline
from sdseg.bench.machine import Machine
from sdseg.bench.paper_loop import PaperLoop
from sdseg.bench.plan import Plan, usual_effort
from sdseg.bench.report import build_report
from sdseg.bench.rounds import Outcome, run_rounds
from sdseg.bench.slices_stand import random_slices
from sdseg.bench.training_stand import PlainTraining, TrainingContestant
from sdseg.engines.folding import FoldedUpsample
from sdseg.engines.speed import PARTS
from sdseg.errors import InputError, UnknownNameError
from sdseg.evaluation.report import Report

MACHINE = Machine("processor", 2, ("avx2",), "3.11", "2.13")
LITE_NAMES = [f"lite {parts}, torch-fp32" for parts in ("decoder+encoder", "decoder+encoder+unet")]
PLAN = Plan("tiny", None, None, ("torch-fp32",), 1, 2, 2, 1, "cpu")


def outcome(name: str, seconds: float, dice: float | None = None, **more: object) -> Outcome:
    stages = {"encoder": seconds / 4, "U-Net": seconds / 4, "decoder": seconds / 4, "all": seconds}
    agrees = None if dice is None else Agreement(dice, 0.25)
    one = Contestant(name, "tiny", **more)  # type: ignore[arg-type]
    return Outcome(one, Facts(64, 10.0, 1.0, 0.5), stages, (seconds, seconds), 2**30, 2.0 / seconds, agrees)


def test_ratios_and_shares_follow_from_the_seconds() -> None:
    outcomes = [outcome(BASELINE, 2.0, 1.0), outcome("quick", 0.5, 0.75), outcome("other", 1.0)]
    report = build_report(outcomes, MACHINE, {"fp32": 100.0}, {})
    first, second, third = (dict(zip(report.tables[0].columns, row, strict=True)) for row in report.tables[0].rows)
    assert (first["times the baseline"], second["times the baseline"]) == (1.0, 4.0)
    assert (second["Dice with the baseline"], second["largest difference"]) == (0.75, 0.25)
    assert third["Dice with the baseline"] is None
    assert second["share of the fp32 peak"] == pytest.approx(10.0 / 0.5 / 100.0)
    assert second["peak memory, MiB"] == 1024
    assert {"fp32": 20.0} in report.facts.values(), "10 GFLOP at 100 a second would be 20 times as fast"
    assert report.pictures[0].png.startswith(b"\x89PNG")


def test_the_papers_loop_gives_what_the_pipeline_gives() -> None:
    """It shares no code with it: one of the two being wrong would show."""
    pipeline, slices = tiny_pipeline(seed=3), random_slices(3, 64)
    expected = pipeline(slices, seed=0)
    assert (PaperLoop(pipeline)(slices) - expected).abs().max() < 1e-4
    assert expected.std() > 0.01  # not the same everywhere


def test_the_papers_loop_refuses_other_models() -> None:
    for other in (tiny_pipeline(classes=3), tiny_pipeline(prediction_type="sample")):
        with pytest.raises(ValueError, match="predicts the noise"):
            PaperLoop(other)


def test_the_baseline_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing set: its own loop, batch 1, and memory as the C library gives it."""
    one = baseline("tiny", None)
    assert (one.is_paper, one.batch_size, one.engine, one.lite) == (True, 1, "plain", ())
    monkeypatch.setattr(loading, "keep_large_blocks", lambda: pytest.fail("the allocator was set"))
    model, _ = loading.load(one, "cpu")
    parts = (model.vae, model.unet, model.vision_encoder)
    assert all(p.is_contiguous() and p.dtype == torch.float32 for part in parts for p in part.parameters())
    assert not any(isinstance(m, FoldedUpsample) for part in parts for m in part.modules())


def test_agreement_is_of_masks_and_of_probabilities() -> None:
    reference = torch.tensor([0.9, 0.9, 0.1, 0.1])
    found = agreement(torch.tensor([0.9, 0.3, 0.1, 0.2]), reference)
    assert found.dice == pytest.approx(2 / 3)
    assert found.difference == pytest.approx(0.6)
    assert dice_of(np.zeros(3), np.zeros(3)) == 1.0
    assert dice_of(np.array([1, 2, 0]), np.array([1, 1, 0])) == pytest.approx(0.5)  # another structure is another mask


def test_every_contestant_runs_in_a_process_of_its_own() -> None:
    contestants = [
        baseline("tiny", None),
        Contestant("engine", "tiny", engine="torch-fp32", batch_size=2),
        Contestant("lite", "tiny", engine="torch-fp32", batch_size=2, lite=("decoder", "encoder")),
        Contestant("all lite", "tiny", engine="torch-fp32", batch_size=2, lite=PARTS),
        Contestant("rival", "tiny", rival="basic_unet", batch_size=2),
    ]
    outcomes = run_rounds(contestants, rounds=2, slices=3, device="cpu", threads=1, together=2)
    assert [one.contestant.name for one in outcomes] == [BASELINE, "engine", "lite", "all lite", "rival"]
    ours, engine, lite, all_lite, rival = outcomes
    assert set(ours.seconds) == set(engine.seconds) == {"encoder", "U-Net", "decoder", "all"}
    assert set(rival.seconds) == {"all"}
    assert all(0 < one.spread[0] <= one.seconds["all"] <= one.spread[1] for one in outcomes)
    assert all(one.peak_bytes > 2**27 for one in outcomes)  # torch alone takes that
    assert ours.facts.gflop == engine.facts.gflop != rival.facts.gflop
    assert all_lite.facts.gflop < lite.facts.gflop < engine.facts.gflop
    assert engine.agreement is not None and engine.agreement.difference is not None
    assert engine.agreement.difference < 1e-3
    assert lite.agreement is None and rival.agreement is None  # random parts, other weights


def test_what_cannot_run_is_told() -> None:
    with pytest.raises(UnknownNameError, match="no engine 'warp'"):
        run_rounds([Contestant("a", "tiny", engine="warp")], 1, 1, "cpu", 1)
    with pytest.raises(InputError, match="SDSeg's networks only"):
        run_rounds([Contestant("a", "tiny", engine="torch-fp32", rival="basic_unet")], 1, 1, "cpu", 1)


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give its --weights"):
        replace(PLAN, images=tmp_path)
    with pytest.raises(InputError, match="No engine is named"):
        replace(PLAN, engines=())
    with pytest.raises(UnknownNameError, match="huge"):
        replace(PLAN, preset="huge")
    with pytest.raises(UnknownNameError, match="no engine 'warp'"):
        replace(PLAN, engines=("warp",)).contestants()


def test_full_size_on_a_processor_is_measured_with_fewer_slices(tmp_path: Path) -> None:
    assert usual_effort("sd", None, "cpu") == (3, 4)
    assert usual_effort("sd", None, "cuda") == usual_effort("small", None, "cpu") == (5, 8)
    save_tiny_weights(tmp_path / "weights")
    assert usual_effort("sd", tmp_path / "weights", "cpu") == (5, 8), "the weights' own size counts"
    with pytest.raises(UnknownNameError, match="no model preset"):
        usual_effort("huge", None, "cpu")


def test_lite_parts_take_part_where_there_are_some(tmp_path: Path) -> None:
    names = [one.name for one in PLAN.contestants()]
    assert names == [BASELINE, "torch-fp32", *LITE_NAMES, "basic_unet", "dyn_unet"]
    trained = replace(PLAN, weights=save_tiny_weights(tmp_path / "weights"))
    assert [one.name for one in trained.contestants(rivals=False)] == [BASELINE, "torch-fp32"]
    assert [one.name for one in replace(trained, engines=None).whole_contestants()] == [BASELINE, "auto"]
    (tmp_path / "weights" / "lite_unet").mkdir()
    assert [one.lite for one in trained.contestants(rivals=False)] == [(), (), ("unet",)]
    (tmp_path / "weights" / "lite_decoder").mkdir()
    assert [one.lite for one in trained.contestants(rivals=False)][2:] == [("decoder",), ("decoder", "unet")]


def test_aims_are_for_full_size_and_masks_of_trained_weights() -> None:
    outcomes = [
        outcome(BASELINE, 2.0, 1.0),
        outcome("torch-fp32", 1.0, 0.9995, engine="torch-fp32"),
        outcome("torch-bf16", 0.5, 0.99, engine="torch-bf16"),
        outcome("lite", 0.05, 0.5, engine="torch-bf16", lite=("decoder", "encoder")),
        outcome("all lite", 0.04, 0.5, engine="torch-bf16", lite=PARTS),
        outcome("rival", 0.01, rival="basic_unet"),
    ]
    assert [kind_of(one) for one in outcomes] == ["exact", "exact", "exact", "lite", "lite U-Net", "rival"]
    ratios = {bar.what: (bar.value, bar.is_met) for bar in speed_bars(outcomes, True, False)}
    assert ratios == {
        "best exact engine: times the baseline": (4.0, True),
        "best lite engine: times the baseline": (40.0, True),
        "best lite U-Net engine: times the baseline": (50.0, True),
    }
    masks = [(bar.what.partition(":")[0], bar.is_met) for bar in speed_bars(outcomes, False, True)]
    assert masks == [("torch-fp32", True), ("torch-bf16", False)]
    assert speed_bars(outcomes, False, False) == []
    assert not Bar("seconds", 11.0, at_most=10.0).is_met
    with pytest.raises(ValueError, match="one alone"):
        Bar("nothing", 1.0)


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return run_program("sdseg.cli.main", "bench", "--threads", "1", "--rounds", "1", *options)


@pytest.mark.slow
def test_the_command_writes_a_report(tmp_path: Path) -> None:
    options = ("--preset", "tiny", "--engines", "torch-fp32", "--slices", "2", "-o", str(tmp_path / "speed"))
    done = run(*options)
    assert done.returncode == 0, done.stderr
    assert "| torch-fp32" in done.stdout
    told = json.loads((tmp_path / "speed" / "report.json").read_text())
    assert told["machine"]["threads"] == 1
    assert (tmp_path / "speed" / "figures" / "speed.png").stat().st_size > 1000


def measured(report: Report) -> list[dict[str, Any]]:
    return [dict(zip(report.tables[0].columns, row, strict=True)) for row in report.tables[0].rows]


def quiet(done: int, total: int, what: str) -> None:
    assert 0 <= done <= total


def test_a_series_is_segmented_from_disk_to_disk(tmp_path: Path, sample_data: Path) -> None:
    (tmp_path / "series").mkdir()
    for path in sorted((sample_data / "dicom").glob("*.dcm"))[30:33]:
        (tmp_path / "series" / path.name).write_bytes(path.read_bytes())
    weights = save_tiny_weights(tmp_path / "weights")
    report, bars = modes.whole(replace(PLAN, weights=weights, images=tmp_path / "series"), quiet)
    first, second = measured(report)
    assert (first["contestant"], first["engine"], second["engine"]) == (BASELINE, "plain", "torch-fp32")
    assert all(0 < row["share of SEG encoding"] < 1 for row in (first, second))
    assert second["Dice with the baseline"] > 0.99
    assert {bar.what for bar in bars} == {"torch-fp32: Dice with the baseline", "torch-fp32: share of SEG encoding"}
    assert len(list((tmp_path / "series").iterdir())) == 3


def test_slices_of_an_image_are_compared_by_their_masks(tmp_path: Path, sample_data: Path) -> None:
    weights, image = save_tiny_weights(tmp_path / "weights"), sample_data / "train" / "colin27_t1.nii.gz"
    report, bars = modes.slices(replace(PLAN, weights=weights, images=image), quiet)
    _, engine, *_ = measured(report)
    assert engine["Dice with the baseline"] > 0.99
    assert [bar.what for bar in bars] == ["torch-fp32: Dice with the baseline"]


def test_training_steps_are_timed_against_a_plain_loop() -> None:
    report, bars = modes.training(PLAN, quiet)
    assert [row["training"] for row in measured(report)] == ["plain loop", "sdseg train, fp32", "sdseg train, bf16"]
    assert all(row["steps/s"] > 0 for row in measured(report))
    assert bars == []  # aims are for a GPU


def test_the_plain_training_loop_learns() -> None:
    """It moves the weights of U-Net and encoder, and the frozen autoencoder's never."""
    stand = PlainTraining(TrainingContestant("plain loop", "tiny", 2), "cpu")
    parts = (stand.pipeline.unet, stand.pipeline.vision_encoder, stand.pipeline.vae)
    before = [[p.detach().clone() for p in part.parameters()] for part in parts]
    stand.run(2)
    moved = [
        any((a != b).any() for a, b in zip(old, part.parameters(), strict=True))
        for old, part in zip(before, parts, strict=True)
    ]
    assert moved == [True, True, False]


def test_batch_sizes_are_swept() -> None:
    report, _ = modes.sweep(PLAN, [1, 2], quiet)
    names = ["torch-fp32", *LITE_NAMES]
    rows = [(row["engine"], row["batch"]) for row in measured(report)]
    assert rows == [(BASELINE, 1), *((name, size) for size in (1, 2) for name in names)]


@pytest.mark.parametrize(
    ("options", "words"), [(("--whole", "--train"), "Only one of"), (("--batch-sizes", "1,none"), "takes numbers")]
)
def test_the_command_refuses_in_one_sentence(options: tuple[str, ...], words: str) -> None:
    done = run(*options)
    assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr
