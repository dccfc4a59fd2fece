"""A run that was interrupted goes on as if it had not been."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from helpers.forked import Program
from safetensors.torch import load_file

from sdseg.errors import InputError, SdsegError
from sdseg.training.checkpoint import Checkpoints, State
from sdseg.training.config import TrainingConfig
from sdseg.training.loop import TrainingStopped
from sdseg.training.run import RunOptions, TrainingRun

Make = Callable[..., TrainingConfig]
STAGE = {"steps": 30, "batch_size": 2, "learning_rate": 1e-3, "warmup_steps": 5, "schedule": "cosine"}


def same_results(one: Path, other: Path) -> bool:
    """Whether two runs ended in the same weights, to the last bit, and logged the same losses."""
    names = [path.relative_to(one) for path in sorted(one.glob("weights/*/*.safetensors"))]
    assert len(names) == 3
    for name in names:
        a, b = load_file(one / name), load_file(other / name)
        if any(not torch.equal(a[key], b[key]) for key in a):
            return False
    logs = [[json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()] for run in (one, other)]
    return all({**a, "seconds": 0} == {**b, "seconds": 0} for a, b in zip(*logs, strict=True))


@pytest.mark.parametrize("stop_at", [7, 41])
def test_stopped_and_resumed_is_the_same_run(stop_at: int, config: Make, tmp_path: Path) -> None:
    """Stopped in stage one or two; dropout, augmentation, warm-up, averages and log included."""
    images = config().data.train[0].model_dump()
    data = {"train": [images], "validation": [images]}
    settings = config(autoencoder=STAGE, diffusion=STAGE, data=data, preview={"every": 10, "slices": 2}, log_every=4)
    TrainingRun(settings, tmp_path / "straight").run()
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) == stop_at

    with pytest.raises(TrainingStopped, match="Stopped after step"):
        TrainingRun(settings, tmp_path / "broken", RunOptions(should_stop=stop)).run()
    assert list((tmp_path / "broken" / "checkpoints").iterdir())
    TrainingRun(settings, tmp_path / "broken", RunOptions(resume=True)).run()
    assert same_results(tmp_path / "straight", tmp_path / "broken")


def start(config: Path, output: Path) -> Program:
    log = output.with_suffix(".log")
    return Program("sdseg.cli.main", ["train", "-c", str(config), "-o", str(output), "--resume"], log)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"), [(10, 60), pytest.param(30, 120, marks=pytest.mark.long)], ids=["short", "whole"]
)
def test_killed_in_mid_run_and_resumed(first: int, second: int, config: Make, tmp_path: Path) -> None:
    """kill -9 of the real process, several times, at whatever moment: the result is that of an undisturbed run.

    `first` and `second` are the steps of the stages.
    """
    stages = ({**STAGE, "steps": steps} for steps in (first, second))
    settings = config(**dict(zip(("autoencoder", "diffusion"), stages, strict=True)), checkpoint_every=5)
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    undisturbed = start(file, tmp_path / "straight")
    assert undisturbed.wait(timeout=300) == 0
    killed = 0
    for more in range(3):
        process = start(file, tmp_path / "broken")
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            steps = [path.name for path in (tmp_path / "broken" / "checkpoints").glob("diffusion-*")]
            if steps and int(max(steps)[-9:]) >= (2 + 3 * more) * second // 12:
                process.kill()
                process.wait()
                killed += 1
                break
            time.sleep(0.01)
    assert killed >= 2
    last = start(file, tmp_path / "broken")
    assert last.wait(timeout=300) == 0
    assert same_results(tmp_path / "straight", tmp_path / "broken")


@pytest.mark.slow
def test_a_signal_saves_the_state(config: Make, tmp_path: Path) -> None:
    """Ctrl-C, or a machine that is given back: one line, and nothing is lost."""
    settings = config(diffusion={**STAGE, "steps": 5000}, checkpoint_every=100_000)
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    process = start(file, tmp_path / "run")
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "autoencoder").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 1
    told = (tmp_path / "run.log").read_text()
    assert told.strip().splitlines()[-1].startswith("sdseg: Stopped after step")
    assert "Traceback" not in told
    assert len(list((tmp_path / "run" / "checkpoints").glob("diffusion-*"))) == 1


def test_an_unfinished_run_is_not_overwritten(config: Make, tmp_path: Path) -> None:
    TrainingRun(config(), tmp_path / "run")
    with pytest.raises(InputError, match="unfinished run: choose another folder, or add --resume"):
        TrainingRun(config(), tmp_path / "run")


def test_another_configuration_is_another_run(config: Make, tmp_path: Path) -> None:
    TrainingRun(config(), tmp_path / "run")
    with pytest.raises(InputError, match=r"another configuration \(precision, seed\)"):
        TrainingRun(config(seed=7, precision="bf16"), tmp_path / "run", RunOptions(resume=True))
    TrainingRun(config(workers=1, checkpoint_every=7), tmp_path / "run", RunOptions(resume=True))


def test_a_damaged_configuration_is_named(config: Make, tmp_path: Path) -> None:
    TrainingRun(config(), tmp_path / "run")
    (tmp_path / "run" / "config.yaml").write_text("a: [")
    with pytest.raises(InputError, match=r"config\.yaml is damaged"):
        TrainingRun(config(), tmp_path / "run", RunOptions(resume=True))


def test_a_finished_run_is_not_run_again(config: Make, tmp_path: Path) -> None:
    weights = TrainingRun(config(), tmp_path / "run").run()
    before = (weights / "sdseg.json").stat().st_mtime_ns
    assert TrainingRun(config(), tmp_path / "run", RunOptions(resume=True)).run() == weights
    assert (weights / "sdseg.json").stat().st_mtime_ns == before


def state(step: int) -> State:
    return State(step, 100, {"weights": {"a": torch.full((1000,), float(step))}}, {"journal": {}})


def test_only_the_newest_checkpoint_is_kept(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, "diffusion")
    for step in (5, 10, 1000):
        kept.save(state(step))
    assert [path.name for path in tmp_path.iterdir()] == ["diffusion-000001000"]
    found = kept.newest(torch.device("cpu"))
    assert found is not None and found.step == 1000 and found.tensors["weights"]["a"][0] == 1000
    assert Checkpoints(tmp_path, "autoencoder").newest(torch.device("cpu")) is None


@pytest.mark.parametrize("damage", ["truncate", "no numbers", "pickle"])
def test_a_damaged_checkpoint_is_named(damage: str, tmp_path: Path) -> None:
    Checkpoints(tmp_path, "diffusion").save(state(5))
    folder = tmp_path / "diffusion-000000005"
    if damage == "truncate":
        os.truncate(folder / "state.safetensors", 100)
    elif damage == "no numbers":
        (folder / "state.json").unlink()
    else:
        torch.save({"a": 1}, folder / "state.safetensors")
    with pytest.raises(InputError, match="diffusion-000000005 is damaged"):
        Checkpoints(tmp_path, "diffusion").newest(torch.device("cpu"))


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    """A real full disk: the limit on the size of files, which the system enforces in the middle of the write."""
    code = """
import resource, signal, sys
from pathlib import Path
import torch
from sdseg.errors import SdsegError
from sdseg.training.checkpoint import Checkpoints, State
kept = Checkpoints(Path(sys.argv[1]), "diffusion")
kept.save(State(5, 100, {"weights": {"a": torch.zeros(1000)}}, {}))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    kept.save(State(10, 100, {"weights": {"a": torch.zeros(1_000_000)}}, {}))
except SdsegError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "could not be written" in done.stdout and len(done.stdout.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["diffusion-000000005"]
    found = Checkpoints(tmp_path, "diffusion").newest(torch.device("cpu"))
    assert found is not None and found.step == 5


def test_stopping_is_one_of_the_products_errors() -> None:
    assert issubclass(TrainingStopped, SdsegError)
