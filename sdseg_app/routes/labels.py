"""The labels of the datastore: /datastore/label and what is noted about them."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from fastapi.responses import Response

from sdseg.corrections.store import FINAL
from sdseg_app.routes.access import Admin, Annotator, Reader, running_app
from sdseg_app.routes.annotators import AnnotatorsLabel, Whose, annotator_of, annotators_labels
from sdseg_app.routes.client_info import label_note
from sdseg_app.routes.form_json import json_field
from sdseg_app.routes.images import Nothing
from sdseg_app.routes.parameters import ImageId, LabelId, NewTag, Tag
from sdseg_app.routes.responses import Told, WholeFile, empty_reply, errors, file_reply
from sdseg_app.routes.server_paths import hide_all_paths
from sdseg_app.stores.kinds import with_labels
from sdseg_app.uploads import LABELS, received

router = APIRouter(prefix="/datastore", tags=["Datastore"])


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
    params: Annotated[
        str,
        json_field(
            '`label_info` names the values: [{"name": "liver", "idx": 1}]; `labelled_slices` says of which slices the '
            'mask speaks: "all", or [3, 4, 5].'
        ),
    ] = "{}",
    tag: NewTag = FINAL,
) -> SavedLabel:
    """404 for an unknown image; 422 for a tag, a file or a mask that does not fit. Then nothing is written.

    Each annotator keeps a label of his own of an image; the latest of all is the one that counts.
    """
    app = running_app()
    note = {**label_note("params", params), "user": user.name}
    with received(label, LABELS) as path:
        store = with_labels(app.datastore())
        label_id = store.save_label(image, str(path), tag or FINAL, note, annotator_of(user))
    answer = app.on_save_label(image, label_id) or {}
    return SavedLabel(**{**answer, "image": image, "label": label_id})


@router.delete("/label", summary="Withdraw a label", responses=errors(404, 502, 507))
def delete_label(user: Admin, id: LabelId, tag: Tag, annotator: Whose = None) -> Nothing:
    """Its files, and a SEG that was filed, stay; it only counts no longer, until it is accepted in review. Without
    `annotator` the labels of all annotators are withdrawn; with it the latest of the others counts."""
    with_labels(running_app().datastore()).remove_label(id, tag, annotator)
    return Nothing()


@router.head(
    "/label",
    summary="Does this label exist?",
    response_class=Response,
    responses=errors(404, 502) | empty_reply("It does."),
)
def head_label(user: Reader, image: ImageId, tag: Tag, annotator: Whose = None) -> Response:
    with_labels(running_app().datastore()).get_label_uri(image, tag, annotator)
    return Response()


@router.get(
    "/label",
    summary="The label as a file",
    response_class=Response,
    responses=errors(404, 502) | file_reply("application/octet-stream"),
)
def get_label(user: Reader, label: LabelId, tag: Tag, annotator: Whose = None) -> WholeFile:
    """The latest of all annotators, or the one of `annotator`."""
    path = Path(with_labels(running_app().datastore()).get_label_uri(label, tag, annotator))
    return WholeFile(path, media_type="application/octet-stream", filename=path.name)


@router.get("/label/annotators", summary="The labels of an image, an annotator each", responses=errors(404, 502, 507))
def get_annotators_labels(user: Reader, image: ImageId) -> list[AnnotatorsLabel]:
    """By tag, the latest first; [] while there is none."""
    return annotators_labels(with_labels(running_app().datastore()), image)


@router.get("/label/info", summary="What is known about a label", responses=errors(404, 502))
def get_label_info(user: Reader, label: LabelId, tag: Tag, annotator: Whose = None) -> LabelInfo:
    info = with_labels(running_app().datastore()).get_label_info(label, tag, annotator)
    return LabelInfo(**hide_all_paths(info))


@router.put("/label/info", summary="Note something about a label", responses=errors(404, 502, 507))
def put_label_info(
    user: Annotator,
    label: LabelId,
    tag: Tag,
    info: Annotated[str, json_field("its keys are added to what is noted.")] = "{}",
    annotator: Whose = None,
) -> Nothing:
    """What the server itself keeps there stays as it is. `labelled_slices` says which slices the label speaks of."""
    with_labels(running_app().datastore()).update_label_info(label, tag, label_note("info", info), annotator)
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
