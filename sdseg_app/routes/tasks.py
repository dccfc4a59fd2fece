"""/train, /batch/infer and /scoring: background tasks, one of a kind at a time."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as InPath
from monailabel.interfaces.tasks.batch_infer import BatchInferImageType
from pydantic import BaseModel

from sdseg.errors import UnknownNameError
from sdseg_app.params.batch_params import BatchParams
from sdseg_app.params.train_params import TrainParams
from sdseg_app.routes.access import Admin, Annotator, Reader, running_app
from sdseg_app.routes.form_json import JsonBody
from sdseg_app.routes.parameters import ModelName
from sdseg_app.routes.responses import Told, errors
from sdseg_app.routes.server_paths import hide_all_paths
from sdseg_app.security.users import User
from sdseg_app.tasks import background
from sdseg_app.tasks.background import BATCH, SCORING, TRAIN
from sdseg_app.tasks.batch_task import check_images

router = APIRouter()

RunSync = Annotated[bool, Query(description="Answer when the task has ended.")]
Enqueue = Annotated[bool, Query(description=f"Wait for one that runs; at most {background.MOST_WAITING} wait.")]
All = Annotated[bool, Query(description="All that are remembered, as a list.")]
IfRunning = Annotated[bool, Query(description="404 unless one is running.")]


class Task(Told):
    """A background task; `details` are the last lines that it wrote."""

    id: str
    status: str
    start_ts: str


class Started(BaseModel):
    """One of several trainings."""

    result: Task
    detail: str | None = None


@router.get("/train/", tags=["Train"], summary="The last training", responses=errors(404))
def get_training(user: Reader, all: All = False, check_if_running: IfRunning = False) -> Task | list[Task]:
    """404 when there was none."""
    return _status(TRAIN, all, check_if_running)


@router.post(
    "/train/", tags=["Train"], summary="Train every model, one after the other", responses=errors(404, 429, 502, 503)
)
def start_all_trainings(user: Admin, params: JsonBody | None = None) -> dict[str, Started]:
    """OHIF's panel asks so. `params` holds an object of parameters for each model."""
    given = params or {}
    wanted = {model: _trainable(model, given.get(model), user) for model in running_app().info()["trainers"]}
    started = background.start_all(TRAIN, wanted)
    return {model: Started(result=_public(task)) for model, task in started.items()}


@router.post(
    "/train/{model}", tags=["Train"], summary="Train on the final labels", responses=errors(404, 429, 502, 503)
)
def start_training(
    model: ModelName, user: Admin, params: JsonBody | None = None, run_sync: RunSync = False, enqueue: Enqueue = False
) -> Task:
    """404 for an unknown model, 422 without a final label or for a parameter, 429 while a training runs.

    `params` may hold `minutes`, `promote` (judged, never or always), `adapters` (none or lora), `resume` and others, as
    /info/ lists them. The new weights are judged by patients who are kept out of training; see /models/{model}.
    """
    return _start(TRAIN, _trainable(model, params, user), run_sync, enqueue)


@router.delete("/train/", tags=["Train"], summary="Stop the training")
def stop_training(user: Admin) -> Task | None:
    """At once; `null` when none runs. Those that wait for it are stopped too. The same training, asked for again, goes
    on from the state that was kept last, unless `resume` is false."""
    return _stop(TRAIN)


@router.get("/batch/infer", tags=["Infer"], summary="The last batch", responses=errors(404))
def get_batch(user: Reader, all: All = False, check_if_running: IfRunning = False) -> Task | list[Task]:
    """404 when there was none."""
    return _status(BATCH, all, check_if_running)


@router.post(
    "/batch/infer/{model}", tags=["Infer"], summary="Segment many images", responses=errors(404, 429, 502, 503)
)
def start_batch(
    model: ModelName,
    user: Admin,
    images: BatchInferImageType = BatchInferImageType.IMAGES_ALL,
    params: JsonBody | None = None,
    run_sync: RunSync = False,
) -> Task:
    """404 for an unknown model or image, 422 for a parameter, 429 while a batch runs."""
    app = running_app()
    app.check_model(model)
    wanted = BatchParams.parse(params or {})
    if wanted.images is not None:
        check_images(wanted.images, app.datastore())
    return _start(BATCH, {"model": model, "images": images.value, **wanted.as_request()}, run_sync)


@router.delete("/batch/infer", tags=["Infer"], summary="Stop the batch")
def stop_batch(user: Admin) -> Task | None:
    """`null` when none runs."""
    return _stop(BATCH)


@router.get("/scoring/", tags=["Scoring"], summary="The last scoring", responses=errors(404))
def get_scoring(user: Reader, all: All = False, check_if_running: IfRunning = False) -> Task | list[Task]:
    """404 when there was none."""
    return _status(SCORING, all, check_if_running)


@router.post("/scoring/", tags=["Scoring"], summary="Score by every method", responses=errors(404, 429, 502))
def start_all_scorings(user: Annotator, params: JsonBody | None = None) -> dict[str, Started]:
    """{} where there is no method: /info/ lists them."""
    wanted = {method: {"method": method} for method in running_app().info()["scoring"]}
    started = background.start_all(SCORING, wanted) if wanted else {}
    return {method: Started(result=_public(task)) for method, task in started.items()}


@router.post("/scoring/{method}", tags=["Scoring"], summary="Score labels", responses=errors(404, 429, 502))
def start_scoring(
    method: Annotated[str, InPath(max_length=200, description="A method, as /info/ lists it.")],
    user: Annotator,
    params: JsonBody | None = None,
    run_sync: RunSync = False,
) -> Task:
    """404 for an unknown method."""
    if method not in running_app().info()["scoring"]:
        raise UnknownNameError(f"There is no scoring method {method[:80]!r}; /info/ lists what there is.")
    return _start(SCORING, {"method": method}, run_sync)


@router.delete("/scoring/", tags=["Scoring"], summary="Stop the scoring")
def stop_scoring(user: Annotator) -> Task | None:
    """`null` when none runs."""
    return _stop(SCORING)


def _trainable(model: str, params: Any, user: User) -> dict[str, Any]:
    """The checked request of a training: nothing else in the body goes on to its process."""
    given = params if isinstance(params, dict) else {}
    running_app().check_trainable(model, given)
    return {"model": model, **asdict(TrainParams.parse(given)), "by": user.name}


def _start(kind: str, request: Mapping[str, Any], run_sync: bool, enqueue: bool = False) -> Task:
    task = background.start(kind, request, enqueue)
    return _public(background.wait_for(task) if run_sync else task)


def _status(kind: str, all: bool, check_if_running: bool) -> Task | list[Task]:
    running = background.running_task(kind)
    if check_if_running:
        if running is None:
            raise HTTPException(404, f"No {kind} task is running.")
        return _public(running)
    tasks = background.tasks(kind)
    if not tasks:
        raise HTTPException(404, f"There was no {kind} task yet.")
    return [_public(task) for task in tasks] if all else _public(tasks[-1])


def _stop(kind: str) -> Task | None:
    task = background.stop(kind)
    # 3D Slicer shows the last line of a task that it stopped, and takes one for granted.
    return _public({**task, "details": task.get("details") or ["Stopped before it began."]}) if task else None


def _public(task: background.Task) -> Task:
    lines = {"details": list(task["details"])} if "details" in task else {}
    return Task(**hide_all_paths({**task, **lines}))
