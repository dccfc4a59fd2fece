"""SDSeg as a MONAI Label app: `monailabel start_server --app sdseg_app --studies FOLDER_OR_URL`."""

import logging
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from monailabel.config import settings as stock
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.batch_infer import BatchInferTask
from monailabel.interfaces.tasks.infer_v2 import InferTask
from monailabel.interfaces.tasks.train import TrainTask

from sdseg.dicom.codes import structure
from sdseg.dicom.own_structures import use_structures
from sdseg.errors import InputError, SdsegError, UnknownNameError
from sdseg.inference.provenance import FACTS
from sdseg.model.weights import weights_sha256
from sdseg_app.batch_task import SDSegBatchInferTask
from sdseg_app.datastore import ArchiveDatastore
from sdseg_app.infer_task import MEASURED, SDSegInferTask
from sdseg_app.label_saving import INFERENCE
from sdseg_app.one_line import one_line_errors
from sdseg_app.routes.install import in_server, install_routes, is_installed
from sdseg_app.served import open_models
from sdseg_app.sessions import SessionStore
from sdseg_app.settings import AppSettings
from sdseg_app.status_uncertainty import uncertainty_info
from sdseg_app.studies import open_datastore
from sdseg_app.train_params import TrainParams
from sdseg_app.train_task import SDSegTrainTask
from sdseg_app.viewer_volume import viewer_volume
from sdseg_app.weights_choice import note_server_start

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
            if starting:
                note_server_start()
            self.options = AppSettings.from_conf(conf, Path(app_dir))
            self.model_dir = self.options.model_dir
            if self.options.structures is not None:
                use_structures(self.options.structures)
            self.models = open_models(self.options)
            super().__init__(
                app_dir=app_dir,
                studies=studies,
                conf=conf,
                name="SDSeg in the reading room",
                description="One-step Stable Diffusion segmentation of DICOM series",
                version=version("sdseg"),
            )
        if in_server():
            install_routes(self.options.security)

    def init_datastore(self) -> Datastore:
        first = next(iter(self.models.values()))  # all of them tell the same structures
        return open_datastore(self.studies, self.model_dir, first.card)

    def _load_sessions(self, load: bool = False) -> SessionStore | None:
        # Not MONAI Label's own: its ids can be guessed, and it unpacks whatever it is sent.
        root = Path(stock.MONAI_LABEL_SESSION_PATH.strip() or self.model_dir / "sessions")
        return SessionStore(root, stock.MONAI_LABEL_SESSION_EXPIRY) if load else None

    def init_infers(self) -> dict[str, InferTask]:
        archive = isinstance(self._datastore, ArchiveDatastore)
        device = self.options.device
        return {name: SDSegInferTask(segmenters, device, archive) for name, segmenters in self.models.items()}

    def init_trainers(self) -> dict[str, TrainTask]:
        device = self.options.device
        return {
            name: SDSegTrainTask(segmenters.choice, device, segmenters.card())
            for name, segmenters in self.models.items()
        }

    def init_batch_infer(self) -> BatchInferTask:
        return SDSegBatchInferTask()

    def infer(self, request: dict[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        """As MONAI Label's, but `image` is an id of the datastore and nothing else.

        Raises UnknownNameError for another id or model: the stock app takes it for a path of the server.
        """
        self.check_model(request.get("model", ""))
        store = datastore or self.datastore()
        image = str(request.get("image", ""))
        result = self.infer_file(Path(store.get_image_uri(image)), request)
        try:
            facts = {key: result["params"][key] for key in FACTS}
            measured = uncertainty_info(request["model"], facts, result[MEASURED])
            store.update_image_info(image, {INFERENCE: facts, **measured})
            if request.get("save_label"):
                tag = request.get("label_tag") or result["tag"]
                info = {"model": request["model"], "params": result["params"]}
                result["label"] = store.save_label(image, result["file"], tag, info)
        except SdsegError:
            Path(result["file"]).unlink(missing_ok=True)  # nobody will come for it
            raise
        return result

    def infer_file(self, path: Path, request: dict[str, Any]) -> dict[str, Any]:
        """The same for a file or folder of this machine, which never comes from a request.

        Under `measured` stands the `Uncertainty` that was asked for, else None.
        """
        result = dict(super().infer({**request, "image": str(path)}))
        return {**result, MEASURED: result["params"].pop(MEASURED)}

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

    def next_sample(self, request: dict[str, Any]) -> dict[str, Any]:
        """{} when every image has its final label. `path` is a file that a viewer on this machine can load."""
        sample: dict[str, Any] = super().next_sample(request)
        return {**sample, "path": str(self.image_file(sample["id"]))} if sample else {}

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
            "checksum": f"SHA256:{weights_sha256(segmenters.choice.folder())}",
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
        TrainParams.parse(params)
        if not self.datastore().get_labeled_images():
            raise InputError("There is nothing to train on yet; save a final label first.")

    def check_strategy(self, strategy: str) -> None:
        if strategy not in self._strategies:
            names = ", ".join(self._strategies)
            raise UnknownNameError(f"There is no strategy {strategy[:80]!r} here, but {names}.")
