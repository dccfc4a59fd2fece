"""GET: searches (QIDO-RS) and retrievals (WADO-RS)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from sdseg.dicomweb.folder_origin import FolderOrigin
from sdseg_app.routes.access import Reader
from sdseg_app.routes.dicomweb.origins import origin
from sdseg_app.routes.dicomweb.replies import accept_of, base_of, reply, resource_of, telling
from sdseg_app.routes.responses import Responses, errors, file_reply

router = APIRouter()

Uid = Annotated[str, Path(max_length=64, pattern=r"^[0-9]+(\.[0-9]+)*$", description="A DICOM UID.")]
Frames = Annotated[str, Path(max_length=4000, pattern="^[0-9]+(,[0-9]+)*$", description="Frame numbers from 1: 1,2,3.")]
Bulk = Annotated[
    str,
    Path(
        max_length=200,
        pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$",
        description="A tag, with tags and items it is nested in before it, as BulkDataURI says.",
    ),
]


# Not `async`: FastAPI runs it in a thread, and the server answers others meanwhile.
def get(request: Request, user: Reader) -> Response:
    """The archive's answer, streamed."""
    with telling():
        resource, source = resource_of(request), origin()
        if isinstance(source, FolderOrigin):
            parameters = request.query_params.multi_items()
            return reply(source.get(resource, parameters, accept_of(request), base_of(request)))
        query = request.scope["query_string"].decode("latin-1")
        return reply(source.get(resource, query, request.headers, base_of(request)))


def _study(study: Uid) -> None: ...
def _series(study: Uid, series: Uid) -> None: ...
def _instance(study: Uid, series: Uid, instance: Uid) -> None: ...
def _frames(frames: Frames) -> None: ...
def _bulk(bulk: Bulk) -> None: ...
def _search(
    limit: Annotated[int | None, Query(ge=0, description="How many results at most.")] = None,
    offset: Annotated[int, Query(ge=0, description="How many results to leave out first.")] = 0,
    includefield: Annotated[
        list[str] | None, Query(description="Attributes to tell besides the usual ones, by keyword or tag.")
    ] = None,
    fuzzymatching: Annotated[bool, Query(description="Not supported by a folder, which says so in Warning.")] = False,
) -> None: ...


STUDY, SERIES = "/studies/{study}", "/studies/{study}/series/{series}"
INSTANCE = SERIES + "/instances/{instance}"
_LEVELS: tuple[tuple[str, list[Any]], ...] = ((STUDY, [_study]), (SERIES, [_series]), (INSTANCE, [_instance]))
_JSON: Responses = {
    200: {
        "description": "DICOM JSON (PS3.18 F), an array.",
        "content": {
            kind: {"schema": {"type": "array", "items": {"type": "object"}}}
            for kind in ("application/dicom+json", "application/json")
        },
    },
    204: {"description": "Nothing was found, as some archives say it.", "content": {}},
}
_OBJECTS = file_reply("multipart/related", "application/dicom", what="The objects, part by part.")
_OCTETS = file_reply(
    "multipart/related", "application/octet-stream", *(f"image/{kind}" for kind in ("jpeg", "jls", "jp2", "dicom-rle")),
    what="The values.",
)  # fmt: skip
_OCTETS |= {206: {**_OCTETS[200], "description": "A part of a single value, where the archive knows Range."}}
_PICTURE = file_reply("image/jpeg", "image/png", what="A picture for people.")


def _add(path: str, summary: str, declared: Responses, parameters: list[Any]) -> None:
    router.add_api_route(
        path,
        get,
        methods=["GET"],
        summary=summary,
        operation_id="dicomweb_" + "".join(char if char.isalnum() else "_" for char in path.strip("/")),
        response_class=Response,
        responses={**declared, **errors(404, 406, 429, 502, 503, 504)},
        dependencies=[Depends(parameter) for parameter in parameters],
    )


for _path, _level in (
    ("/studies", []), ("/series", []), ("/instances", []), (f"{STUDY}/series", [_study]),
    (f"{STUDY}/instances", [_study]), (f"{SERIES}/instances", [_series]),
):  # fmt: skip
    _add(_path, "Search; any attribute may be a query parameter too, by keyword or tag", _JSON, [*_level, _search])
for _path, _level in _LEVELS:
    _add(f"{_path}/metadata", "Headers", _JSON, _level)
    _add(f"{_path}/rendered", "A picture of the middle", _PICTURE, _level)
    _add(f"{_path}/thumbnail", "A small picture of the middle", _PICTURE, _level)
    _add(_path, "DICOM files", _OBJECTS, _level)
_add(f"{INSTANCE}/frames/{{frames}}", "Frames", _OCTETS, [_instance, _frames])
_add(f"{INSTANCE}/frames/{{frames}}/rendered", "A frame as picture", _PICTURE, [_instance, _frames])
_add(f"{INSTANCE}/frames/{{frames}}/thumbnail", "A frame as small picture", _PICTURE, [_instance, _frames])
for _word in ("bulkdata", "bulk"):
    _add(f"{INSTANCE}/{_word}/{{bulk:path}}", "A long value that metadata refer to", _OCTETS, [_instance, _bulk])
