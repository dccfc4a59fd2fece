"""The labelled images of an archive, fetched."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from sdseg.corrections.material import LabelledImage, Tell
from sdseg.corrections.patients import patient_of
from sdseg.corrections.store import LabelStore
from sdseg.errors import InputError
from sdseg.pacs.archive import Archive
from sdseg.pacs.fetch import fetch_series
from sdseg.pacs.search import SeriesKey


def images_of_archive(
    archive: Archive, series: Iterable[SeriesKey], store: LabelStore, tell: Tell
) -> Iterator[LabelledImage]:
    """Those of `series` with a label that may be learnt from; a label of a series that is gone waits for it.

    Raises:
        DeliveryError: the archive does not answer.
    """
    there = {key.series_uid: key for key in series}
    for image, labels in store.training_labels().items():
        if image not in there:
            tell(f"The label of the image {image} is left out of training: the image is no longer in the archive.")
            continue
        folder = fetch_series(archive, there[image], images_folder(store.home))
        try:
            patient = patient_of(folder)
        except InputError as error:
            tell(f"The label of the image {image} is left out of training: {error}")
            continue
        if patient is not None:
            yield LabelledImage(image, folder, patient, labels)


def images_folder(home: Path) -> Path:
    """Where a datastore keeps the series that it fetched."""
    return home / "images"
