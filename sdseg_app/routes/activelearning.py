"""/activelearning: which image to label next, and giving one back."""

import time
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from monailabel.interfaces.datastore import Datastore
from pydantic import BaseModel, Field

from sdseg.errors import InputError
from sdseg_app.routes.access import Annotator, Reader, running_app
from sdseg_app.routes.form_json import JsonBody
from sdseg_app.routes.responses import Told, errors
from sdseg_app.routes.server_paths import asked_from_here
from sdseg_app.security.users import LOCAL, Role, User

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
    reserved_until: str | None = Field(
        None,
        exclude_if=lambda value: value is None,
        description="Until then nobody else is given its study, ISO 8601, UTC. For a reader nothing is reserved.",
    )


class GivenBack(BaseModel):
    """The image that others may have now."""

    image: str


@router.post("/{strategy}", summary="The next image to label; {} when nothing is left", responses=errors(404, 502, 507))
def next_sample(
    strategy: Annotated[str, InPath(max_length=200, description="A strategy, as /info/ lists it.")],
    user: Reader,
    request: Request,
    params: JsonBody | None = None,
) -> Sample:
    """Its study is reserved for who asks: the user, or on a server without users whom `client_id` in the body names.

    Whoever asks again gets another one and keeps what he has; when nothing else is left, his own come again.
    404 for an unknown strategy.
    """
    app = running_app()
    app.check_strategy(strategy)
    annotator = _annotator(user, (params or {}).get("client_id"))
    # Nothing in the body can replace what was checked.
    asked = {"strategy": strategy, "annotator": annotator, "reserve": user.role >= Role.ANNOTATOR}
    sample = app.next_sample({**(params or {}), **asked})
    if not sample:
        return Sample()
    info = app.datastore().get_image_info(sample["id"])
    _note_asked(app.datastore(), sample["id"], info, strategy, annotator)
    return Sample(**{**info, **sample, "path": _path(sample["id"]) if asked_from_here(request) else None})


@router.delete("/reservation/{image}", summary="Give an image back", responses=errors(404, 502, 507))
def give_back(
    image: Annotated[str, InPath(description="Its id.")],
    user: Annotator,
    client_id: Annotated[str, Query(description="Who was given it, on a server without users.")] = "",
) -> GivenBack:
    """Others may be given its study at once. 404 where it is not reserved for who asks."""
    running_app().give_back(image, _annotator(user, client_id))
    return GivenBack(image=image)


def _path(image: str) -> str | None:
    """None where the image cannot be a file: whoever opens it is told why, and can ask for another."""
    with suppress(InputError):
        return str(running_app().image_file(image))
    return None


def _annotator(user: User, client_id: Any) -> str:
    """The user; where there are none, whom the client names: 3D Slicer has an id in its settings."""
    return (user.name if user != LOCAL or not client_id else str(client_id))[:_LONGEST_NAME]


def _note_asked(store: Datastore, image: str, info: dict[str, Any], strategy: str, asked_by: str) -> None:
    """So that the next who asks gets another image."""
    asked = {**info.get("strategy", {}), strategy: {"ts": int(time.time()), "client_id": asked_by}}
    store.update_image_info(image, {"strategy": asked})
