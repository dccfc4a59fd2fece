"""The images among which to choose: those without a final label, and those whose label was rejected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sdseg.corrections.review_book import REJECT
from sdseg.corrections.store import FINAL, LabelStore
from sdseg.pacs.search import SeriesKey
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.kinds import LabelDatastore
from sdseg_app.stores.local_store import LocalImageStore


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


def pool_of(store: LabelDatastore, series: list[SeriesKey] | None = None) -> Pool:
    """The images of a store.

    Args:
        store: the datastore.
        series: what its archive holds, as known a moment ago; without it the archive is asked, also for labels that
            came to it another way.

    Raises DeliveryError.
    """
    if isinstance(store, ArchiveDatastore):
        every = _series(store.look() if series is None else series)
        with_label = store.labels.finished()
    else:
        every = list(_files(store))
        with_label = set(store.get_labeled_images())
    done = with_label - _all_rejected(store.labels)
    ordered = sorted(every, key=lambda one: (one.study, one.image))
    decided = store.labels.reviews.current()
    return Pool(
        open=tuple(one for one in ordered if one.image not in done),
        labelled=tuple(one for one in ordered if one.image in done),
        rejected={image: review.made for image, review in decided.items() if review.verdict == REJECT},
    )


def _all_rejected(labels: LabelStore) -> set[str]:
    """The images of whose final labels, one of each annotator, every single one was rejected."""
    verdicts = labels.reviews.verdicts()
    rejected: dict[str, bool] = {}
    for one in labels.book.by_annotator():
        if one.tag == FINAL:
            rejected[one.image] = rejected.get(one.image, True) and verdicts.get((one.image, one.sha256)) == REJECT
    return {image for image, all_of_them in rejected.items() if all_of_them}


def _series(keys: list[SeriesKey]) -> list[Candidate]:
    return [Candidate(key.series_uid, key.study_uid, "" if key.images is None else str(key.images)) for key in keys]


def _files(store: LocalImageStore) -> Iterator[Candidate]:
    for image in store.list_images():
        try:
            status = Path(store.get_image_uri(image)).stat()
        except OSError:  # it just went
            continue
        yield Candidate(image, image, f"{status.st_size}-{status.st_mtime_ns}")
