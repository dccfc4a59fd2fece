"""POST /activelearning/{strategy}: which image to label next."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from monailabel.interfaces.datastore import Datastore
from pydantic import Field

from sdseg_app.routes.access import Reader, running_app
from sdseg_app.routes.form_json import JsonBody
from sdseg_app.routes.responses import Told, errors
from sdseg_app.routes.server_paths import asked_from_here

router = APIRouter(prefix="/activelearning", tags=["ActiveLearning"])

_LONGEST_NAME = 64


class Sample(Told):
    """The next image and what is known about it; {} when nothing is left."""

    id: str | None = Field(None, exclude_if=lambda value: value is None)
    path: str | None = Field(
        None,
        exclude_if=lambda value: value is None,
        description="The image as a file, for viewers on the server's own machine; others get /datastore/image.",
    )


@router.post("/{strategy}", summary="The next image to label; {} when nothing is left", responses=errors(404, 502, 507))
def next_sample(
    strategy: Annotated[str, InPath(max_length=200, description="A strategy, as /info/ lists it.")],
    user: Reader,
    request: Request,
    params: JsonBody | None = None,
) -> Sample:
    """404 for an unknown strategy."""
    app = running_app()
    app.check_strategy(strategy)
    given = params or {}
    # A strategy in the body must not replace the checked one.
    sample = app.next_sample({**given, "strategy": strategy})
    if not sample:
        return Sample()
    info = app.datastore().get_image_info(sample["id"])
    asked_by = str(given.get("client_id") or user.name)[:_LONGEST_NAME]
    _note_asked(app.datastore(), sample["id"], info, strategy, asked_by)
    here = {"path": str(app.image_file(sample["id"]))} if asked_from_here(request) else {"path": None}
    return Sample(**{**info, **sample, **here})


def _note_asked(store: Datastore, image: str, info: dict[str, Any], strategy: str, asked_by: str) -> None:
    """So that the next who asks gets another image."""
    asked = {**info.get("strategy", {}), strategy: {"ts": int(time.time()), "client_id": asked_by}}
    store.update_image_info(image, {"strategy": asked})
