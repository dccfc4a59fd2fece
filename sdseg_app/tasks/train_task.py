"""MONAI Label's training task around `Training`."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout
from monailabel.interfaces.tasks.train import TrainTask
from monailabel.utils.others.generic import device_list

from sdseg.errors import InputError
from sdseg.jobs.turns import DeviceTurns
from sdseg.model.card import ModelCard
from sdseg.training.material import Material
from sdseg_app.config.learning import LearningSettings
from sdseg_app.jobs.train_stats import TrainStats
from sdseg_app.jobs.training import model_stats
from sdseg_app.params.train_params import ADAPTERS, PROMOTE, TrainParams
from sdseg_app.served.weights_choice import WeightsChoice
from sdseg_app.tasks.background import TaskRunningError
from sdseg_app.tasks.lifeline import end_with_server
from sdseg_app.tasks.runs import open_run
from sdseg_app.tasks.training import Training, telling

Turns = Callable[[str], DeviceTurns]
NOTHING = "There is nothing to train on: {why}. Label another patient, or let a label be used for training again."
_ORPHAN = "The server that had started the training ended; the same training, started again, goes on."


class Labels(Protocol):
    """What a training asks of the datastore."""

    def training_material(self, settings: LearningSettings, tell: Callable[[str], None]) -> Material: ...


class SDSegTrainTask(TrainTask):
    """Trains on the final labels, starting from the weights now served; see `Training`.

    Args:
        model: its name.
        choice: the weights that are served, and where others are kept.
        device: the one to offer first, or None.
        card: of what is served at first.
        learning: settings.
        turns: gives the turns on a device, None to share it.
    """

    def __init__(
        self,
        model: str,
        choice: WeightsChoice,
        device: str | None,
        card: ModelCard,
        learning: LearningSettings,
        turns: Turns | None = None,
    ) -> None:
        super().__init__(f"Train {card.name} on the labels saved here")
        self._model = model
        self._choice = choice
        self._labels = card.labels
        self._learning = learning
        self._turns = turns
        self._devices = device_list()
        if device:
            self._devices = [device, *(name for name in self._devices if name != device)]

    def info(self) -> dict[str, Any]:
        return {**super().info(), "labels": self._labels}

    def config(self) -> dict[str, Any]:
        """What 3D Slicer shows, of a list the first as default; stock keys that have no meaning here are left out."""
        usual = "judged" if self._learning.promotion == "judged" else "never"
        return {
            "name": TrainParams.name,
            "pretrained": TrainParams.pretrained,
            "device": self._devices,
            "minutes": TrainParams.minutes,
            "max_epochs": TrainParams.max_epochs,
            "max_steps": TrainParams.max_steps,
            "train_batch_size": TrainParams.train_batch_size,
            "val_split": TrainParams.val_split,
            "patience": TrainParams.patience,
            "learning_rate": str(TrainParams.learning_rate),  # a box for numbers shows two digits
            "adapters": list(ADAPTERS),
            "promote": [usual, *(word for word in PROMOTE if word != usual)],
            "resume": TrainParams.resume,
            "seed": str(TrainParams.seed),
        }

    @property
    def stats_file(self) -> Path:
        """Where a training writes how it goes; see `TrainStats`."""
        return self._choice.models_dir / "train_stats.json"

    def stats(self) -> dict[str, Any]:
        return model_stats(self._model, self.stats_file)

    def __call__(self, request: dict[str, Any], datastore: Labels) -> dict[str, Any]:
        """Train, judge, promote where that may be, and return the statistics.

        Raises:
            TaskRunningError: another process trains this model.
            SdsegError: it cannot be trained; the statistics say why too.
        """
        params = TrainParams.parse({**self.config(), **request})
        self.stats_file.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            held.enter_context(_alone(self._choice.models_dir, self._model))
            run = open_run(self._choice.models_dir, params.name, params.resume)
            stats = TrainStats(self.stats_file, self._model, str(run.place))
            end_with_server(
                lambda: stats.stopped("The server that had started the training ended; train again to go on.")
            )
            held.enter_context(telling(stats))
            turn = held.enter_context(self._turns(params.device).background()) if self._turns else None
            training = Training(
                self._choice.registry, self._choice.untrained(), params, self._learning, str(request.get("by", "")),
                run, stats, turn,
            )  # fmt: skip
            material = datastore.training_material(self._learning, stats.remark)
            if not material.train:
                raise InputError(NOTHING.format(why=_missing(material, stats.remarks)))
            return training.on(material)


def _missing(material: Material, remarks: list[str]) -> str:
    if material.validation:
        return "all labelled patients judge new models"
    return f"no label can be used any more ({len(remarks)} were left out)"


def _alone(models_dir: Path, model: str) -> FileLock:
    """Held as long as this process trains the model; the system frees that of a process that was killed."""
    lock = FileLock(models_dir / "training.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise TaskRunningError(f"Another process is training {model}; wait for it or stop it first.") from error
    return lock
