"""The status page at / and what it shows; the files of our own pages."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from monailabel.interfaces.datastore import Datastore

from sdseg.errors import DeliveryError
from sdseg_app.jobs.training import training_curves
from sdseg_app.routes.access import Reader, RunningApp, running_app
from sdseg_app.routes.job_view import jobs_view
from sdseg_app.routes.responses import Responses, errors, file_reply
from sdseg_app.routes.server_paths import hide_paths
from sdseg_app.selection.pool import Pool, pool_of
from sdseg_app.status.annotators import annotators_status, reservations_status
from sdseg_app.status.models import model_status
from sdseg_app.status.ranking import ranked
from sdseg_app.status.shapes import ServerStatus, Status
from sdseg_app.status.studies import archive_kind, studies_status
from sdseg_app.web_files import web_file

router = APIRouter(tags=["Status"])

_STARTED = datetime.now(UTC)
_PARTS: Responses = {
    206: {"description": "A part of the file.", "content": {"*/*": {}}},
    304: {"description": "The browser has it already."},
    416: {"description": "The file has no such part."},
}
_PAGE = file_reply("text/html", what="The page.") | _PARTS
_FILE = file_reply("*/*") | _PARTS | errors(404)


@router.get("/", summary="The status page", response_class=Response, responses=_PAGE)
async def get_page(request: Request, user: Reader) -> Response:
    return await web_file("index.html", request.scope, "status")


@router.get("/status/", summary="Models, queue, studies and training at a glance", responses=errors(503))
def get_status(user: Reader, limit: Annotated[int, Query(ge=0, le=5000)] = 500) -> Status:
    """Of the studies at most `limit` are described. The archive is asked in the background."""
    app = running_app()
    models = [model_status(name, segmenters) for name, segmenters in app.models.items()]
    weights = {model.name: model.weights_sha256 for model in models}
    store = app.datastore()
    archive, studies = studies_status(store, app.images_snapshot, weights)
    pool = _pool(app, store)
    return Status(
        server=ServerStatus(
            version=version("sdseg"),
            started=_STARTED.isoformat(timespec="seconds"),
            archive=archive_kind(store),
            user=user.name,
            role=user.role.word,
        ),
        models=models,
        queue=jobs_view(app),
        archive=archive.model_copy(update={"trouble": hide_paths(archive.trouble)}),
        studies=ranked(studies, app.selection, pool)[:limit],
        reservations=reservations_status(app.selection.held(pool)),
        annotators=annotators_status(store),
        training=training_curves(app.training_files()),
    )


def _pool(app: RunningApp, store: Datastore) -> Pool:
    """What there is to label; nothing while the archive does not answer, which is told elsewhere."""
    try:
        return pool_of(store, app.images_snapshot())
    except DeliveryError:
        return Pool(())


@router.get("/web/login/{path:path}", summary="A file of the login page", response_class=Response, responses=_FILE)
async def get_login_file(path: str, request: Request) -> Response:
    """Without a login: whoever logs in has none yet."""
    return await web_file(path, request.scope, "login")


@router.get("/web/{path:path}", summary="A file of our own pages", response_class=Response, responses=_FILE)
async def get_web_file(path: str, request: Request, user: Reader) -> Response:
    return await web_file(path, request.scope)
