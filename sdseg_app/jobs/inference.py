"""One inference from the fetching of its image to the finished reply: the work of a job."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from monailabel.interfaces.datastore import Datastore

from sdseg.errors import InputError
from sdseg.inference.uncertainty import Uncertainty
from sdseg.jobs.job import Job
from sdseg_app.jobs.memory import enough_memory, release
from sdseg_app.jobs.order import Order, Output
from sdseg_app.jobs.reply import Reply, body_of, bytes_reply, file_reply, json_reply, multipart_reply
from sdseg_app.jobs.results import Found
from sdseg_app.jobs.watch import Watch
from sdseg_app.params.infer_params import FOUND, MEASURED
from sdseg_app.stores.filing import file_result, write_result_seg
from sdseg_app.stores.maps import build_maps, file_maps, zip_maps


class Inferring(Protocol):
    """What an inference asks of the app."""

    def infer(self, request: dict[str, Any], *, watch: Watch | None = None) -> dict[str, Any]: ...
    def infer_file(self, path: Path, request: dict[str, Any], watch: Watch | None = None) -> dict[str, Any]: ...
    def datastore(self) -> Datastore: ...


class Inference:
    """Call it with its job.

    Args:
        app: runs the model.
        order: what is wanted.
        folder: empty, for the reply.
    """

    def __init__(self, app: Inferring, order: Order, folder: Path) -> None:
        self._app = app
        self._order = order
        self._folder = folder

    def __call__(self, job: Job) -> Reply:
        """Raises SdsegError, and JobCancelledError where it was cancelled before anything was filed."""
        with enough_memory(self._order.params.device, release):
            job.enter("fetch")
            result = self._infer(job)
            mask = Path(result["file"])
            try:
                told = {**result["params"], "segmentation_type": self._order.params.segmentation_type}
                return self._reply(job, mask, told, result[FOUND], result[MEASURED])
            finally:
                mask.unlink(missing_ok=True)

    def _infer(self, job: Job) -> dict[str, Any]:
        if self._order.file is None:
            return self._app.infer(self._order.request, watch=job)
        path = self._order.file()
        with _called("The image that was sent", path):
            return self._app.infer_file(path, self._order.request, job)

    def _reply(self, job: Job, mask: Path, told: dict[str, Any], found: Found, measured: Uncertainty | None) -> Reply:
        job.enter("file")
        store, image, folder = self._app.datastore(), self._order.image, self._folder
        output, save_seg = self._order.output, self._order.params.save_seg
        maps = build_maps(store, image, measured, told) if save_seg else []  # before anything is filed
        if save_seg:
            job.commit()
        if output is Output.dicom_seg:
            name = write_result_seg(store, image, found, told, body_of(folder), file_too=save_seg)
            file_maps(store, maps)
            return Reply(body_of(folder), "application/dicom", name)
        if save_seg:
            filed = {"seg": file_result(store, image, found, told), "maps": file_maps(store, maps)}
            told = {**told, **(filed if self._order.tells_paths else _without_paths(filed))}
        if output is Output.uncertainty:
            return bytes_reply(folder, f"{mask.stem}.zip", zip_maps(measured, mask, told), "application/zip")
        if output is Output.json:
            return json_reply(folder, told)
        if output is Output.image:
            return file_reply(folder, mask)
        return multipart_reply(folder, mask, told)


def _without_paths(filed: dict[str, Any]) -> dict[str, Any]:
    told = {key: value for key, value in filed.items() if key != "path"}
    return {key: _without_paths(value) if isinstance(value, dict) else value for key, value in told.items()}


@contextmanager
def _called(what: str, path: Path) -> Iterator[None]:
    """A sentence about the file does not tell where it lies."""
    try:
        yield
    except InputError as error:
        if str(path) not in str(error):
            raise
        raise InputError(str(error).replace(str(path), what)) from error
