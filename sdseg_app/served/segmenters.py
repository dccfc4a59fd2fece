"""The loaded model: one in memory a device, kept until other weights, or another model, are to be used there."""

import logging
import threading
from dataclasses import replace
from pathlib import Path

from sdseg.engines.speed import AUTO, PLAIN_SPEED, Speed
from sdseg.errors import NotCalibratedError, WeightsError
from sdseg.inference.segmenter import Segmenter
from sdseg.model.card import ModelCard
from sdseg.model.weights import weights_sha256
from sdseg_app.jobs.lanes import lane_of
from sdseg_app.jobs.memory import release
from sdseg_app.served.speed_choice import NOTHING, Asked, in_words, speed_of
from sdseg_app.served.weights_choice import WeightsChoice

logger = logging.getLogger(__name__)

Stamp = tuple[tuple[str, int, int, int], ...]


class LoadedModels:
    """Of all models that are served the one that was used last, on each device."""

    def __init__(self) -> None:
        self._loaded: dict[str, tuple[tuple[Path, Stamp, Speed], Segmenter]] = {}
        self._lock = threading.Lock()

    def get(self, folder: Path, device: str, speed: Speed = PLAIN_SPEED) -> Segmenter:
        """Raises WeightsError, InputError. Who holds a segmenter may finish with it: a newer one does not disturb it.

        What an engine holds a copy of is freed by `Segmenter.load`: one model in memory a device.
        """
        lane, wanted = lane_of(device), (folder, stamp_of(folder), speed)
        with self._lock:
            known, segmenter = self._loaded.get(lane, (None, None))
            if segmenter is None or known != wanted:
                segmenter = None
                self._loaded.pop(lane, None)
                release()  # let go of the old weights before the new ones come
                segmenter = _load(folder, device, speed)
                self._loaded[lane] = (wanted, segmenter)
                logger.info(
                    "Serving weights %s on %s by the engine %s",
                    segmenter.weights_sha256,
                    device,
                    segmenter.speed.engine,
                )
            return segmenter

    def runs(self, folder: Path, asked: Speed) -> Speed | None:
        """What really runs where the weights of a folder were loaded at the speed `asked`; None where they are not.

        It waits for no model that is being loaded.
        """
        for (known, _, speed), segmenter in list(self._loaded.values()):
            if (known, speed) == (folder, asked):
                return segmenter.speed
        return None

    def clear(self) -> None:
        with self._lock:
            self._loaded.clear()
        release()


class Segmenters:
    """One served model, always with the weights that `choice` names now."""

    def __init__(self, choice: WeightsChoice, loaded: LoadedModels | None = None, speed: Speed = PLAIN_SPEED) -> None:
        """`speed` is the server's; a request may name another decoder, encoder or U-Net."""
        self.choice = choice
        self._speed = speed
        self._loaded = loaded or LoadedModels()
        self._identity: tuple[Path, Stamp, str] | None = None

    def card(self) -> ModelCard:
        """The card of the weights to be served now. Raises WeightsError."""
        return ModelCard.load(self.choice.folder())

    def sha256(self) -> str:
        """The identity of the weights to be served now; computed once for each state of the folder. Raises
        WeightsError."""
        folder = self.choice.folder()
        stamp = stamp_of(folder)
        known = self._identity
        if known is None or known[:2] != (folder, stamp):
            known = self._identity = (folder, stamp, weights_sha256(folder))
        return known[2]

    def speed(self, parts: Asked = NOTHING) -> Speed:
        """What the weights to be served now are to be run at, see `speed_of`. Raises InputError, WeightsError."""
        return speed_of(self.choice.folder(), self._speed, parts)

    def runs(self) -> str:
        """How they are run, in words."""
        wanted = self.speed()
        running = self._loaded.runs(self.choice.folder(), wanted)
        if running is None and wanted.engine == AUTO:
            return "engine chosen by measurement when the model is first used"
        return in_words(running or wanted)

    def get(self, device: str, parts: Asked = NOTHING) -> Segmenter:
        """Of weights that turn out to be unusable those that were served before take the place.

        Args:
            device: where.
            parts: what a request names, see `speed_of`.

        Raises:
            WeightsError: there are no others.
            InputError: these have no lite part, or the engine does not run on the device.
        """
        while True:
            folder = self.choice.folder()
            try:
                speed = speed_of(folder, self._speed, parts)
                return self._checked(self._loaded.get(folder, device, speed), folder)
            except WeightsError as error:
                if not self.choice.registry.unusable(folder, str(error)) or self.choice.folder() == folder:
                    raise

    def _checked(self, segmenter: Segmenter, folder: Path) -> Segmenter:
        """What was loaded, not what lay there a moment before."""
        if folder.parent == self.choice.models_dir and not segmenter.weights_sha256.startswith(folder.name):
            raise WeightsError(f"The content of {folder} is not what its name says; restore it from a backup.")
        return segmenter

    def clear(self) -> None:
        self._loaded.clear()


def _load(folder: Path, device: str, speed: Speed) -> Segmenter:
    """A model that was just promoted is not calibrated yet: it is served exactly rather than not at all."""
    try:
        return Segmenter.load(folder, device, speed)
    except NotCalibratedError as error:
        logger.warning("%s Until the next start an exact engine is used.", error)
        return Segmenter.load(folder, device, replace(speed, engine=AUTO))


def stamp_of(folder: Path) -> Stamp:
    """Name, time, size and inode of each file: another stamp where one was replaced. Raises WeightsError."""
    try:
        found = [(path, path.stat()) for path in folder.rglob("*") if path.is_file()]
    except OSError as error:
        raise WeightsError(f"The weights in {folder} cannot be read ({error.strerror}); restore them.") from error
    return tuple(sorted((str(path.relative_to(folder)), s.st_mtime_ns, s.st_size, s.st_ino) for path, s in found))
