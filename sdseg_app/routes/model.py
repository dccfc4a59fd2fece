"""The weights that are served: /model/info/{model} and, as one file, /model/{model}."""

import zipfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.background import BackgroundTask

from sdseg.scratch import new_scratch_file
from sdseg_app.routes.access import Admin, Reader, running_app
from sdseg_app.routes.parameters import ModelName
from sdseg_app.routes.responses import Told, WholeFile, errors, file_reply
from sdseg_app.routes.server_paths import hide_all_paths

router = APIRouter(prefix="/model", tags=["Model"])


class ModelInfo(Told):
    """`checksum` is SHA256: and the hash over weights and model card, as every result names it."""

    checksum: str
    name: str
    train_stats: dict[str, Any]


@router.get("/info/{model}", summary="Hash and statistics of a model's weights", responses=errors(404, 503))
def get_model_info(model: ModelName, user: Reader) -> ModelInfo:
    """404 for an unknown model."""
    return ModelInfo(**hide_all_paths(running_app().model_info(model)))


@router.get(
    "/{model}",
    summary="The weights as a ZIP file",
    response_class=Response,
    responses=errors(404, 503, 507) | file_reply("application/zip"),
)
def get_model(model: ModelName, user: Admin) -> WholeFile:
    """A weights folder as `sdseg` takes it. Weights are replaced by training or at the start, never over HTTP."""
    app = running_app()
    app.check_model(model)
    path = _zip(app.models[model].choice.folder())
    gone = BackgroundTask(path.unlink, missing_ok=True)
    return WholeFile(path, media_type="application/zip", filename=f"{model}.zip", background=gone)


def _zip(folder: Path) -> Path:
    """A temporary file with all of a folder, below the folder's name; weights do not shrink, so nothing is packed."""
    path = new_scratch_file(".zip")
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                archive.write(file, Path(folder.name) / file.relative_to(folder))
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path
