"""/review/{image}: what an annotator decides about the result and the label of an image."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from sdseg.corrections.review_book import Review
from sdseg_app.routes.access import Annotator, Reader, running_app
from sdseg_app.routes.responses import errors
from sdseg_app.stores.kinds import LabelDatastore, with_labels
from sdseg_app.stores.review import decide, filed_segmentation, last_uncertainty, review_of

router = APIRouter(prefix="/review", tags=["Review"])


class _Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid")


_WHOSE = Field(None, max_length=200, description="Whose label is meant; without this key the latest.")


class Accepted(_Verdict):
    """The final label is right, in all slices; one that was withdrawn counts again."""

    verdict: Literal["accept"]
    annotator: str | None = _WHOSE
    use: bool | None = Field(None, description="Whether it may be trained on; without this key as before.")


class Rejected(_Verdict):
    """The result, or the final label, is wrong: it is not trained on."""

    verdict: Literal["reject"]
    annotator: str | None = _WHOSE
    reason: str = Field(min_length=1, max_length=500, pattern=r"\S", description="What is wrong; no patient's data.")


class Training(_Verdict):
    """Whether labels of this image may be trained on, whatever the verdict about them."""

    verdict: Literal["training"]
    use: bool = Field(strict=True)


Verdict = Annotated[Accepted | Rejected | Training, Field(discriminator="verdict"), Body()]


class Segmentation(BaseModel):
    """UIDs of the DICOM SEG of the final label in the archive."""

    study: str
    series: str
    instance: str


class ReviewReply(BaseModel):
    """The latest decision about an image."""

    image: str
    verdict: Literal["accept", "reject"] | None = Field(description="null until somebody decided.")
    reason: str = Field(description="Of a rejection.")
    training: bool = Field(description="Whether a label of the image may be trained on.")
    user: str | None
    time: str | None = Field(description="When it was decided, ISO 8601, UTC.")
    weights: str | None = Field(description="SHA-256 of the weights that had last segmented the image then.")
    segmentation: Segmentation | None
    uncertainty: float | None = Field(
        description="Of the result of the last inference, if it was measured: 1 - mean Dice between several noises."
    )


@router.get("/{image}", summary="What was decided about an image", responses=errors(404, 502))
def get_review(image: str, user: Reader) -> ReviewReply:
    """404 for an unknown image."""
    store = with_labels(running_app().datastore())
    return _reply(store, review_of(store, image))


@router.post("/{image}", summary="Decide about an image", responses=errors(404, 502, 507))
def post_review(image: str, verdict: Verdict, user: Annotator) -> ReviewReply:
    """Keep a decision; the same one again changes nothing.

    404 for an unknown image or annotator; 422 for something else than a verdict, and to accept an image without a
    final label. A label that was rejected is not trained on until it is accepted.
    """
    store = with_labels(running_app().datastore())
    match verdict:
        case Accepted():
            review = decide(store, image, user.name, verdict.verdict, training=verdict.use, annotator=verdict.annotator)
        case Rejected():
            reason = verdict.reason.strip()
            review = decide(store, image, user.name, verdict.verdict, reason=reason, annotator=verdict.annotator)
        case Training():
            review = decide(store, image, user.name, training=verdict.use)
    return _reply(store, review)


def _reply(store: LabelDatastore, review: Review) -> ReviewReply:
    filed = filed_segmentation(store, review.image)
    return ReviewReply(
        image=review.image,
        verdict=review.verdict or None,
        reason=review.reason,
        training=review.training,
        user=review.by or None,
        time=datetime.fromtimestamp(review.made, UTC).isoformat(timespec="seconds") if review.made else None,
        weights=review.weights or None,
        segmentation=Segmentation(**filed) if filed else None,
        uncertainty=last_uncertainty(store, review.image, running_app().options.models),
    )
