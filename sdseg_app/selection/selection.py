"""Giving images to those who ask, each to one at a time."""

import time
from datetime import UTC, datetime
from typing import Any

from sdseg.corrections.book import LabelBook
from sdseg.errors import WeightsError
from sdseg_app.labels.uncertainty import Measured, info_of, uncertainty_of
from sdseg_app.selection.image_scorer import ScoringModel
from sdseg_app.selection.pool import Pool, pool_of
from sdseg_app.selection.reservations import Reservation, Reservations
from sdseg_app.selection.score_book import Entry, ScoreBook
from sdseg_app.selection.strategies import Choice, Known, Ordered, Scores, by_information
from sdseg_app.served.models import is_random
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.kinds import LabelDatastore

_EARLIER = 2  # weights whose scores still count where those being served have made none


class Selection:
    """The images of one datastore.

    Args:
        store: the datastore, of one of our two kinds.
        minutes: for how long an image is reserved.
        model: by whose scores images are chosen.
    """

    def __init__(self, store: LabelDatastore, minutes: float, model: ScoringModel) -> None:
        self.store = store
        self.model = model
        self._minutes = minutes
        self.reservations = Reservations(store.home / "labels.db")
        self.scores = ScoreBook(store.home / "scores.db")

    def next(self, strategy: Ordered, annotator: str, reserve: bool) -> dict[str, Any] | None:
        """The image that `annotator` is to label; None when nothing is left for him. Raises DeliveryError.

        Without `reserve` another may be given the same.
        """
        pool = pool_of(self.store)
        choices = {choice.candidate.image: choice for choice in strategy.order(self._known(pool))}
        order = [choice.candidate for choice in choices.values()]
        taken = self.reservations.take(annotator, order, pool, self._minutes if reserve else 0)
        if taken is None:
            return None
        choice = choices[taken.image]
        until = datetime.fromtimestamp(taken.until, UTC).isoformat(timespec="seconds") if reserve else None
        return {"id": taken.image, "weight": choice.weight, "reserved_until": until, **choice.told}

    def held(self, pool: Pool) -> list[Reservation]:
        """What keeps a study from others now."""
        return [one for one in self.reservations.valid() if one.holds(pool)]

    def ranked(self, pool: Pool) -> list[Choice]:
        """The images with a score in the order of the strategy sdseg_uncertainty."""
        return by_information(self._known(pool))

    def keep(self, image: str, weights: str, entry: Entry) -> None:
        """A score of an image by the weights of this SHA-256; in an archive it is told in the list of images too."""
        self.scores.put(image, weights, entry)
        # MONAI Label's own store would write the list of all its images anew for each of them.
        if isinstance(self.store, ArchiveDatastore) and entry.score and entry.noises and self._draws_noise():
            self._tell(self.store.labels.book, image, weights, entry.score.uncertainty, entry.noises)

    def _tell(self, book: LabelBook, image: str, weights: str, uncertainty: float | None, noises: int) -> None:
        """Unless somebody asked for it, on the image's own grid."""
        if not uncertainty_of(book.image_info(image), {self.model.name: weights}):
            measured = Measured(value=uncertainty, noises=noises, weights_sha256=weights, measured=time.time())
            book.add_image_info(image, info_of(self.model.name, measured))

    def _draws_noise(self) -> bool:
        return is_random(self.model.segmenters.card())

    def _known(self, pool: Pool) -> Known:
        busy = frozenset(one.image for one in self.held(pool))
        return Known(pool, self.reservations.last_given(), busy, self._scores)

    def _scores(self) -> list[Scores]:
        try:
            now = self.model.segmenters.sha256()
        except WeightsError:  # nothing can be segmented just now, but images can be given away
            now = ""
        made_by = (now, *self.scores.others(now)[:_EARLIER])
        every = [self.scores.of(weights).items() for weights in made_by]
        return [{image: entry.score for image, entry in entries if entry.score is not None} for entries in every]
