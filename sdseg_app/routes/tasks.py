"""POST /train/{model}, /batch/infer/{model} and /scoring/{method}: background tasks, one of a kind at a time."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter, HTTPException
from monailabel.endpoints import batch_infer, scoring, train
from monailabel.interfaces.tasks.batch_infer import BatchInferImageType
from monailabel.utils.async_tasks.utils import processes, tasks

from sdseg.errors import UnknownNameError
from sdseg_app.batch_task import check_images
from sdseg_app.infer_params import InferParams
from sdseg_app.routes.access import Admin, Annotator, running_app

router = APIRouter()
_submitting = {kind: threading.Lock() for kind in ("train", "batch_infer")}
# A task that was submitted is started by a thread at once. One that has not been for so long never will be.
_START_SECONDS = 60.0
_accepted: dict[str, float] = {}


@router.post("/train/{model}", tags=["Train"], summary="Train on the final labels")
def start_training(
    model: str,
    user: Admin,
    params: dict[str, Any] | None = None,
    run_sync: bool = False,
    enqueue: bool = False,
) -> Any:
    """404 for an unknown model, 422 without a final label or for a parameter, 429 while a training runs."""
    # What was checked must not be replaced from the body.
    wanted = {key: value for key, value in (params or {}).items() if key != "model"}
    running_app().check_trainable(model, wanted)
    with _only_one("train", waits=enqueue):
        return train.run_model(model, wanted, run_sync, enqueue)


@router.post("/batch/infer/{model}", tags=["Infer"], summary="Segment many images")
def start_batch(
    model: str,
    user: Admin,
    images: BatchInferImageType = BatchInferImageType.IMAGES_ALL,
    params: dict[str, Any] | None = None,
    run_sync: bool = False,
) -> Any:
    """404 for an unknown model or image, 422 for a parameter, 429 while a batch runs."""
    app = running_app()
    app.check_model(model)
    wanted = {key: value for key, value in (params or {}).items() if key != "model"}
    InferParams.parse(wanted)
    if isinstance(wanted.get("images"), list):
        check_images(wanted["images"], app.datastore())
    with _only_one("batch_infer"):
        return batch_infer.run(model, images, wanted, run_sync)


@router.post("/scoring/{method}", tags=["Scoring"], summary="Score labels")
def start_scoring(method: str, user: Annotator, params: dict[str, Any] | None = None, run_sync: bool = False) -> Any:
    if method not in running_app().info()["scoring"]:
        raise UnknownNameError(f"There is no scoring method {method[:80]!r}; /info/ lists what there is.")
    return scoring.run_method(method, params, run_sync)


@contextmanager
def _only_one(kind: str, waits: bool = False) -> Iterator[None]:
    """Hold the place of the one task of its `kind`, unless it `waits` for its turn. 429 when it is taken.

    MONAI Label only sees a task once its process runs; until then it would accept a second one.
    """
    if waits:
        yield
        return
    if not _submitting[kind].acquire(blocking=False):
        raise _taken(kind)
    try:
        waiting = any(task["status"] == "SUBMITTED" for task in tasks(kind))
        if processes(kind) or (waiting and time.monotonic() - _accepted.get(kind, 0.0) < _START_SECONDS):
            raise _taken(kind)
        _accepted[kind] = time.monotonic()
        yield
    finally:
        _submitting[kind].release()


def _taken(kind: str) -> HTTPException:
    return HTTPException(429, f"A {kind} task is already running; wait for it or stop it first.")
