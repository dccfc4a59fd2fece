"""How the training goes, as the server tells it: from the training's own file and MONAI Label's list of tasks."""

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from monailabel.utils.async_tasks.utils import tasks

from sdseg_app.jobs.train_stats import Stage, State, is_alive, read_stats, settled_stats

_OF_THE_MODELS = ("remarks", "champion_sha256", "challenger_sha256", "judgement", "promoted")
_TIME = "%Y-%m-%d %H:%M:%S"  # of MONAI Label's tasks, local time


@dataclass(frozen=True)
class TrainingStatus:
    """The training that runs, or the last one.

    Attributes:
        model: name of the trained model.
        state: paused while an inference uses the device.
        stage: what is being done.
        done, total: steps, or slices of a validation; 0 where they are not counted.
        eta_seconds: until the stage ends, None where it is not known.
        losses: means of the last steps.
        started: ISO 8601 in UTC.
        detail: a sentence about a pause, or about the end: what became of the new weights, and why.
        remarks: further sentences: images that were left out, from which step an interrupted training went on.
        champion_sha256: the weights that the new ones are judged against; "" before.
        challenger_sha256: the new weights; "" before.
        judgement: `Judgement.to_dict()`, None before it or without one.
        promoted: the new weights are served since.
    """

    model: str
    state: State
    stage: Stage
    done: int
    total: int
    eta_seconds: float | None
    losses: dict[str, float]
    started: str
    detail: str
    remarks: list[str] = field(default_factory=list)
    champion_sha256: str = ""
    challenger_sha256: str = ""
    judgement: dict[str, Any] | None = None
    promoted: bool = False


@dataclass(frozen=True)
class Curves:
    """Loss at steps, and Dice of the validation images as (step, value)."""

    steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    val_dice: list[tuple[int, float]] = field(default_factory=list)


@dataclass(frozen=True)
class _Task:
    """What MONAI Label knows of its last training."""

    model: str
    state: Literal["starting", "running", "stopped", "failed", "done"]
    started: float


def training_status(files: Mapping[str, Path]) -> TrainingStatus | None:
    """`files`: model -> where its training writes. None where nothing was ever trained."""
    stats = _latest(files)
    task = _last_task()
    if task is not None and (not stats or stats.get("start_ts", 0) < int(task.started)):
        return _only_a_task(task)
    if not stats:
        return None
    model = stats["model"]
    stats = model_stats(model, files[model])
    return TrainingStatus(
        model=model,
        state=stats.get("state", "done"),
        stage=stats.get("stage", "publish"),
        done=stats.get("done", 0),
        total=stats.get("total", 0),
        eta_seconds=_rounded(stats.get("eta_seconds")),
        losses=stats.get("train", {}),
        started=stats.get("started", ""),
        detail=stats.get("detail", ""),
        **{name: stats[name] for name in _OF_THE_MODELS if name in stats},
    )


def model_stats(model: str, file: Path) -> dict[str, Any]:
    """What the training of a model wrote, with the end of one that could not tell itself. {} without any."""
    task = _last_task()
    return settled_stats(file, stopped=task is not None and task.state == "stopped" and task.model == model)


def is_training_elsewhere(files: Mapping[str, Path], own: Collection[int]) -> bool:
    """Whether a process that is none of the `own` trains one of these models: another server's, or one left over."""
    found = [read_stats(path) for path in files.values()]
    return any(
        stats.get("state") in ("running", "paused") and is_alive(stats) and stats.get("pid") not in own
        for stats in found
    )


def training_curves(files: Mapping[str, Path]) -> Curves:
    """Of the training that runs, or of the last one."""
    stats = _latest(files)
    if not stats.get("run"):
        return Curves()
    curves = Curves()
    for entry in _lines(files[stats["model"]].parent / stats["run"] / "log.jsonl"):
        step = int(entry["step"])
        if entry.get("validation_dice") is not None:
            curves.val_dice.append((step, float(entry["validation_dice"])))
        elif "loss" in entry:
            curves.steps.append(step)
            curves.loss.append(float(entry["loss"]))
    return curves


def _latest(files: Mapping[str, Path]) -> dict[str, Any]:
    read = {model: read_stats(path) for model, path in files.items()}
    found = [{**stats, "model": model} for model, stats in read.items() if stats]
    return max(found, key=lambda stats: stats.get("start_ts", 0), default={})


def _last_task() -> _Task | None:
    known = [task for task in tasks("train") if task["status"] != "SUBMITTED"] or tasks("train")
    if not known:
        return None
    last = known[-1]
    states: dict[str, Literal["starting", "running", "stopped", "failed", "done"]] = {
        "SUBMITTED": "starting", "RUNNING": "running", "STOPPED": "stopped", "DONE": "done",
    }  # fmt: skip
    started = time.mktime(time.strptime(last["start_ts"], _TIME))
    return _Task(str(last["request"].get("model", "")), states.get(last["status"], "failed"), started)


def _only_a_task(task: _Task) -> TrainingStatus:
    """Before its first word, or where it ended without one."""
    active = task.state in ("starting", "running")
    stopped = task.state == "stopped"
    state: State = "running" if active else "stopped" if stopped else "failed"
    started = datetime.fromtimestamp(task.started, UTC).isoformat(timespec="milliseconds")
    return TrainingStatus(task.model, state, "prepare", 0, 0, None, {}, started, "" if active else _end(stopped))


def _end(stopped: bool) -> str:
    return "Stopped on request." if stopped else "The training ended without a result; its log tells why."


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _lines(log: Path) -> list[dict[str, Any]]:
    try:
        texts = log.read_text().splitlines()
    except OSError:
        return []
    entries = []
    for text in texts:
        try:
            entries.append(json.loads(text))
        except ValueError:  # being written
            continue
    return entries
