"""Which slices of an image a label speaks of: the others are unlabelled, not background."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sdseg.errors import LabelError

ALL: Literal["all"] = "all"
KEY = "labelled_slices"  # in a label's info
UNLABELLED = 255
"""Mask value, in files made for training, of voxels that nobody labelled."""

Labelled = Literal["all"] | list[int]


def check_slices(given: Any, count: int | None = None) -> Labelled:
    """What a client says of the slices: "all", or indices along the source's slice axis (k).

    Args:
        given: from a request.
        count: how many slices there are, where that is known.

    Raises:
        LabelError: anything else.
    """
    if given == ALL:
        return ALL
    numbers = given if isinstance(given, list) else [None]
    if not numbers or any(isinstance(one, bool) or not isinstance(one, int) or one < 0 for one in numbers):
        raise LabelError(f'{KEY} must be "all" or a list of slice numbers from 0, not {str(given)[:80]!r}.')
    if count is not None and max(numbers) >= count:
        raise LabelError(f"{KEY} names slice {max(numbers)}, but the image has {count} slices, counted from 0.")
    return sorted(set(numbers))


def checked_note(info: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody notes about a label later; the slices, where it names any, in order. Raises LabelError."""
    return {**info, KEY: check_slices(info[KEY])} if KEY in info else dict(info)


def labelled_slices(given: Any, from_prediction: bool, labelmap: NDArray[np.uint8]) -> Labelled:
    """What a label speaks of.

    Args:
        given: what its client says, None for nothing; it goes before everything else.
        from_prediction: whether the annotator had a model's result of the whole image before him.
        labelmap: (i, j, k); of one drawn from scratch the slices count that hold anything.

    Raises:
        LabelError: `given` is neither "all" nor slices of this image.
    """
    if given is not None:
        return check_slices(given, labelmap.shape[2])
    return ALL if from_prediction else marked(labelmap)


def marked(labelmap: NDArray[np.uint8]) -> list[int]:
    """The slices (k) that hold anything."""
    return [int(k) for k in np.flatnonzero(labelmap.any(axis=(0, 1)))]


def without_unlabelled(labelmap: NDArray[np.uint8], labelled: Labelled) -> NDArray[np.uint8]:
    """A copy with `UNLABELLED` in all other slices than `labelled`."""
    if labelled == ALL:
        return labelmap.copy()
    known = np.zeros(labelmap.shape[2], bool)
    known[[k for k in labelled if k < len(known)]] = True
    return np.where(known, labelmap, np.uint8(UNLABELLED))
