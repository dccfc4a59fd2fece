"""POST /infer/{model}: segment one image."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import JSONResponse, Response
from requests_toolbelt import MultipartEncoder  # type: ignore[import-untyped]

from sdseg.errors import InputError
from sdseg.inference.uncertainty import Uncertainty
from sdseg_app.filing import build_result_seg, file_result
from sdseg_app.infer_params import InferParams
from sdseg_app.infer_task import MEASURED
from sdseg_app.maps import build_maps, check_use, file_maps, zip_maps
from sdseg_app.routes.access import Reader, running_app
from sdseg_app.routes.form_json import form_json
from sdseg_app.routes.uploads import IMAGES, received
from sdseg_app.security.users import User
from sdseg_app.sessions import session_image

router = APIRouter(prefix="/infer", tags=["Infer"])


class Output(StrEnum):
    """What the reply holds: the mask file, what is told about it, both as multipart, a DICOM SEG or a ZIP with maps."""

    image = "image"
    json = "json"
    all = "all"
    dicom_seg = "dicom_seg"
    uncertainty = "uncertainty"


# Not `async`: FastAPI runs it in a thread, and the server answers others meanwhile.
@router.post("/{model}", summary="Segment an image of the datastore, of a session or of the request itself")
def post_infer(
    model: str,
    user: Reader,
    image: str = "",
    session_id: str = "",
    params: Annotated[str, Form()] = "{}",
    file: Annotated[UploadFile | None, File()] = None,
    output: Output = Output.all,
) -> Response:
    """404 for an unknown model, image or session; 422 for parameters or an image that cannot be used."""
    app = running_app()
    app.check_model(model)
    wanted = InferParams.parse(form_json("params", params))
    # Only what was checked goes on: nothing in the form can replace the model, or the image by a path.
    request = {"model": model, "image": image, **wanted.as_request()}
    if wanted.save_seg or output is Output.dicom_seg:
        app.check_codes(model)
    check_use(wanted.uncertainty, wanted.save_seg, output is Output.uncertainty)
    with _source(image, session_id, file, user) as local:
        if local is None:
            result = app.infer(request)
        elif wanted.save_seg or output is Output.dicom_seg:
            raise InputError("A DICOM SEG needs an image of the datastore; name it with image=...")
        else:
            result = app.infer_file(local, request)
        mask, told = Path(result["file"]), {**result["params"], "segmentation_type": wanted.segmentation_type}
        try:
            return _reply(app.datastore(), image, mask, told, result[MEASURED], wanted.save_seg, output)
        finally:
            mask.unlink(missing_ok=True)


def _reply(
    store: Any,
    image: str,
    mask: Path,
    told: dict[str, Any],
    measured: Uncertainty | None,
    save_seg: bool,
    output: Output,
) -> Response:
    maps = build_maps(store, image, measured, told) if save_seg else []  # before anything is filed
    if output is Output.dicom_seg:
        name, content = build_result_seg(store, image, mask, told, file_too=save_seg)
        file_maps(store, maps)
        return _download(name, content, "application/dicom")
    if save_seg:
        told = {**told, "seg": file_result(store, image, mask, told), "maps": file_maps(store, maps)}
    if output is Output.uncertainty:
        return _download(f"{mask.stem}.zip", zip_maps(measured, mask, told), "application/zip")
    if output is Output.json:
        return JSONResponse(told)
    if output is Output.image:
        return _download(mask.name, mask.read_bytes(), "application/octet-stream")
    parts = {
        "params": (None, json.dumps(told), "application/json"),
        "image": (mask.name, mask.read_bytes(), "application/octet-stream"),
    }
    body = MultipartEncoder(fields=parts)
    return Response(body.to_string(), media_type=body.content_type)


def _download(name: str, content: bytes, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@contextmanager
def _source(image: str, session_id: str, file: UploadFile | None, user: User) -> Iterator[Path | None]:
    """The file or folder of an upload or a session; None for an image of the datastore."""
    if file is not None:
        with received(file, IMAGES) as path:
            yield path
    elif session_id:
        yield session_image(running_app().sessions(), session_id, user.name)
    elif image:
        yield None
    else:
        raise InputError("Say what to segment: image=<id of the datastore>, session_id=... or a file.")
