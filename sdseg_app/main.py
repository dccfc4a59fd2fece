"""SDSeg as a MONAI Label app: `monailabel start_server --app sdseg_app --studies FOLDER_OR_URL`."""

import sdseg_app.early  # noqa: F401 - for what its import does

# isort: split

import logging
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from monailabel.config import settings as stock
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.datastore import Datastore, DefaultLabelTag
from monailabel.interfaces.tasks.batch_infer import BatchInferTask
from monailabel.interfaces.tasks.strategy import Strategy

from sdseg.dicom.codes import structure
from sdseg.dicom.own_structures import use_structures
from sdseg.errors import InputError, SdsegError, UnknownNameError
from sdseg.inference.provenance import FACTS
from sdseg.pacs.search import SeriesKey
from sdseg.scratch import sweep_scratch
from sdseg.training.adapters import check_adapters
from sdseg_app.jobs.lanes import Devices
from sdseg_app.jobs.quiet import Quiet
from sdseg_app.jobs.results import KeptResults
from sdseg_app.jobs.service import InferenceJobs
from sdseg_app.jobs.training import is_training_elsewhere
from sdseg_app.jobs.watch import Nobody, Watch
from sdseg_app.labels.predicted import remember
from sdseg_app.labels.saving import INFERENCE
from sdseg_app.labels.uncertainty import uncertainty_info
from sdseg_app.one_line import one_line_errors
from sdseg_app.params.infer_params import FOUND, MEASURED, InferParams
from sdseg_app.params.train_params import TrainParams
from sdseg_app.routes.install import in_server, install_routes, is_installed
from sdseg_app.security.place import check_place
from sdseg_app.selection.image_scorer import ScoringModel
from sdseg_app.selection.pool import Pool, pool_of
from sdseg_app.selection.scorer import BackgroundScorer
from sdseg_app.selection.selection import Selection
from sdseg_app.selection.strategies import FirstImage, MostInformative, RandomImage
from sdseg_app.served.models import is_random, open_models
from sdseg_app.served.warm_up import WarmUp
from sdseg_app.sessions.store import SessionStore
from sdseg_app.settings import AppSettings
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.images_snapshot import ImagesSnapshot
from sdseg_app.stores.studies import open_datastore
from sdseg_app.stores.viewer_volume import viewer_volume
from sdseg_app.tasks import background
from sdseg_app.tasks.background import TRAIN, TaskRunningError
from sdseg_app.tasks.batch_task import SDSegBatchInferTask
from sdseg_app.tasks.infer_task import SDSegInferTask
from sdseg_app.tasks.lifeline import note_server
from sdseg_app.tasks.train_task import NOTHING, SDSegTrainTask
from sdseg_app.tasks.trainable import only_judges

# It tells of every single search; the server's own log lines say what they were for.
logging.getLogger("dicomweb_client").setLevel(logging.WARNING)
# Its warnings quote values of headers, a patient's among them.
logging.getLogger("pydicom").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module=r"pydicom\b")


