"""Intensity windows: which grey values of a modality are spread over [-1, 1]."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from monai.transforms import MapTransform, ScaleIntensityRange, ScaleIntensityRangePercentiles

from sdseg.errors import InputError
from sdseg.volume.series_reader import IS_PICTURE


@dataclass(frozen=True)
class Window:
    """Grey values from `low` to `high` become [-1, 1]; what lies outside is clipped.

    `kind` "range": low and high are values (HU for CT, 0 and 255 for photographs).
    `kind` "percentile": they are percentiles of the whole volume (MR, whose values have no unit), or of one picture.
    """

    kind: Literal["range", "percentile"]
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.kind not in ("range", "percentile"):
            raise InputError(f"Window kind '{self.kind}' is unknown; use 'range' or 'percentile'.")
        if not self.low < self.high:
            raise InputError(f"A window must run from low to high, not from {self.low} to {self.high}.")
        if self.kind == "percentile" and not (self.low >= 0 and self.high <= 100):
            raise InputError(f"Window percentiles must lie in 0..100, not {self.low}..{self.high}.")

    def apply(self, image: torch.Tensor) -> torch.Tensor:
        """Map `image` (any shape) to float32 in [-1, 1]."""
        if self.kind == "range":
            return ScaleIntensityRange(self.low, self.high, -1.0, 1.0, clip=True)(image)
        return ScaleIntensityRangePercentiles(self.low, self.high, -1.0, 1.0, clip=True)(image)

    def apply_each(self, pictures: torch.Tensor) -> torch.Tensor:
        """Map each of `pictures` (channel, i, j, k) by itself: its percentiles do not depend on the others."""
        if self.kind == "range":
            return self.apply(pictures)
        mapped = pictures.clone()
        for k in range(pictures.shape[-1]):
            mapped[..., k] = self.apply(pictures[..., k])
        return mapped


def is_pictures(image: Any) -> bool:
    """Whether each slice of a DICOM series is a picture of its own."""
    return bool(getattr(image, "meta", {}).get(IS_PICTURE))


class WindowByModalityd(MapTransform):
    """Apply the window of the image's modality, which the reader left in its meta data.

    Args:
        keys: of the images.
        windows: DICOM Modality -> Window; also the list of what the model was trained on.
        modality: what the images are, where the file cannot say (NIfTI, PNG); where it can, the file counts.
        assume: take an image that says nothing for the one modality there is a window for.

    Raises:
        InputError: the image is of a modality without a window here.
    """

    def __init__(
        self, keys: Any, windows: Mapping[str, Window], modality: str | None = None, assume: bool = True
    ) -> None:
        super().__init__(keys)
        self.assume = assume
        self.windows = dict(windows)
        self.modality = modality

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        result = dict(data)
        for key in self.key_iterator(result):
            window = self.window_of(result[key])
            result[key] = window.apply_each(result[key]) if is_pictures(result[key]) else window.apply(result[key])
        return result

    def window_of(self, image: Any) -> Window:
        """The window for an image, by what it says of itself."""
        modality = getattr(image, "meta", {}).get("modality") or self.modality
        if modality is None and self.assume and len(self.windows) == 1:
            return next(iter(self.windows.values()))
        if modality not in self.windows:
            raise InputError(
                f"The image's modality is {modality or 'not stated'}, but this model was trained on "
                f"{' and '.join(self.windows)}: choose an image or a model that match, or state the modality "
                "of an image whose file does not."
            )
        return self.windows[modality]


class SettledWindowd(MapTransform):
    """A window by percentiles whose values are known already, so that it can be applied to a part of a volume.

    Args:
        keys: of the images.
        low, high: the percentiles of the whole volume, float32 of no dimension; see `sdseg.volume.percentiles`.
    """

    def __init__(self, keys: Any, low: torch.Tensor, high: torch.Tensor) -> None:
        super().__init__(keys)
        self._scale = ScaleIntensityRange(low, high, -1.0, 1.0, clip=True)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        return {**data, **{key: self._scale(data[key]) for key in self.key_iterator(dict(data))}}
