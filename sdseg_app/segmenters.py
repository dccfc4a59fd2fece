"""The loaded model, kept until other weights are to be served."""

import logging
import threading

import torch

from sdseg.inference.segmenter import Segmenter
from sdseg.model.card import ModelCard
from sdseg_app.weights_choice import WeightsChoice

logger = logging.getLogger(__name__)


class Segmenters:
    """One segmenter a device, always of the weights that `choice` names now."""

    def __init__(self, choice: WeightsChoice) -> None:
        self.choice = choice
        self._loaded: dict[str, tuple[str, Segmenter]] = {}
        self._lock = threading.Lock()

    def card(self) -> ModelCard:
        """The card of the weights to be served now. Raises WeightsError."""
        return ModelCard.load(self.choice.folder())

    def get(self, device: str) -> Segmenter:
        """Raises WeightsError. Who holds a segmenter may finish with it: a newer one does not disturb it."""
        with self._lock:
            folder = self.choice.folder()
            name, segmenter = self._loaded.get(device, ("", None))
            if segmenter is None or name != str(folder):
                self._loaded.pop(device, None)  # let go of the old weights before the new ones come
                segmenter = Segmenter.load(folder, device)
                self._loaded[device] = (str(folder), segmenter)
                logger.info("Serving weights %s on %s", segmenter.weights_sha256, device)
            return segmenter

    def clear(self) -> None:
        with self._lock:
            self._loaded.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
