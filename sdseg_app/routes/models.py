"""/models: the weights that were trained for each served model, and which of them are served."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from sdseg.errors import InputError
from sdseg.registry.entry import BASE
from sdseg.registry.made_by import segmentations_by
from sdseg.registry.registry import ModelRegistry
from sdseg_app.routes.access import Admin, Reader, running_app
from sdseg_app.routes.parameters import ModelName
from sdseg_app.routes.responses import errors
from sdseg_app.routes.server_paths import hide_all_paths
from sdseg_app.stores.datastore import ArchiveDatastore

router = APIRouter(prefix="/models", tags=["Model"])

_NAME = Field(max_length=64, description='The beginning of the SHA-256, or "base".')
_REASON = Field("", max_length=500, description="Kept in the history; never write of a patient.")


class WeightsEntry(BaseModel):
    """Weights and what became of them."""

    sha256: str
    name: str = Field(description='The first 16 digits of it; "base" for what is served before anything is trained.')
    state: str = Field(description="champion, challenger, retired, withdrawn or damaged.")
    parent: str | None = Field(description="SHA-256 of the weights that they were trained from.")
    made: str
    promoted: str | None = Field(description="When they were promoted last.")
    judgement: dict[str, Any] | None = Field(description="The comparison with the champion of that time.")
    facts: dict[str, Any]
    note: str = Field(description="Why they were withdrawn, or what is wrong with them.")


class ServedModel(BaseModel):
    """A served model and its weights."""

    model: str
    champion: str = Field(description="Name of the weights that are to be served.")
    served: str = Field(description="Name of those that are served: others where the champion is damaged.")
    served_sha256: str
    state: str = Field(description="A sentence where something is wrong; empty when all is well.")
    entries: list[WeightsEntry] = Field(description="The newest first, at last the base.")


class Change(BaseModel):
    """Why it is done."""

    reason: str = _REASON


class NamedChange(Change):
    """Which weights, and why."""

    name: str = _NAME


class Promotion(NamedChange):
    """Which weights, and why."""

    again: bool = Field(False, description="Also where they were withdrawn.")


class Segmentation(BaseModel):
    """A DICOM SEG in the archive."""

    study_uid: str
    series_uid: str
    sop_uid: str
    made: str
    weights_sha256: str
    edited: bool = Field(description="Whether a person changed it.")
    structures: list[str]


Weights = Annotated[
    str,
    Query(min_length=1, max_length=64, description='The beginning of the SHA-256, at least 8 digits of it; or "base".'),
]


@router.get("/", summary="Which weights are served", responses=errors(503))
def get_models(user: Reader) -> list[ServedModel]:
    """Of every served model."""
    return [_served(name, model.choice.registry) for name, model in running_app().models.items()]


@router.get("/{model}", summary="All weights of a model, with judgements", responses=errors(404, 503))
def get_model_weights(model: ModelName, user: Reader) -> ServedModel:
    """404 for an unknown model."""
    return _served(model, _registry(model))


@router.post(
    "/{model}/promote", summary="Serve these weights from now on", responses=errors(404, 409, 503, 507)
)  # fmt: skip
def promote(model: ModelName, user: Admin, change: Promotion) -> ServedModel:
    """Whatever a judgement says. 404 for unknown weights; 409 where they are damaged, of another kind, or withdrawn
    and `again` is not said."""
    registry = _registry(model)
    try:
        registry.promote(registry.find(change.name).name, user.name, change.reason, although_withdrawn=change.again)
    except InputError as error:
        raise _conflict(error) from None
    return _served(model, registry)


@router.post("/{model}/rollback", summary="Serve the weights before these again", responses=errors(404, 409, 503, 507))
def rollback(model: ModelName, user: Admin, change: Change | None = None) -> ServedModel:
    """At last the base; 409 where that is served already."""
    registry = _registry(model)
    try:
        registry.rollback(user.name, change.reason if change else "")
    except InputError as error:
        raise _conflict(error) from None
    return _served(model, registry)


@router.post("/{model}/withdraw", summary="Never serve these weights again", responses=errors(404, 409, 503, 507))
def withdraw(model: ModelName, user: Admin, change: NamedChange) -> ServedModel:
    """A champion is rolled back first; nothing is deleted. 409 for the base."""
    registry = _registry(model)
    try:
        registry.withdraw(registry.find(change.name).name, user.name, change.reason)
    except InputError as error:
        raise _conflict(error) from None
    return _served(model, registry)


@router.get(
    "/{model}/segmentations", summary="The DICOM SEGs that some weights made", responses=errors(404, 502, 503, 504)
)
def get_segmentations(model: ModelName, user: Reader, weights: Weights) -> list[Segmentation]:
    """Also those that a person edited. The weights need not be known here; 422 where the studies are no archive."""
    registry = _registry(model)
    store = running_app().datastore()
    if not isinstance(store, ArchiveDatastore):
        raise InputError("The studies here are no DICOM archive, so no SEG is filed there.")
    wanted = registry.find(BASE).sha256 if weights == BASE else weights
    return [Segmentation(**each.to_dict()) for each in segmentations_by(store.archive, wanted)]


def _registry(model: str) -> ModelRegistry:
    """Raises UnknownNameError."""
    app = running_app()
    app.check_model(model)
    return app.models[model].choice.registry


def _served(model: str, registry: ModelRegistry) -> ServedModel:
    served = registry.served()
    told = {
        "model": model,
        "champion": registry.champion().name,
        "served": served.name,
        "served_sha256": served.sha256,
        "state": registry.state(),
        "entries": [entry.to_dict() for entry in registry.entries()],
    }
    return ServedModel(**hide_all_paths(told))


def _conflict(error: Exception) -> HTTPException:
    return HTTPException(409, str(error))
