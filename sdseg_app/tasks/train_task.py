"""MONAI Label's training task around the training engine of `sdseg.training`."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from monailabel.interfaces.datastore import Datastore
from monailabel.tasks.train.basic_train import BasicTrainTask, Context
from monailabel.utils.others.generic import device_list

from sdseg.errors import SdsegError
from sdseg.jobs.turns import DeviceTurns
from sdseg.model.card import ModelCard
from sdseg.model.weights import publish
from sdseg.training.data_config import ExampleConfig
from sdseg.training.material import Material
from sdseg.training.retrain import retrain
from sdseg.training.retrain_config import RetrainConfig, RetrainResult, RetrainStage, Watch
from sdseg_app.jobs.train_stats import TrainStats, read_stats
from sdseg_app.params.train_params import TrainParams
from sdseg_app.served.weights_choice import WeightsChoice

Turns = Callable[[str], DeviceTurns]


class SDSegTrainTask(BasicTrainTask):
    """Trains on the final labels, starting from the weights now served, and publishes what comes out.

    The engine is the library's, the same that `sdseg train` uses; of the stock task only the frame remains.
    """

    def __init__(self, choice: WeightsChoice, device: str | None, card: ModelCard, turns: Turns | None = None) -> None:
        """`choice` says where to start and where to publish, `card` what is served at first; `turns` gives the turns
        on a device, None to share it."""
        self._choice = choice
        self._turns = turns
        model_dir = choice.models_dir
        devices = device_list()
        super().__init__(
            model_dir=str(model_dir),
            description=f"Train {card.name} on the labels saved here",
            stats_path=str(model_dir / "train_stats.json"),
            labels=card.labels,
            tracking=None,
            tracking_uri="",
        )
        # What 3D Slicer shows; the stock keys that the engine does not have are not promised.
        self._config = {
            "name": TrainParams.name,
            "pretrained": TrainParams.pretrained,
            "device": [device, *(name for name in devices if name != device)] if device else devices,
            "max_epochs": TrainParams.max_epochs,
            "max_steps": TrainParams.max_steps,
            "train_batch_size": TrainParams.train_batch_size,
            "val_split": TrainParams.val_split,
            "seed": str(TrainParams.seed),
        }

    @property
    def stats_file(self) -> Path:
        """Where a training writes how it goes; see `TrainStats`."""
        return Path(self._stats_path)

    def stats(self) -> dict[str, Any]:
        return read_stats(self.stats_file)

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Train, publish, and return the statistics. Raises SdsegError."""
        params = TrainParams.parse({**self.config(), **request})
        # The stock frame counts GPUs and makes worker processes of them; the engine uses one device.
        frame = {"name": params.name, "device": params.device, "multi_gpu": False, "params": params}
        return dict(super().__call__({**request, **frame}, datastore))

    def train(
        self, rank: int, world_size: int, request: dict[str, Any], datalist: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        params: TrainParams = request["params"]
        run = Path(params.name) / datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        stats = TrainStats(self.stats_file, str(request.get("model", "")), str(run))
        try:
            return self._train(params, Path(self._model_dir) / run, datalist, stats)
        except SdsegError as error:
            stats.failed(str(error))
            raise

    def _train(
        self, params: TrainParams, run: Path, datalist: Sequence[dict[str, Any]], stats: TrainStats
    ) -> dict[str, Any]:
        """Hold the device from step to step; see `sdseg.jobs.turns`."""
        with ExitStack() as held:
            turn = held.enter_context(self._turns(params.device).background()) if self._turns else None

            def between(stage: RetrainStage, done: int, total: int) -> None:
                stats.reach(stage, done, total)
                if turn is None or stage == "prepare":
                    return
                if stage == "publish":
                    turn.let_go()
                elif seconds := turn.give_way(stats.paused):
                    stats.resumed(seconds)

            result = self._retrain(params, run, datalist, stats, between)
        publish(result.weights, Path(self._model_dir))
        dice = result.val_dice.get("after")
        return stats.finished(
            {
                "weights_sha256": result.sha256,
                "steps": result.steps,
                "best_metric": dice or 0.0,
                "val_dice": result.val_dice,
                "train": result.losses,
            }
        )

    def _retrain(
        self, params: TrainParams, run: Path, datalist: Sequence[dict[str, Any]], stats: TrainStats, between: Watch
    ) -> RetrainResult:
        examples = [ExampleConfig.model_validate({"image": pair["image"], "label": pair["label"]}) for pair in datalist]
        return retrain(
            weights=self._choice.folder() if params.pretrained else self._choice.untrained(),
            material=Material(tuple(example.example() for example in examples)),
            output=run,
            config=RetrainConfig(
                max_epochs=params.max_epochs,
                max_steps=params.max_steps or None,
                batch_size=params.train_batch_size,
                val_split=params.val_split,
                device=params.device,
                seed=params.seed,
            ),
            progress=lambda stage, step, steps, losses: stats.losses(losses),
            watch=between,
        )

    # The stock loop, which asks for these, never runs.
    def network(self, context: Context) -> NoReturn:
        raise NotImplementedError("The engine of sdseg.training builds the network from the weights folder.")

    def optimizer(self, context: Context) -> NoReturn:
        raise NotImplementedError("The engine of sdseg.training has its own optimiser (AdamW).")

    def loss_function(self, context: Context) -> NoReturn:
        raise NotImplementedError("The engine of sdseg.training has its own losses.")

    def train_pre_transforms(self, context: Context) -> NoReturn:
        raise NotImplementedError("The recipe in the model card says how images are prepared.")

    def train_post_transforms(self, context: Context) -> NoReturn:
        raise NotImplementedError("The engine of sdseg.training needs no transforms after the network.")

    def val_inferer(self, context: Context) -> NoReturn:
        raise NotImplementedError("Validation uses the same segmenter as inference.")
