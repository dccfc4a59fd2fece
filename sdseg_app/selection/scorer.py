"""Scoring images in the background: a thread that works while nobody waits for anything."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from itertools import chain, zip_longest

from sdseg.errors import DeliveryError, InputError, SdsegError
from sdseg_app.jobs.idle_thread import IdleThread
from sdseg_app.jobs.lanes import Devices
from sdseg_app.jobs.memory import MemoryShortError
from sdseg_app.jobs.quiet import Quiet
from sdseg_app.selection.image_scorer import ImageScorer, InterruptedScoringError
from sdseg_app.selection.pool import Candidate, Pool
from sdseg_app.selection.score_book import Entry
from sdseg_app.selection.selection import Selection

logger = logging.getLogger(__name__)

AHEAD = 500
"""So many images to be labelled are scored at a time, the next ones when some of them are labelled."""
_IDLE = 5.0  # seconds without inference or training before it starts
_TICK = 1.0  # seconds between two looks whether there is something to do
_AGAIN = 30.0  # seconds after which the images are looked through again
_RETRY = 600.0  # seconds after which an image that could not be fetched is tried again


class BackgroundScorer(IdleThread):
    """Scores what the weights being served have not scored yet.

    Args:
        selection: keeps the scores.
        images: gives the images as known a moment ago; may raise DeliveryError.
        devices: it takes turns on.
        quiet: knows whether anybody waits.
    """

    def __init__(self, selection: Selection, images: Callable[[], Pool], devices: Devices, quiet: Quiet) -> None:
        super().__init__("scoring", quiet)
        self._selection = selection
        self._images = images
        self._scorer = ImageScorer(selection.store, selection.model, devices, quiet)
        self._rested = ("", 0.0)  # with these weights there was nothing more to do, then
        self._later: dict[tuple[Candidate, str], float] = {}  # image and weights -> when to try again

    def _work(self) -> None:
        with self._quiet.listening():
            while not self._quiet.wait(_TICK):
                if not self._quiet.lasts(_IDLE):
                    continue
                try:
                    self._round()
                except InterruptedScoringError:
                    continue
                except (SdsegError, OSError, sqlite3.Error) as error:
                    logger.warning("Images are not scored for now: %s", error)
                    self._quiet.wait(_AGAIN)

    def _round(self) -> None:
        model = self._selection.model
        weights = model.segmenters.sha256()
        if self._rested[0] == weights and time.monotonic() < self._rested[1] + _AGAIN:
            return
        for one, noises in todo(self._images(), self._selection.scores.of(weights), model.noises):
            if self._later.get((one, weights), 0.0) > time.monotonic():
                continue
            entry = self._entry(one, noises, weights)
            if entry is not None:
                self._selection.keep(one.image, weights, entry)
        self._rested = weights, time.monotonic()

    def _entry(self, one: Candidate, noises: int, weights: str) -> Entry | None:
        """None: it may succeed later."""
        try:
            return Entry(one.stamp, noises, self._scorer.score(one.image, noises, weights))
        except (DeliveryError, MemoryShortError, OSError) as error:
            logger.warning("%s is not scored for now: %s", one.image, error)
            self._later[one, weights] = time.monotonic() + _RETRY
        except InputError as error:
            logger.warning("%s is not scored: %s", one.image, error)
            return Entry(one.stamp, noises, None, str(error))
        return None


def todo(pool: Pool, known: dict[str, Entry], noises: int) -> Iterator[tuple[Candidate, int]]:
    """What is to be scored, and over how many noises: those to be labelled and, by their embeddings alone, the
    labelled ones, in turns."""
    unsure = ((one, noises) for one in pool.open[:AHEAD] if not _is_known(one, known, noises))
    labelled = ((one, 0) for one in pool.labelled[:AHEAD] if not _is_known(one, known, 0))
    return (each for each in chain.from_iterable(zip_longest(unsure, labelled)) if each is not None)


def _is_known(one: Candidate, known: dict[str, Entry], noises: int) -> bool:
    """An image that changed is another one; over how many noises it was measured does not matter, but over none."""
    entry = known.get(one.image)
    return entry is not None and entry.stamp == one.stamp and bool(entry.noises or not noises)