class SDSegApp(MONAILabelApp):
    """Binds the rooms of `sdseg` to MONAI Label. See docs/architecture.md."""

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        starting = in_server() and not is_installed()
        # A user's mistake at start, or in a background task, is one line instead of a traceback.
        with one_line_errors(starting or not in_server()):
            self.options = AppSettings.from_conf(conf, Path(app_dir))
            if starting:
                check_place(self.options.security)
                sweep_scratch()
            self.model_dir = self.options.model_dir
            if self.options.structures is not None:
                use_structures(self.options.structures)
            self.models = open_models(self.options, starting)
            work = self.model_dir / "jobs"
            self._devices = Devices(work / "turns", self.options.jobs.device_sharing == "turns", in_server())
            self._kept = KeptResults(work / "results", self.options.jobs.result_cache_mb)
            self.jobs = InferenceJobs(self, self.options.jobs.queue_length)
            super().__init__(
                app_dir=app_dir,
                studies=studies,
                conf=conf,
                name="SDSeg in the reading room",
                description="One-step Stable Diffusion segmentation of DICOM series",
                version=version("sdseg"),
            )
            store = self._datastore
            self._images = ImagesSnapshot(store.look) if isinstance(store, ArchiveDatastore) else None
            if in_server():
                install_routes(self.options.security)
        if starting:
            note_server()
            self.jobs.end_with_server()
            self._warm_up()
            if self._strategies and self.options.learning.scoring == "background":
                self._score_in_background()

    def init_datastore(self) -> Datastore:
        first = next(iter(self.models.values()))  # all of them tell the same structures
        return open_datastore(self.studies, self.model_dir, first.card, self.options.learning)

    def _load_sessions(self, load: bool = False) -> SessionStore | None:
        # Not MONAI Label's own: its ids can be guessed, and it unpacks whatever it is sent.
        root = Path(stock.MONAI_LABEL_SESSION_PATH.strip() or self.model_dir / "sessions")
        return SessionStore(root, stock.MONAI_LABEL_SESSION_EXPIRY) if load else None

    def init_infers(self) -> dict[str, SDSegInferTask]:
        archive = isinstance(self._datastore, ArchiveDatastore)
        device = self.options.device
        return {
            name: SDSegInferTask(segmenters, device, archive, self._devices, self._kept)
            for name, segmenters in self.models.items()
        }

    def init_trainers(self) -> dict[str, SDSegTrainTask]:
        device = self.options.device
        turns = self._devices.turns if self.options.jobs.device_sharing == "turns" else None
        return {
            name: SDSegTrainTask(name, segmenters.choice, device, segmenters.card(), self.options.learning, turns)
            for name, segmenters in self.models.items()
        }

    def _selection(self) -> Selection:
        # The first model that draws noises, over which uncertainty is measured.
        name = next((name for name, one in self.models.items() if is_random(one.card())), next(iter(self.models)))
        learning, device = self.options.learning, self._infers[name].parse({}).device
        model = ScoringModel(name, self.models[name], device, learning.scoring_noises)
        return Selection(self._datastore, learning.reservation_minutes, model)

    def _warm_up(self) -> None:
        name, segmenters = next(iter(self.models.items()))
        WarmUp(segmenters, self._infers[name].parse({}).device, self._devices, Quiet(self.jobs.queue)).start()

    def _score_in_background(self) -> None:
        def images() -> Pool:
            return pool_of(self._datastore, self._images.get() if self._images else None)

        BackgroundScorer(self.selection, images, self._devices, Quiet(self.jobs.queue)).start()

    def init_batch_infer(self) -> BatchInferTask:
        return SDSegBatchInferTask()

    def info(self) -> dict[str, Any]:
        """As MONAI Label's, from what was last seen of the archive: a slow one keeps nobody waiting."""
        labels = next(iter(self.models.values())).card().labels  # all of them tell the same structures
        return {
            "name": self.name,
            "description": self.description,
            "version": self.version,
            "labels": sorted(labels, key=lambda name: labels[name]),
            "models": {name: task.info() for name, task in self._infers.items()},
            "trainers": {name: task.info() for name, task in self._trainers.items()},
            "strategies": {name: task.info() for name, task in self._strategies.items()},
            "scoring": {name: task.info() for name, task in self._scoring_methods.items()},
            "train_stats": {name: task.stats() for name, task in self._trainers.items()},
            "datastore": self._counts(),
        }

    def _counts(self) -> dict[str, Any]:
        store = self._datastore
        if self._images is None or not isinstance(store, ArchiveDatastore):
            return dict(store.status())
        return store.status_of(key.series_uid for key in self._images.get())

    def images_snapshot(self) -> list[SeriesKey]:
        """The series of the archive as they were a moment ago; none where the studies are no archive. Raises
        DeliveryError."""
        return self._images.get() if self._images is not None else []

    def archive_changed(self) -> None:
        """Series came or went through this server: what is told next knows of it."""
        if self._images is not None:
            self._images.changed()

    def training_files(self) -> dict[str, Path]:
        """Model -> where its training writes how it goes."""
        return {name: task.stats_file for name, task in self._trainers.items() if isinstance(task, SDSegTrainTask)}

    def infer_params(self, model: str, params: Mapping[str, Any]) -> InferParams:
        """What is asked of a known model, with the defaults of this server. Raises InputError."""
        return self._infers[model].parse(dict(params))

    def infer(
        self, request: dict[str, Any], datastore: Datastore | None = None, watch: Watch | None = None
    ) -> dict[str, Any]:
        """As MONAI Label's, but `image` is an id of the datastore and nothing else.

        Raises UnknownNameError for another id or model: the stock app takes it for a path of the server.
        """
        self.check_model(request.get("model", ""))
        store = datastore or self.datastore()
        image = str(request.get("image", ""))
        watch = watch or Nobody()
        result = self.infer_file(Path(store.get_image_uri(image)), request, watch)
        try:
            watch.enter("file")
            facts = {key: result["params"][key] for key in FACTS}
            measured = uncertainty_info(request["model"], facts, result[MEASURED])
            store.update_image_info(image, {INFERENCE: facts, **measured})
            remember(store, image, result[FOUND].labelmap, result["params"]["label_names"], facts)
            if request.get("save_label"):
                watch.commit()
                tag = request.get("label_tag") or result["tag"]
                info = {"model": request["model"], "params": result["params"], "by_model": True}
                result["label"] = store.save_label(image, result["file"], tag, info)
        except SdsegError:
            Path(result["file"]).unlink(missing_ok=True)  # nobody will come for it
            raise
        return result

    def infer_file(self, path: Path, request: dict[str, Any], watch: Watch | None = None) -> dict[str, Any]:
        """The same for a file or folder of this machine, which never comes from a request.

        Under `measured` stands the `Uncertainty` that was asked for, else None; under `found` the result, a `Found`.
        """
        task = self._infers[request["model"]]
        file, told = task({**request, "image": str(path)}, watch=watch)
        apart = {key: told.pop(key) for key in (MEASURED, FOUND)}
        return {"label": file, "tag": DefaultLabelTag.ORIGINAL, "file": file, "params": told, **apart}

    def infer_wsi(self, request: dict[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        raise UnknownNameError("There is no model for whole-slide images here; use /infer/ instead.")

    def train(self, request: dict[str, Any]) -> dict[str, Any]:
        with one_line_errors(not in_server()):
            self.check_trainable(request.get("model", ""), request)
            return dict(super().train(request))

    def batch_infer(self, request: dict[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        with one_line_errors(not in_server()):
            self.check_model(request.get("model", ""))
            return dict(super().batch_infer(request, datastore))

    def init_strategies(self) -> dict[str, Strategy]:
        self.selection = self._selection()
        return {
            "random": RandomImage(self.selection),
            "first": FirstImage(self.selection),
            "sdseg_uncertainty": MostInformative(self.selection),
        }

    def next_sample(self, request: dict[str, Any]) -> dict[str, Any]:
        """The `id` of an image without a final label, and its weight; {} when every image has one."""
        strategy = str(request.get("strategy") or "random")
        self.check_strategy(strategy)
        return self._strategies[strategy]({**request, "strategy": strategy}, self.datastore()) or {}

    def give_back(self, image: str, annotator: str) -> None:
        """Raises UnknownNameError: it is not reserved for this annotator."""
        if not self.selection.reservations.give_back(annotator, image):
            raise UnknownNameError(f"The image {image[:80]!r} is not reserved for you; it may have expired.")

    def image_file(self, image: str) -> Path:
        """An image as one file: viewers do not load a folder. Raises UnknownNameError, InputError."""
        path = Path(self.datastore().get_image_uri(image))
        return viewer_volume(path, self.model_dir / "datastore" / "volumes") if path.is_dir() else path

    def model_file(self, model: str, validate: bool = True) -> None:
        return None  # a model here is a folder, replaced only by publishing

    def model_info(self, model: str) -> dict[str, Any]:
        self.check_model(model)
        segmenters = self.models[model]
        return {
            "checksum": f"SHA256:{segmenters.sha256()}",
            "name": segmenters.card().name,
            "train_stats": self._trainers[model].stats() if model in self._trainers else {},
        }

    def check_model(self, model: str) -> None:
        if model not in self._infers:
            raise UnknownNameError(f"There is no model {model[:80]!r} here, but {', '.join(self._infers)}.")

    def check_codes(self, model: str) -> None:
        """Raises LabelError unless every label of the model has a DICOM code: asked before it runs for nothing."""
        for name in self.models[model].card().labels:
            structure(name)

    def check_trainable(self, model: str, params: Mapping[str, Any]) -> None:
        if model not in self._trainers:
            raise UnknownNameError(f"There is no trainer {model[:80]!r} here, but {', '.join(self._trainers)}.")
        if TrainParams.parse(params).adapters != "none":
            check_adapters()
        if in_server() and is_training_elsewhere(self.training_files(), background.own_processes(TRAIN)):
            raise TaskRunningError("Another process is training here; wait for it or stop it first.")
        store = self.datastore()
        images = store.get_training_images()
        if not images:
            raise InputError("There is nothing to train on yet; save a final label, or let one be used for training.")
        if only_judges(store.home, images, isinstance(store, ArchiveDatastore)):
            raise InputError(NOTHING.format(why="all labelled patients judge new models"))

    def check_strategy(self, strategy: str) -> None:
        if strategy not in self._strategies:
            names = ", ".join(self._strategies)
            raise UnknownNameError(f"There is no strategy {strategy[:80]!r} here, but {names}.")
