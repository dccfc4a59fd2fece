"""What people are told of a result beside its mask."""

from __future__ import annotations

from collections.abc import Iterable


def nothing_found(labels: Iterable[str], left_out: int, slices: int) -> str:
    """The beginning of a sentence on an empty result: "The model found no brain".

    Args:
        labels: names of the structures.
        left_out: slices that the region of the model's card left out.
        slices: of the image.
    """
    why = f" ({left_out_words(left_out, slices)})" if left_out else ""
    return f"The model found no {' or '.join(labels)}{why}"


def left_out_words(left_out: int, slices: int) -> str:
    """That slices were not looked at: "the region in the model's card left out 5 of 64 slices"."""
    return f"the region in the model's card left out {left_out} of {slices} slices"
