"""What somebody wants segmented and how he wants it told, checked before it waits."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from sdseg_app.params.infer_params import InferParams


class Output(StrEnum):
    """What the reply holds: the mask file, what is told about it, both as multipart, a DICOM SEG or a ZIP with maps."""

    image = "image"
    json = "json"
    all = "all"
    dicom_seg = "dicom_seg"
    uncertainty = "uncertainty"


@dataclass(frozen=True)
class Order:
    """One inference.

    Attributes:
        model: name of a served model.
        image: id of the datastore; "" for a file.
        params: checked.
        output: what the reply holds.
        file: gives the file or folder of an upload or a session when the time has come; None for an image of the
            datastore.
        called: what is said of the image in lists.
        tells_paths: whether whoever asks is on this machine and may learn where a result was filed.
        held: what was opened for it, an upload's folder; closed when the job has ended.
    """

    model: str
    image: str
    params: InferParams
    output: Output
    file: Callable[[], Path] | None
    called: str
    tells_paths: bool = False
    held: ExitStack = field(default_factory=ExitStack)

    @property
    def request(self) -> dict[str, Any]:
        """As the app takes it. Only what was checked goes on: nothing in a form can replace the model, or the image
        by a path."""
        return {"model": self.model, "image": self.image, **self.params.as_request()}
