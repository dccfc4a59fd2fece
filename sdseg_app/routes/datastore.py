"""GET /datastore/ and /datastore/dataset: what there is, and the labelled images as one file."""

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response
from pydantic import Field
from starlette.background import BackgroundTask

from sdseg.errors import UnknownNameError
from sdseg_app.routes.access import Annotator, Reader, running_app
from sdseg_app.routes.responses import Told, WholeFile, errors, file_reply
from sdseg_app.routes.server_paths import hide_all_paths
from sdseg_app.security.users import Role

router = APIRouter(prefix="/datastore", tags=["Datastore"])

MOST_CASES = 100_000


class Output(StrEnum):
    """Which list is wanted."""

    stats = "stats"
    all = "all"
    train = "train"


class Stats(Told):
    """Counts; `label_tags` counts the images with a label of each tag."""

    total: int
    completed: int
    label_tags: dict[str, int] = Field(default_factory=dict)


class Objects(Told):
    """All images: id -> {"image": {"ext", "info"}, "labels": {tag: {"ext", "info"}}}."""

    name: str
    description: str
    objects: dict[str, Any]


class Pair(Told):
    """An image and its label, as paths of the server."""

    image: str
    label: str


@router.get("/", summary="Counts, all objects or the training list", responses=errors(502))
def get_datastore(user: Reader, output: Output = Output.stats) -> Stats | Objects | list[Pair]:
    """`train` tells where the files lie on the server, for scripts beside it; only an administrator may ask for it."""
    store = running_app().datastore()
    if output is Output.train:
        if user.role < Role.ADMIN:
            raise HTTPException(403, "The training list holds paths of the server; only an administrator may see it.")
        return [Pair(**pair) for pair in store.datalist()]
    if output is Output.all:
        return Objects(**hide_all_paths(store.json()))
    return Stats(**store.status())


@router.get(
    "/dataset",
    summary="The images with a final label, and these, as one ZIP file",
    response_class=Response,
    responses=errors(404, 502, 507) | file_reply("application/zip"),
)
def get_dataset(
    user: Annotator,
    limit_cases: Annotated[
        int | None, Query(ge=1, le=MOST_CASES, description="So many images at most; default: all.")
    ] = None,
) -> WholeFile:
    """404 while nothing is labelled."""
    store = running_app().datastore()
    if not store.get_labeled_images():
        raise UnknownNameError("There is no final label yet, so there is no dataset; save a label first.")
    path = Path(store.get_dataset_archive(limit_cases))
    # The stock store makes a file for every request and leaves it.
    temporary = path.parent == Path(tempfile.gettempdir())
    gone = BackgroundTask(path.unlink, missing_ok=True) if temporary else None
    return WholeFile(path, media_type="application/zip", filename="dataset.zip", background=gone)
