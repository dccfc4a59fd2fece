"""POST /infer/{model}: segment one image."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, HTTPException, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from sdseg.errors import InputError
from sdseg.jobs.job import Job
from sdseg.jobs.status import JobStatus
from sdseg_app.jobs.order import Order, Output
from sdseg_app.params.infer_params import InferParams
from sdseg_app.routes.access import Reader, running_app
from sdseg_app.routes.form_json import form_json
from sdseg_app.routes.job_outcome import JOB_HEADER, SEGMENTATION, http_errors, send_reply, unless_gone
from sdseg_app.routes.job_view import shown
from sdseg_app.routes.parameters import ModelName
from sdseg_app.routes.responses import errors
from sdseg_app.routes.server_paths import asked_from_here
from sdseg_app.security.users import Role, User
from sdseg_app.sessions.store import session_image
from sdseg_app.stores.maps import check_use
from sdseg_app.uploads import IMAGES, received

router = APIRouter(prefix="/infer", tags=["Infer"])

JobId = Annotated[
    str | None,
    Query(
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="Id for the job, to watch it while this request waits; else one is made.",
    ),
]


@router.post(
    "/{model}",
    summary="Segment an image of the datastore, of a session or of the request itself",
    response_class=Response,
    responses=SEGMENTATION
    | {202: {"description": "With `background`: the job that waits or runs.", "model": JobStatus}}
    | errors(404, 409, 502, 503, 507),
)
async def post_infer(
    request: Request,
    model: ModelName,
    user: Reader,
    image: Annotated[str, Query(max_length=255, description="Id of an image in the datastore.")] = "",
    session_id: Annotated[str, Query(max_length=64, description="A session that holds the image.")] = "",
    params: Annotated[str, Form(description="A JSON object with what `config` in /info/ lists.")] = "{}",
    file: Annotated[UploadFile | None, File(description=f"The image itself: {', '.join(IMAGES)}.")] = None,
    output: Annotated[Output, Query(description="What the reply holds.")] = Output.all,
    background: Annotated[bool, Query(description="Answer 202 at once; see /jobs/{id}.")] = False,
    job: JobId = None,
) -> Response:
    """The request waits for its turn; one that is given up leaves the queue. 404 for an unknown model, image or
    session; 409 for a job id that is taken, and when the job was cancelled; 503 with `Retry-After` when the queue is
    full, and when memory is short."""
    with http_errors():
        started = await run_in_threadpool(
            _start, user, model, image, session_id, params, file, output, job, asked_from_here(request)
        )
    if background:
        status = await run_in_threadpool(lambda: shown(running_app().jobs.queue.status(started)))
        return JSONResponse(vars(status), 202, {JOB_HEADER: started.id})
    return await _wait(request, started)


async def _wait(request: Request, job: Job) -> Response:
    """The job's reply; the job is cancelled when the client hangs up."""
    queue = running_app().jobs.queue
    ended = asyncio.wrap_future(job.future)
    ended.add_done_callback(lambda future: future.cancelled() or future.exception())  # or it is told as forgotten
    try:
        if not await unless_gone(request, ended):
            await run_in_threadpool(queue.cancel, job)
            return Response(status_code=499)  # nobody reads it
    except asyncio.CancelledError:
        queue.cancel(job)
        raise
    with http_errors():
        return send_reply(job)


def _start(
    user: User,
    model: str,
    image: str,
    session_id: str,
    params: str,
    file: UploadFile | None,
    output: Output,
    job: str | None,
    here: bool,
) -> Job:
    """Whatever is wrong with the request is told before it waits."""
    app = running_app()
    app.check_model(model)
    wanted = app.infer_params(model, form_json("params", params))
    _check(user, model, wanted, output)
    with ExitStack() as held:
        order = _order(user, model, image, session_id, wanted, file, output, held, here)
        if order.file is not None and (wanted.save_seg or output is Output.dicom_seg):
            raise InputError("A DICOM SEG needs an image of the datastore; name it with image=...")
        order.held.push(held.pop_all())
    return app.jobs.submit(order, user.name, job)


def _check(user: User, model: str, wanted: InferParams, output: Output) -> None:
    if (wanted.save_seg or wanted.save_label) and user.role < Role.ANNOTATOR:
        raise HTTPException(403, "Keeping a result needs the role annotator; ask without save_seg and save_label.")
    if wanted.save_seg or output is Output.dicom_seg:
        running_app().check_codes(model)
    check_use(wanted.uncertainty, wanted.save_seg, output is Output.uncertainty)


def _order(
    user: User,
    model: str,
    image: str,
    session_id: str,
    wanted: InferParams,
    file: UploadFile | None,
    output: Output,
    held: ExitStack,
    here: bool,
) -> Order:
    """An upload lies in a folder that is gone when `held` is closed. Raises InputError, UnknownNameError."""
    app = running_app()
    if file is not None:
        path = held.enter_context(received(file, IMAGES))
        return Order(model, "", wanted, output, lambda: path, "upload")
    if session_id:

        def of_session() -> Path:
            return session_image(app.sessions(), session_id, user.name)

        of_session()
        return Order(model, "", wanted, output, of_session, "session")
    if not image:
        raise InputError("Say what to segment: image=<id of the datastore>, session_id=... or a file.")
    app.datastore().get_image_info(image)
    return Order(model, image, wanted, output, None, image, tells_paths=here)
