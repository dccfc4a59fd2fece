"""Deciding about the result and the label of an image."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

from sdseg.corrections.book import LabelRecord
from sdseg.corrections.review_book import ACCEPT, REJECT, Review
from sdseg.corrections.store import FINAL
from sdseg.errors import InputError, UnknownNameError
from sdseg_app.labels.saving import INFERENCE
from sdseg_app.labels.uncertainty import uncertainty_of
from sdseg_app.stores.kinds import LabelDatastore


def review_of(store: LabelDatastore, image: str) -> Review:
    """The latest decision about an image. Raises UnknownNameError: there is no such image; DeliveryError."""
    store.get_image_info(image)
    return store.labels.reviews.find(image)


def decide(
    store: LabelDatastore,
    image: str,
    user: str,
    verdict: Literal["accept", "reject"] | None = None,
    reason: str = "",
    training: bool | None = None,
    annotator: str | None = None,
) -> Review:
    """Keep a decision. What is None stays as it was; a new verdict replaces the old one and its reason.

    A verdict is about the label of `annotator`, without one about the latest. A label that was withdrawn and is
    accepted counts again. The same decision again changes nothing.

    Raises:
        UnknownNameError: there is no such image, or no label of this annotator.
        InputError: nothing is there to accept.
        DeliveryError: the archive does not answer.
    """
    before = review_of(store, image)
    after = replace(before, by=user, training=before.training if training is None else training)
    if verdict is not None:
        label = _label(store, image, verdict, annotator)
        after = replace(
            after,
            verdict=verdict,
            reason=reason if verdict == REJECT else "",
            label=label.sha256 if label else "",
            weights=_weights(store, image),
        )
    return store.labels.reviews.add(after)


def _label(store: LabelDatastore, image: str, verdict: str, annotator: str | None) -> LabelRecord | None:
    """What the verdict is about; None for a result of which there is no label."""
    store.annotators_labels(image)  # a SEG that came to the archive a moment ago is its label already
    if verdict == ACCEPT and store.labels.book.restore(image, FINAL, annotator):
        store.show_current(image, FINAL)
    label = store.labels.book.find(image, FINAL, annotator)
    if label is None and annotator is not None:
        raise UnknownNameError(f"There is no final label of this image by {annotator[:80]!r}; ask for the list.")
    if label is None and verdict == ACCEPT:
        raise InputError("There is no final label of this image to accept; save one first.")
    return label


def filed_segmentation(store: LabelDatastore, image: str) -> dict[str, str] | None:
    """UIDs of the DICOM SEG of the final label: study, series, instance; None where there is none."""
    label = store.labels.book.find(image, FINAL)
    filed: dict[str, Any] = label.info.get("dicom_seg", {}) if label else {}
    return {key: str(filed[key]) for key in ("study", "series", "instance")} if filed else None


def last_uncertainty(store: LabelDatastore, image: str, models: Iterable[str]) -> float | None:
    """Of the last inference on an image; None where it was not measured with the same weights."""
    info = store.get_image_info(image)
    measured = uncertainty_of(info, dict.fromkeys(models, _weights(store, image)))
    return next((one.value for one in measured.values()), None)


def _weights(store: LabelDatastore, image: str) -> str:
    facts = store.get_image_info(image).get(INFERENCE) or {}
    return str(facts.get("weights_sha256", ""))
