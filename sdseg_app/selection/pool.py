"""The images among which to choose: those without a final label, and those whose label was rejected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sdseg.corrections.review_book import REJECT, Review
from sdseg.corrections.store import FINAL
from sdseg.pacs.search import SeriesKey
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.local_store import LocalImageStore

OurDatastore = ArchiveDatastore | LocalImageStore


@dataclass(frozen=True)
class Candidate:
    """An image.

    Attributes:
        image: its id.
        study: what it is given away together with: StudyInstanceUID; of a volume file or picture its own id.
        stamp: another one when the image changed: how many instances the archive tells of the series, or time and size
            of the file; "" where the archive does not tell.
    """

    image: str
    study: str
    stamp: str = ""


@dataclass(frozen=True)
class Pool:
    """All images at one moment.

    Attributes:
        open: to be labelled, sorted by study and image.
        labelled: the others, likewise.
        rejected: image -> when its result or label was last rejected, in seconds since the epoch.
    """

    open: tuple[Candidate, ...]
    labelled: tuple[Candidate, ...] = ()
    rejected: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def open_images(self) -> frozenset[str]:
        """The ids of those to be labelled."""
        return frozenset(one.image for one in self.open)


def pool_of(store: OurDatastore, series: list[SeriesKey] | None = None) -> Pool:
    """The images of a store.

    Args:
        store: the datastore.
        series: what its archive holds, as known a moment ago; without it the archive is asked, also for labels that
            came to it another way.

    Raises DeliveryError.
    """
    if isinstance(store, ArchiveDatastore):
        return _of_archive(store, store.look() if series is None else series)
    unlabelled = set(store.get_unlabeled_images())
    every = sorted(_files(store), key=lambda one: (one.study, one.image))
    return Pool(
        open=tuple(one for one in every if one.image in unlabelled),
        labelled=tuple(one for one in every if one.image not in unlabelled),
    )


def _of_archive(store: ArchiveDatastore, series: list[SeriesKey]) -> Pool:
    finals = {record.image: record.sha256 for record in store.labels.book.current() if record.tag == FINAL}
    rejections = {image: one for image, one in store.labels.reviews.current().items() if one.verdict == REJECT}
    done = {image for image, sha256 in finals.items() if not _is_rejected(rejections.get(image), sha256)}
    every = [
        Candidate(key.series_uid, key.study_uid, "" if key.images is None else str(key.images))
        for key in sorted(series, key=lambda key: (key.study_uid, key.series_uid))
    ]
    return Pool(
        open=tuple(one for one in every if one.image not in done),
        labelled=tuple(one for one in every if one.image in done),
        rejected={image: one.made for image, one in rejections.items()},
    )


def _is_rejected(review: Review | None, label_sha256: str) -> bool:
    """Whether it is this label that was rejected: a verdict about an earlier one is none about it."""
    return review is not None and review.label == label_sha256


def _files(store: LocalImageStore) -> Iterator[Candidate]:
    for image in store.list_images():
        try:
            status = Path(store.get_image_uri(image)).stat()
        except OSError:  # it just went
            continue
        yield Candidate(image, image, f"{status.st_size}-{status.st_mtime_ns}")
