"""What a request may ask of a batch, checked once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdseg.errors import InputError
from sdseg_app.params.infer_params import InferParams, as_bool

_GPUS = re.compile(r"all|[0-9]{1,3}(,[0-9]{1,3})*")
_MOST_WORKERS = 64
_MOST_IMAGES = 10_000  # their ids travel to the batch's process as one argument, which the system limits


@dataclass(frozen=True)
class BatchParams:
    """Parameters of one batch.

    Attributes:
        infer: of each inference.
        images: ids; None for those that the query chooses.
        multi_gpu, gpus: which GPUs to use, `all` or their numbers.
        max_workers: inferences at a time; 0 for a number that fits the machine.
        max_batch_size: so many images at most; 0 for all.
    """

    infer: InferParams
    images: tuple[str, ...] | None = None
    multi_gpu: bool = True
    gpus: str = "all"
    max_workers: int = 0
    max_batch_size: int = 0

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "BatchParams":
        """From a request; other keys are ignored. Raises InputError naming the wrong one."""
        return cls(
            infer=InferParams.parse(values),
            images=_images(values.get("images")),
            multi_gpu=as_bool("multi_gpu", values.get("multi_gpu", True)),
            gpus=_gpus(values.get("gpus") or "all"),
            max_workers=_whole("max_workers", values.get("max_workers") or 0, _MOST_WORKERS),
            max_batch_size=_whole("max_batch_size", values.get("max_batch_size") or 0, _MOST_IMAGES),
        )

    def as_request(self) -> dict[str, Any]:
        """Under the names that MONAI Label gives them."""
        chosen = {} if self.images is None else {"images": list(self.images)}
        return {
            **self.infer.as_request(),
            **chosen,
            "multi_gpu": self.multi_gpu,
            "gpus": self.gpus,
            "max_workers": self.max_workers,
            "max_batch_size": self.max_batch_size,
        }


def _images(value: Any) -> tuple[str, ...] | None:
    if value is None or isinstance(value, str):
        return None
    if not isinstance(value, list) or len(value) > _MOST_IMAGES:
        raise InputError(f"images must be a list of at most {_MOST_IMAGES} ids, as /datastore/?output=all names them.")
    return tuple(str(image) for image in value)


def _gpus(value: Any) -> str:
    if not isinstance(value, str) or not _GPUS.fullmatch(value):
        raise InputError(f"gpus must be all, or numbers like 0,1, not {str(value)[:40]!r}.")
    return value


def _whole(name: str, value: Any, most: int) -> int:
    text = str(value).strip()
    if not text.isdecimal() or len(text) > 9 or int(text) > most:
        raise InputError(f"{name} must be a whole number from 0 to {most}, not {text[:40]!r}.")
    return int(text)
