"""Scoring one image of the datastore, one step of the model at a time, while nobody else wants the device."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from monailabel.interfaces.datastore import Datastore

from sdseg.corrections.archive_images import images_folder
from sdseg.pacs.fetch import fetch_series
from sdseg.pacs.folder_client import FolderClient
from sdseg.pacs.search import find_image_series
from sdseg.scratch import scratch_folder
from sdseg.selection import Score, score_image
from sdseg_app.jobs.lanes import Devices, Idle
from sdseg_app.jobs.memory import enough_memory, release
from sdseg_app.jobs.quiet import Quiet
from sdseg_app.served.segmenters import Segmenters
from sdseg_app.stores.datastore import ArchiveDatastore

_MOMENT = 0.01  # seconds in which whoever waits for the device gets it
_PAUSE = 0.25  # seconds between two looks whether it is free again


class InterruptedScoringError(Exception):
    """The server ends, or the memory is needed for something else: the image is scored another time."""


@dataclass(frozen=True)
class ScoringModel:
    """What scores: a served model under its name, where it runs, and over how many noises it is asked."""

    name: str
    segmenters: Segmenters
    device: str
    noises: int


class ImageScorer:
    """Args: store: of the images; model: scores them; devices: it takes turns on; quiet: knows when."""

    def __init__(self, store: Datastore, model: ScoringModel, devices: Devices, quiet: Quiet) -> None:
        self._store = store
        self._model = model
        self._devices = devices
        self._quiet = quiet

    def score(self, image: str, noises: int, weights: str) -> Score:
        """By the weights of this SHA-256.

        Raises SdsegError, OSError; InterruptedScoringError when other weights are served meanwhile.
        """
        name, segmenters, device = self._model.name, self._model.segmenters, self._model.device
        with _file_of(self._store, image) as file, self._devices.idle(device) as turn:
            pace = _Pace(turn, self._quiet, name, lambda: segmenters.sha256() == weights)
            with enough_memory(device, release):
                pace.wait()
                segmenter = segmenters.get(device)
                turn.let_go()
                if segmenter.weights_sha256 != weights:
                    raise InterruptedScoringError
                return score_image(segmenter, file, noises, progress=pace)


class _Pace:
    """Called between two steps of the model: `Progress`."""

    def __init__(self, turn: Idle, quiet: Quiet, model: str, is_served: Callable[[], bool]) -> None:
        self._turn = turn
        self._quiet = quiet
        self._model = model
        self._is_served = is_served

    def __call__(self, done: int, of: int) -> None:
        self._turn.let_go()
        if done < of:
            self.wait()

    def wait(self) -> None:
        """Until nobody else wants the device. Raises InterruptedScoringError."""
        pause = _MOMENT
        while not self._has_turn(pause):
            pause = _PAUSE
        if pause == _PAUSE and not self._is_served():
            raise InterruptedScoringError

    def _has_turn(self, pause: float) -> bool:
        if self._quiet.wait(pause) or self._quiet.wants_other(self._model):
            raise InterruptedScoringError
        return self._quiet.is_now() and self._turn.take()


@contextmanager
def _file_of(store: Datastore, image: str) -> Iterator[Path]:
    """What is not here yet is fetched for this moment only: an archive holds more than this disk."""
    far = isinstance(store, ArchiveDatastore) and not isinstance(store.archive, FolderClient)
    if isinstance(store, ArchiveDatastore) and far and not (images_folder(store.home) / image).is_dir():
        with scratch_folder() as scratch:
            yield fetch_series(store.archive, find_image_series(store.archive, image), scratch)
        return
    yield Path(store.get_image_uri(image))
