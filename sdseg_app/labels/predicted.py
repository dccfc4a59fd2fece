"""Remembering what a model found, for the label that may come of it."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore

from sdseg.corrections.store import LabelStore
from sdseg.volume.volume_files import read

logger = logging.getLogger(__name__)


def remember(store: Datastore, image: str, mask: Path, told: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Keep the result with the labels of the datastore; without room for it the inference goes on.

    Args:
        store: of this server; another one keeps no predictions.
        image: its id.
        mask: the result, on the image's own grid.
        told: what was told of the inference, `label_names` among it.
        facts: of it, see `sdseg.inference.provenance`.
    """
    labels = getattr(store, "labels", None)
    if not isinstance(labels, LabelStore):
        return
    try:
        labels.predictions.remember(image, read(mask)[0], told["label_names"], facts)
    except OSError as error:
        logger.warning("The prediction of the image %s is not remembered: %s.", image, error.strerror)
