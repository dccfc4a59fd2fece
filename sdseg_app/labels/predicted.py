"""Remembering what a model found, for the label that may come of it."""

import logging
from collections.abc import Mapping
from typing import Any

from monailabel.interfaces.datastore import Datastore

from sdseg.corrections.store import LabelStore
from sdseg.volume.compact import CompactLabelmap

logger = logging.getLogger(__name__)


def remember(
    store: Datastore, image: str, labelmap: CompactLabelmap, values: Mapping[str, int], facts: Mapping[str, Any]
) -> None:
    """Keep the result with the labels of the datastore; without room for it the inference goes on.

    Args:
        store: of this server; another one keeps no predictions.
        image: its id.
        labelmap: the result, on the image's own grid.
        values: structure -> value in it.
        facts: of it, see `sdseg.inference.provenance`.
    """
    labels = getattr(store, "labels", None)
    if not isinstance(labels, LabelStore):
        return
    try:
        labels.predictions.remember(image, labelmap, values, facts)
    except OSError as error:
        logger.warning("The prediction of the image %s is not remembered: %s.", image, error.strerror)
