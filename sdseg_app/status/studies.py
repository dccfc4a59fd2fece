"""The images for the status page: what the archive last told, and what the label book knows now."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from monailabel.interfaces.datastore import Datastore

from sdseg.corrections.book import LabelRecord
from sdseg.corrections.review_book import Review
from sdseg.corrections.store import FINAL, LabelStore
from sdseg.errors import DeliveryError
from sdseg.pacs.folder_client import FolderClient
from sdseg.pacs.search import SeriesKey
from sdseg_app.labels.uncertainty import uncertainty_of
from sdseg_app.status.shapes import ArchiveStatus, LabelStatus, ReviewStatus, StudyStatus
from sdseg_app.status.times import iso_time
from sdseg_app.stores.datastore import ArchiveDatastore

Kind = Literal["folder", "dicomweb", "files"]


def archive_kind(store: Datastore) -> Kind:
    """Where the images are, see `ServerStatus`."""
    if not isinstance(store, ArchiveDatastore):
        return "files"
    return "folder" if isinstance(store.archive, FolderClient) else "dicomweb"


def studies_status(
    store: Datastore, series: Callable[[], list[SeriesKey]], weights: Mapping[str, str]
) -> tuple[ArchiveStatus, list[StudyStatus]]:
    """All images, the latest worked on first, then by date, the youngest first, and their counts.

    Args:
        store: the datastore.
        series: what its archive holds, as known a moment ago; may raise DeliveryError.
        weights: model -> SHA-256 of what it serves now; uncertainty measured with others does not count.
    """
    trouble = ""
    images: list[StudyStatus] = []
    try:
        if isinstance(store, ArchiveDatastore):
            images = _of_archive(series(), store.labels, weights)
        else:
            images = _of_files(store.json()["objects"], weights)
    except DeliveryError as error:
        trouble = str(error)
    images.sort(key=_last_work, reverse=True)
    archive = ArchiveStatus(
        total=len(images),
        labelled=sum(FINAL in one.labels for one in images),
        known=not trouble,
        trouble=trouble,
    )
    return archive, images


def _of_archive(series: Iterable[SeriesKey], labels: LabelStore, weights: Mapping[str, str]) -> list[StudyStatus]:
    records: dict[str, dict[str, LabelRecord]] = {}
    for record in labels.book.current():
        records.setdefault(record.image, {})[record.tag] = record
    infos, reviews = labels.book.images(), labels.reviews.current()
    found = []
    for key in series:
        known = records.get(key.series_uid, {})
        found.append(
            _study(
                infos.get(key.series_uid, {}),
                weights,
                image=key.series_uid,
                study=key.study_uid,
                modality=key.modality,
                date=_date(key.study_date),
                images=key.images,
                labels={tag: _label(record.info, record.saved) for tag, record in known.items()},
                review=_review(reviews.get(key.series_uid), known.get(FINAL)),
            )
        )
    return found


def _of_files(objects: Mapping[str, Any], weights: Mapping[str, str]) -> list[StudyStatus]:
    found = []
    for image, known in objects.items():
        labels = {tag: _label(label["info"], label["info"].get("ts", 0)) for tag, label in known["labels"].items()}
        info = known["image"]["info"]
        found.append(_study(info, weights, image=image, modality=_word(info.get("modality")), labels=labels))
    return found


def _study(info: Mapping[str, Any], weights: Mapping[str, str], **about: Any) -> StudyStatus:
    measured = uncertainty_of(info, weights)
    values = [one.value for one in measured.values()]
    return StudyStatus(
        **about,
        uncertainty=values[0] if values else None,
        uncertainties=measured,
    )


def _label(info: Mapping[str, Any], saved: Any) -> LabelStatus:
    values = info.get("label_values")
    return LabelStatus(
        saved=iso_time(saved),
        by=_word(info.get("user")),
        structures=sorted(values, key=values.__getitem__) if isinstance(values, dict) else [],
        from_archive=info.get("from_archive") is True,
    )


def _review(review: Review | None, final: LabelRecord | None) -> ReviewStatus | None:
    """A verdict about an earlier label is none about this one."""
    if review is None or (review.verdict and review.label != (final.sha256 if final else "")):
        return None
    return ReviewStatus(verdict=review.verdict, training=review.training, by=review.by, at=iso_time(review.made))


def _last_work(study: StudyStatus) -> tuple[str, str]:
    times = [label.saved for label in study.labels.values()]
    times += [iso_time(one.measured) for one in study.uncertainties.values()]
    times += [study.review.at] if study.review else []
    return max(times, default=""), study.date


def _date(value: str) -> str:
    """YYYY-MM-DD of a DICOM date (DA, PS3.5 6.2); '' for anything else."""
    return f"{value[:4]}-{value[4:6]}-{value[6:]}" if len(value) == 8 and value.isdecimal() else ""


def _word(value: Any) -> str:
    return value[:80] if isinstance(value, str) else ""
