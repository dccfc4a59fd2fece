"""The datastore routes that must check, or that take long; MONAI Label's own answer the rest."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import FileResponse
from monailabel.endpoints import datastore as stock
from monailabel.interfaces.datastore import DefaultLabelTag

from sdseg_app.routes.access import Annotator, Reader, running_app
from sdseg_app.routes.form_json import form_json
from sdseg_app.routes.uploads import LABELS, received

router = APIRouter(prefix="/datastore", tags=["Datastore"])


@router.get("/", summary="Counts, all objects or the training list")
def get_datastore(user: Reader, output: stock.ResultType | None = None) -> Any:
    return stock.datastore(output)


@router.put("/label", summary="Save a finished label")
def put_label(
    user: Annotator,
    image: str,
    label: Annotated[UploadFile, File()],
    params: Annotated[str, Form()] = "{}",
    tag: str = DefaultLabelTag.FINAL.value,
) -> dict[str, Any]:
    """404 for an unknown image; 422 for a tag, a file or a mask that does not fit. Then nothing is written."""
    app = running_app()
    info = form_json("params", params)
    with received(label, LABELS) as path:
        label_id = app.datastore().save_label(image, str(path), tag or DefaultLabelTag.FINAL.value, info)
    answer = app.on_save_label(image, label_id) or {}
    return {**answer, "image": image, "label": label_id}


@router.head("/image", summary="Does this image exist?")
def head_image(user: Reader, image: str) -> None:
    running_app().datastore().get_image_info(image)


@router.get("/image", summary="The image as one file that viewers load")
def get_image(user: Reader, image: str) -> FileResponse:
    path = running_app().image_file(image)
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)
