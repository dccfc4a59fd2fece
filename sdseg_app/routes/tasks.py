"""POST /train/{model}, /batch/infer/{model} and /scoring/{method}: background tasks, one of a kind at a time."""

import threading
import time
from typing import Any

from fastapi import APIRouter, HTTPException
from monailabel.endpoints import batch_infer, scoring, train
from monailabel.interfaces.tasks.batch_infer import BatchInferImageType
from monailabel.utils.async_tasks.utils import processes, tasks

from sdseg.errors import UnknownNameError
from sdseg_app.routes.access import Admin, Annotator, running_app

router = APIRouter()
_submitting = threading.Lock()
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
    """404 for an unknown model, 422 without a final label, 429 while another training runs."""
    app = running_app()
    app.check_trainable(model)
    with _submitting:
        if not enqueue:
            _refuse_second("train")
        return train.run_model(model, _without_names(params), run_sync, enqueue)


@router.post("/batch/infer/{model}", tags=["Infer"], summary="Segment many images")
def start_batch(
    model: str,
    user: Admin,
    images: BatchInferImageType = BatchInferImageType.IMAGES_ALL,
    params: dict[str, Any] | None = None,
    run_sync: bool = False,
) -> Any:
    """404 for an unknown model, 429 while another batch runs."""
    running_app().check_model(model)
    with _submitting:
        _refuse_second("batch_infer")
        return batch_infer.run(model, images, _without_names(params), run_sync)


@router.post("/scoring/{method}", tags=["Scoring"], summary="Score labels")
def start_scoring(method: str, user: Annotator, params: dict[str, Any] | None = None, run_sync: bool = False) -> Any:
    if method not in running_app().info()["scoring"]:
        raise UnknownNameError(f"There is no scoring method {method[:80]!r}; /info/ lists what there is.")
    return scoring.run_method(method, params, run_sync)


def _refuse_second(kind: str) -> None:
    """MONAI Label only sees a task once its process runs; until then a second one would be accepted too."""
    waiting = any(task["status"] == "SUBMITTED" for task in tasks(kind))
    if processes(kind) or (waiting and time.monotonic() - _accepted.get(kind, 0.0) < _START_SECONDS):
        raise HTTPException(429, f"A {kind} task is already running; wait for it or stop it first.")
    _accepted[kind] = time.monotonic()


def _without_names(params: dict[str, Any] | None) -> dict[str, Any]:
    """What was checked must not be replaced from the body."""
    return {key: value for key, value in (params or {}).items() if key not in {"model", "images"}}
