"""Deciding about the result and the label of an image."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

from monailabel.interfaces.datastore import Datastore

from sdseg.corrections.review_book import ACCEPT, REJECT, Review
from sdseg.corrections.store import FINAL
from sdseg.errors import InputError
from sdseg_app.labels.saving import INFERENCE
from sdseg_app.labels.uncertainty import uncertainty_of
from sdseg_app.stores.datastore import ArchiveDatastore


def reviewed_store(store: Datastore) -> ArchiveDatastore:
    """Raises InputError: reviews are kept with the labels of a DICOM archive."""
    if not isinstance(store, ArchiveDatastore):
        raise InputError("Reviews need an archive of DICOM series, and the studies of this server are none.")
    return store


def review_of(store: ArchiveDatastore, image: str) -> Review:
    """The latest decision about an image. Raises UnknownNameError: there is no such image; DeliveryError."""
    store.get_image_info(image)
    return store.labels.reviews.find(image)


def decide(
    store: ArchiveDatastore,
    image: str,
    user: str,
    verdict: Literal["accept", "reject"] | None = None,
    reason: str = "",
    training: bool | None = None,
) -> Review:
    """Keep a decision. What is None stays as it was; a new verdict replaces the old one and its reason.

    The same decision again changes nothing. Raises UnknownNameError: there is no such image; InputError: nothing is
    there to accept; DeliveryError.
    """
    before = review_of(store, image)
    label = store.labels.book.find(image, FINAL)
    if verdict == ACCEPT and label is None:
        raise InputError("There is no final label of this image to accept; save one first.")
    after = replace(before, by=user, training=before.training if training is None else training)
    if verdict is not None:
        after = replace(
            after,
            verdict=verdict,
            reason=reason if verdict == REJECT else "",
            label=label.sha256 if label else "",
            weights=_weights(store, image),
        )
    return store.labels.reviews.add(after)


def filed_segmentation(store: ArchiveDatastore, image: str) -> dict[str, str] | None:
    """UIDs of the DICOM SEG of the final label: study, series, instance; None where there is none."""
    label = store.labels.book.find(image, FINAL)
    filed: dict[str, Any] = label.info.get("dicom_seg", {}) if label else {}
    return {key: str(filed[key]) for key in ("study", "series", "instance")} if filed else None


def last_uncertainty(store: ArchiveDatastore, image: str, models: Iterable[str]) -> float | None:
    """Of the last inference on an image; None where it was not measured with the same weights."""
    info = store.labels.book.image_info(image)
    measured = uncertainty_of(info, dict.fromkeys(models, _weights(store, image)))
    return next((one.value for one in measured.values()), None)


def _weights(store: ArchiveDatastore, image: str) -> str:
    facts = store.labels.book.image_info(image).get(INFERENCE) or {}
    return str(facts.get("weights_sha256", ""))
