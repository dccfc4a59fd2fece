"""What an annotator changed in the prediction that his label began from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdseg.corrections.predictions import Prediction
from sdseg.dicom.codes import plain


@dataclass(frozen=True)
class Origin:
    """Where a label began.

    Attributes:
        prediction: the model's result.
        changed: (i, j, k), where the label names another structure than the prediction.
    """

    prediction: Prediction
    changed: NDArray[np.bool_]

    @property
    def edited(self) -> dict[str, Any]:
        """For the label's info: from which weights and seed, and how many voxels and slices (k) were changed."""
        facts = self.prediction.facts
        return {
            "weights_sha256": facts["weights_sha256"],
            "seed": facts.get("seed"),
            "voxels": int(self.changed.sum()),
            "slices": int(self.changed.any(axis=(0, 1)).sum()),
        }


def origin_of(
    predictions: Iterable[Prediction], labelmap: NDArray[np.uint8], values: Mapping[str, int], before: float | None
) -> Origin | None:
    """Of the predictions that were there then, the one that the label differs from least; of equals the first.

    Args:
        predictions: of the image, the latest first; those of another shape are of what the image was earlier.
        labelmap: (i, j, k) on the image's grid.
        values: structure -> value in it.
        before: when the label was made at the latest, seconds since the epoch; None: now.
    """
    found = [
        Origin(one, _differs(one, labelmap, values))
        for one in predictions
        if one.labelmap.shape == labelmap.shape and (before is None or one.made <= before)
    ]
    return min(found, key=lambda origin: int(origin.changed.sum()), default=None)


def _differs(prediction: Prediction, labelmap: NDArray[np.uint8], values: Mapping[str, int]) -> NDArray[np.bool_]:
    """By the names of structures: an annotator's values may be others than the model's."""
    own = {plain(name): value for name, value in values.items()}
    strange = max({0, *own.values()}) + 1  # no value of the label: what it does not name was taken away where it is 0
    table = np.zeros(256, dtype=np.int32)
    for name, value in prediction.values.items():
        table[value] = own.get(plain(name), strange)
    differs: NDArray[np.bool_] = table[prediction.labelmap] != labelmap
    return differs
