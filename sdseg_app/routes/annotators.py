"""Whose a label is, as requests and answers tell it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from sdseg.corrections.slices import KEY
from sdseg_app.security.users import LOCAL, User
from sdseg_app.stores.kinds import LabelDatastore

Whose = Annotated[
    str | None,
    Query(max_length=200, description="Whose label, as /datastore/label/annotators names them; default: the latest."),
]


class AnnotatorsLabel(BaseModel):
    """One annotator's current label of an image."""

    annotator: str = Field(description="Name of the user, or ContentCreatorName of a SEG; empty where nobody knows.")
    tag: str
    saved: str = Field(description="ISO 8601, UTC; empty where nobody knows.")
    sha256: str = Field(description="Of the mask and the names of its values.")
    counts: bool = Field(description="Whether it is the latest, which stands for the label of the image elsewhere.")
    structures: dict[str, int] = Field(description="Name -> value.")
    labelled_slices: Literal["all"] | list[int] | None = Field(
        description="Which slices it speaks of, counted from 0 along the slice axis of the image; null: those it marks."
    )
    edited: dict[str, Any] | None = Field(
        description="What was changed in the prediction it began from: weights_sha256, seed, voxels, slices."
    )
    verdict: Literal["accept", "reject"] | None = Field(description="Of the last review of this label.")


def annotator_of(user: User) -> str:
    """The name under which his labels are kept; whoever asks a server without users is nobody in particular."""
    return "" if user == LOCAL else user.name


def annotators_labels(store: LabelDatastore, image: str) -> list[AnnotatorsLabel]:
    """Raises UnknownNameError, DeliveryError."""
    verdicts = store.labels.reviews.verdicts()
    seen: set[str] = set()
    told = []
    for record in store.annotators_labels(image):
        told.append(
            AnnotatorsLabel(
                annotator=record.annotator,
                tag=record.tag,
                saved=datetime.fromtimestamp(record.saved, UTC).isoformat(timespec="seconds") if record.saved else "",
                sha256=record.sha256,
                counts=record.tag not in seen,
                structures=record.info.get("label_values") or store.model_labels(),
                labelled_slices=record.info.get(KEY),
                edited=record.info.get("edited"),
                verdict=verdicts.get((record.image, record.sha256)),
            )
        )
        seen.add(record.tag)
    return told
