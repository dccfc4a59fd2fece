"""Who labelled how much, and who is on what."""

from collections.abc import Iterable

from monailabel.interfaces.datastore import Datastore

from sdseg.corrections.store import FINAL
from sdseg_app.selection.reservations import Reservation
from sdseg_app.status.shapes import AnnotatorStatus, ReservationStatus
from sdseg_app.status.times import iso_time
from sdseg_app.stores.kinds import with_labels


def annotators_status(store: Datastore) -> list[AnnotatorStatus]:
    """Each annotator's final labels that count, who has most first."""
    found: dict[str, list[float]] = {}
    for record in with_labels(store).labels.book.by_annotator():
        if record.tag == FINAL:
            found.setdefault(record.annotator, []).append(record.saved)
    counted = [
        AnnotatorStatus(annotator=annotator, images=len(times), last=iso_time(max(times)))
        for annotator, times in found.items()
    ]
    return sorted(counted, key=lambda one: (-one.images, one.annotator))


def reservations_status(held: Iterable[Reservation]) -> list[ReservationStatus]:
    """The first to expire first."""
    return [
        ReservationStatus(image=one.image, annotator=one.annotator, until=iso_time(one.until))
        for one in sorted(held, key=lambda one: one.until)
    ]
