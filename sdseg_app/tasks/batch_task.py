"""Segmenting many images in one background task."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

import torch
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.batch_infer import BatchInferTask

from sdseg.errors import SdsegError, UnknownNameError
from sdseg_app.params.infer_params import FOUND

logger = logging.getLogger(__name__)

Infer = Callable[[dict[str, Any], Datastore], dict[str, Any]]


def check_images(images: Iterable[str], datastore: Datastore) -> None:
    """Raises UnknownNameError unless the datastore has all of them."""
    unknown = sorted(set(map(str, images)) - set(datastore.list_images()))
    if unknown:
        raise UnknownNameError(f"There is no image {unknown[0][:80]!r} here; ask for the list of images.")


class SDSegBatchInferTask(BatchInferTask):
    """The stock task, on machines without a GPU too; an image that fails does not end the batch."""

    def get_images(self, request: dict[str, Any], datastore: Datastore) -> list[str]:
        """Raises UnknownNameError: a list in the request may only name images of the store."""
        images: list[str] = super().get_images(request, datastore)
        check_images(images, datastore)
        return images

    def __call__(self, request: dict[str, Any], datastore: Datastore, infer: Infer) -> dict[str, Any]:
        """Image id -> {"label", "params"} or {"error": sentence}."""
        # The stock task counts GPUs and divides by their number.
        several = bool(request.get("multi_gpu", True)) and torch.cuda.is_available()

        def infer_or_tell(one: dict[str, Any], store: Datastore) -> dict[str, Any]:
            try:
                told = infer({**one, "uncertainty": 0}, store)  # nobody would come for the maps
            except SdsegError as error:
                logger.warning("%s is left out: %s", one["image"], error)
                return {"error": str(error)}
            # What is told of all images is kept and written as JSON: no masks among it.
            return {key: value for key, value in told.items() if key != FOUND}

        result: dict[str, Any] = super().__call__({**request, "multi_gpu": several}, datastore, infer_or_tell)
        return result
