"""What a label began from: a prediction, or nothing; noted with it when it is saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdseg.corrections.origin import Origin, origin_of
from sdseg.corrections.slices import KEY, Labelled, checked_note, labelled_slices
from sdseg.corrections.store import LabelStore
from sdseg.volume.labelmap import save_labelmap
from sdseg.volume.volume_files import grid_of
from sdseg_app.labels.files import Labelmap

# Key in an image's info: what the last inference on it told. A label saved after it counts as edited.
INFERENCE = "inference"


@dataclass(frozen=True)
class Beginning:
    """Of one label.

    Attributes:
        origin: the prediction and what was changed in it; None where none is kept.
        facts: what was told of the inference that the label began from, None where there was none.
        slices: which slices (k) the label speaks of.
    """

    origin: Origin | None
    facts: dict[str, Any] | None
    slices: Labelled

    @property
    def info(self) -> dict[str, Any]:
        """For the label's info."""
        edited = {"edited": self.origin.edited} if self.origin else {}
        return {KEY: self.slices, **edited}

    def write_changed(self, like: Path, path: Path) -> Path | None:
        """A mask of what was changed; None where nothing was, or nobody knows. `like`: the image, or a file in the
        image's own voxel order, which a label that somebody sent need not have."""
        if self.origin is None or not self.origin.changed.any():
            return None
        return save_labelmap(self.origin.changed.astype(np.uint8), grid_of(like).affine, path, compress=True)


def note_again(info: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of a label that is saved a second time: a person may confirm what a model saved."""
    return {"by_model": False, **checked_note(info)}


def beginning_of(
    labels: LabelStore,
    image: str,
    labelmap: Labelmap,
    values: Mapping[str, int],
    info: Mapping[str, Any],
    inference: dict[str, Any] | None = None,
    before: float | None = None,
) -> Beginning:
    """Look among the predictions that are kept, else at what is known of the last inference.

    Args:
        labels: of the datastore.
        image: its id.
        labelmap: (i, j, k) on the image's grid.
        values: structure -> value in it.
        info: what its client says; `labelled_slices` goes before everything else.
        inference: facts of the last inference; those in the book when left out.
        before: when the label was made at the latest, seconds since the epoch.

    Raises:
        LabelError: `labelled_slices` names no slices of this image.
    """
    origin = origin_of(labels.predictions.of(image), labelmap, values, before)
    last = labels.book.image_info(image).get(INFERENCE) if inference is None else inference
    facts = origin.prediction.facts if origin else last
    return Beginning(origin, facts, labelled_slices(info.get(KEY), facts is not None, labelmap))
