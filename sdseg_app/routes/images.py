"""The images of the datastore: /datastore/image and what is noted about them."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, HTTPException, Query, UploadFile
from fastapi.responses import Response

from sdseg.errors import InputError
from sdseg_app.routes.access import Admin, Annotator, Reader, running_app
from sdseg_app.routes.client_info import image_note
from sdseg_app.routes.form_json import json_field
from sdseg_app.routes.parameters import ImageId, NewImageId
from sdseg_app.routes.responses import Told, WholeFile, empty_reply, errors, file_reply
from sdseg_app.routes.server_paths import hide_all_paths
from sdseg_app.uploads import IMAGES, received, suffix_of

router = APIRouter(prefix="/datastore", tags=["Datastore"])

_CHECKSUM = r"^((SHA256|SHA512|MD5):)?[0-9A-Fa-f]{32,128}$"


class NewImage(Told):
    """The id of the image that was added."""

    image: str


class Nothing(Told):
    """Done; there is nothing to tell."""


class ImageInfo(Told):
    """What is known and noted about an image."""


_REMOVING: dict[str, Any] = {"summary": "Remove an image and its labels", "responses": errors(404, 502)}
_ADDING: dict[str, Any] = {
    "summary": "Add an image to a folder of NIfTI, NRRD or pictures",
    "responses": errors(409, 502, 507),
}


@router.put("/", deprecated=True, operation_id="put_image_at_datastore", **_ADDING)
@router.put("/image", **_ADDING)
def put_image(
    user: Annotator,
    file: Annotated[UploadFile, File(description=f"The image: {', '.join(IMAGES)}.")],
    image: NewImageId = "",
    params: Annotated[str, json_field("what is to be noted about the image.")] = "{}",
) -> NewImage:
    """409 when another image has this id: its labels would no longer fit. 422 where images come from an archive."""
    note = {**image_note("params", params), "user": user.name}
    suffix = suffix_of(file, IMAGES)
    image = image or Path(file.filename or "").name[: -len(suffix)]
    if not image:
        raise InputError("The file has no name that could be the image's id; give one with image=...")
    store = running_app().datastore()
    with received(file, IMAGES) as path:
        if image in store.list_images():
            if Path(store.get_image_uri(image)).read_bytes() != path.read_bytes():
                raise HTTPException(409, f"There is another image {image!r} already; give this one another id.")
            return NewImage(image=image)
        return NewImage(image=store.add_image(image, str(path), note))


@router.delete("/", deprecated=True, operation_id="delete_image_at_datastore", **_REMOVING)
@router.delete("/image", **_REMOVING)
def delete_image(user: Admin, id: ImageId) -> Nothing:
    """422 where images belong to an archive."""
    running_app().datastore().remove_image(id)
    return Nothing()


@router.head(
    "/image",
    summary="Does this image exist?",
    response_class=Response,
    responses=errors(404, 502) | empty_reply("It does."),
)
def head_image(
    user: Reader,
    image: ImageId,
    check_sum: Annotated[
        str | None, Query(pattern=_CHECKSUM, description="Of the file that GET gives; SHA256 unless it says MD5: …")
    ] = None,
) -> Response:
    """404 also when the file has another checksum."""
    app = running_app()
    app.datastore().get_image_info(image)
    if check_sum and not _has_checksum(app.image_file(image), check_sum):
        raise HTTPException(404, "The image has another checksum; get it anew.")
    return Response()


@router.get(
    "/image",
    summary="The image as one file that viewers load",
    response_class=Response,
    responses=errors(404, 502, 507) | file_reply("application/octet-stream"),
)
def get_image(user: Reader, image: ImageId) -> WholeFile:
    """A DICOM series comes as NRRD on the series' own voxel grid."""
    path = running_app().image_file(image)
    return WholeFile(path, media_type="application/octet-stream", filename=path.name)


@router.get("/image/info", summary="What is known about an image", responses=errors(404, 502))
def get_image_info(user: Reader, image: ImageId) -> ImageInfo:
    return ImageInfo(**_public(running_app().datastore().get_image_info(image)))


@router.put("/image/info", summary="Note something about an image", responses=errors(404, 502, 507))
def put_image_info(
    user: Annotator,
    image: ImageId,
    info: Annotated[str, json_field("its keys are added to what is noted.")] = "{}",
) -> Nothing:
    """What the server itself keeps there stays as it is."""
    running_app().datastore().update_image_info(image, {**image_note("info", info), "user": user.name})
    return Nothing()


def _public(info: dict[str, Any]) -> dict[str, Any]:
    told = {str(key): value for key, value in info.items() if key != "path"}
    return dict(hide_all_paths(told))


def _has_checksum(path: Path, wanted: str) -> bool:
    kind, _, digest = wanted.rpartition(":")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, (kind or "SHA256").lower()).hexdigest() == digest.lower()
