"""The labels of the datastore: /datastore/label and what is noted about them."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from fastapi.responses import Response
from monailabel.interfaces.datastore import DefaultLabelTag

from sdseg_app.routes.access import Admin, Annotator, Reader, running_app
from sdseg_app.routes.client_info import label_note
from sdseg_app.routes.form_json import json_field
from sdseg_app.routes.images import Nothing
from sdseg_app.routes.parameters import ImageId, LabelId, NewTag, Tag
from sdseg_app.routes.responses import Told, WholeFile, empty_reply, errors, file_reply
from sdseg_app.routes.server_paths import hide_all_paths
from sdseg_app.uploads import LABELS, received

router = APIRouter(prefix="/datastore", tags=["Datastore"])

_FINAL = str(DefaultLabelTag.FINAL.value)


class SavedLabel(Told):
    """The image and the id of its label, which is the same."""

    image: str
    label: str


class LabelInfo(Told):
    """What is known and noted about a label."""


@router.put("/label", summary="Save a finished label", responses=errors(404, 502, 507))
def put_label(
    user: Annotator,
    image: ImageId,
    label: Annotated[UploadFile, File(description=f"The mask: {', '.join(LABELS)}.")],
    params: Annotated[str, json_field('`label_info` names the values: [{"name": "liver", "idx": 1}].')] = "{}",
    tag: NewTag = _FINAL,
) -> SavedLabel:
    """404 for an unknown image; 422 for a tag, a file or a mask that does not fit. Then nothing is written."""
    app = running_app()
    note = {**label_note("params", params), "user": user.name}
    with received(label, LABELS) as path:
        label_id = app.datastore().save_label(image, str(path), tag or _FINAL, note)
    answer = app.on_save_label(image, label_id) or {}
    return SavedLabel(**{**answer, "image": image, "label": label_id})


@router.delete("/label", summary="Withdraw a label", responses=errors(404, 502))
def delete_label(user: Admin, id: LabelId, tag: Tag) -> Nothing:
    """Of an archive's label the files, and a SEG that was filed, stay; it only counts no longer."""
    running_app().datastore().remove_label(id, tag)
    return Nothing()


@router.head(
    "/label",
    summary="Does this label exist?",
    response_class=Response,
    responses=errors(404, 502) | empty_reply("It does."),
)
def head_label(user: Reader, image: ImageId, tag: Tag) -> Response:
    running_app().datastore().get_label_uri(image, tag)
    return Response()


@router.get(
    "/label",
    summary="The label as a file",
    response_class=Response,
    responses=errors(404, 502) | file_reply("application/octet-stream"),
)
def get_label(user: Reader, label: LabelId, tag: Tag) -> WholeFile:
    path = Path(running_app().datastore().get_label_uri(label, tag))
    return WholeFile(path, media_type="application/octet-stream", filename=path.name)


@router.get("/label/info", summary="What is known about a label", responses=errors(404, 502))
def get_label_info(user: Reader, label: LabelId, tag: Tag) -> LabelInfo:
    return LabelInfo(**hide_all_paths(running_app().datastore().get_label_info(label, tag)))


@router.put("/label/info", summary="Note something about a label", responses=errors(404, 502, 507))
def put_label_info(
    user: Annotator,
    label: LabelId,
    tag: Tag,
    info: Annotated[str, json_field("its keys are added to what is noted.")] = "{}",
) -> Nothing:
    """What the server itself keeps there stays as it is."""
    running_app().datastore().update_label_info(label, tag, label_note("info", info))
    return Nothing()


@router.put(
    "/updatelabelinfo", summary="Note something about a label", deprecated=True, responses=errors(404, 502, 507)
)
def put_label_info_as_before(
    user: Annotator,
    label: LabelId,
    tag: Tag,
    params: Annotated[str, json_field("as `info` of /datastore/label/info.")] = "{}",
) -> Nothing:
    """The same under its older name."""
    running_app().datastore().update_label_info(label, tag, label_note("params", params))
    return Nothing()
