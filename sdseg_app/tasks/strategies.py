"""Which image to label next."""

import random
import time
from typing import Any

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.strategy import Strategy


class RandomImage(Strategy):
    """One of the images without a final label, the likelier the longer ago anybody was given it.

    The stock strategy fails when it is asked for the only image twice within a second.
    """

    def __init__(self) -> None:
        super().__init__("Random Strategy")

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any] | None:
        images = datastore.get_unlabeled_images()
        if not images:
            return None
        now = int(time.time())
        known = datastore.json()["objects"]  # at once: asking an archive image by image takes minutes
        weights = [max(1, now - _last_given(known.get(image, {}), request["strategy"])) for image in images]
        image = random.choices(images, weights=weights)[0]
        return {"id": image, "weight": weights[images.index(image)]}


def _last_given(known: dict[str, Any], strategy: str) -> int:
    """Seconds since the epoch; 0 for never."""
    given = known.get("image", {}).get("info", {}).get("strategy", {}).get(strategy, {})
    return int(given.get("ts", 0))
