"""Where in an image a model's target can be, as its card may say: so that the rest need not be computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from sdseg.errors import InputError

_KEYS = {"body_above", "least_body", "margin"}


@dataclass(frozen=True)
class Region:
    """What counts as body in a slice of the model's input, whose values lie in [-1, 1].

    Attributes:
        body_above: a pixel is body where a channel's value is above this.
        least_body: a slice with a smaller share of body, in [0, 1), cannot hold the target; one without any never can.
        margin: pixels around the body's bounding box that are computed too; None: slices are computed whole. A model
            sees a slice as a whole, so that a part of it is not segmented exactly as within the slice (docs/region.md).

    Raises:
        InputError: a value is of another type or out of its range.
    """

    body_above: float
    least_body: float
    margin: int | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Region:
        """Of a card. Raises ValueError: a key is missing or unknown; InputError: as for the constructor."""
        if not isinstance(values, Mapping) or not {"body_above", "least_body"} <= set(values) <= _KEYS:
            told = ", ".join(map(str, values)) if isinstance(values, Mapping) else repr(values)
            raise ValueError(f"a region has body_above, least_body and, if wished, margin, not {told[:200]}")
        return cls(**values)

    def __post_init__(self) -> None:
        if not _is_number(self.body_above) or not -1 <= self.body_above < 1:
            raise InputError(
                f"body_above of a region must be a number from -1 to below 1, as the model sees values, "
                f"not {self.body_above!r}."
            )
        if not _is_number(self.least_body) or not 0 <= self.least_body < 1:
            raise InputError(
                f"least_body of a region must be a share of a slice from 0 to below 1, not {self.least_body!r}."
            )
        if self.margin is not None and (
            not isinstance(self.margin, int) or isinstance(self.margin, bool) or self.margin < 0
        ):
            raise InputError(
                f"margin of a region must be a whole number of pixels from 0, or null for whole slices, "
                f"not {self.margin!r}."
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
