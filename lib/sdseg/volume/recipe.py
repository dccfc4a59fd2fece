"""The one preprocessing recipe, shared by inference, training, scoring and evaluation - and its exact inverse."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from monai.data import ImageReader, PILReader
from monai.data.meta_tensor import MetaTensor
from monai.transforms import (
    Compose,
    EnsureTyped,
    Lambdad,
    LoadImaged,
    Padd,
    Resized,
    Transform,
)
from monai.utils import MetaKeys
from PIL.Image import Image

from sdseg.dicom.files import is_series
from sdseg.errors import GeometryError, InputError
from sdseg.volume.example import Example
from sdseg.volume.label import LoadLabelOf, NoteVoxels
from sdseg.volume.orient import OrientVolumed
from sdseg.volume.series_reader import IS_PICTURE, DicomSeriesReader
from sdseg.volume.square import SquarePad
from sdseg.volume.window import Window, WindowByModalityd

# DICOM Modality of pictures in visible light: endoscopy, photography, microscopy, ophthalmic photography.
PHOTOGRAPHS = frozenset({"ES", "XC", "GM", "SM", "OP"})
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Recipe:
    """How an image becomes the model's input, (channel, i, j, k) float32 in [-1, 1] with i = j = `image_size`.

    Attributes:
        image_size: rows = columns of a slice as the model sees it.
        windows: DICOM Modality -> Window; its keys are the modalities the model was trained on.
        orientation: anatomical directions of (i, j, k); k is the slice axis. Pictures are not turned, in DICOM or not.
        keep_proportions: pad the slice to a square first; False stretches it, as the paper's code does.
    """

    image_size: int = 256
    windows: Mapping[str, Window] = field(default_factory=lambda: {"MR": Window("percentile", 0.5, 99.5)})
    orientation: str = "LPS"
    keep_proportions: bool = True

    def __post_init__(self) -> None:
        if self.image_size < 8 or self.image_size % 8:
            raise InputError(f"image_size must be a positive multiple of 8, not {self.image_size}.")
        if not self.windows:
            raise InputError("A recipe needs the window of at least one modality.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """The inverse of `to_dict`."""
        windows = {modality: Window(**window) for modality, window in values["windows"].items()}
        return cls(**{**values, "windows": windows})

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def transforms(
        self, source: str | Path, modality: str | None = None, series_instance_uid: str | None = None
    ) -> list[Transform]:
        """Transforms from {"image": path} to {"image": model input}; each geometric one has its inverse.

        Args:
            source: the path that will be loaded: a DICOM folder, NIfTI, NRRD or a picture.
            modality: DICOM Modality of an image whose file does not say.
            series_instance_uid: chooses, where a DICOM folder holds several series.
        """
        return [*read_steps(source, series_instance_uid), *self.steps(source, modality)]

    def steps(self, source: str | Path, modality: str | None = None) -> list[Transform]:
        """The transforms after reading. All but a window by percentiles do with each slice of the model's the same,
        whatever other slices are there: so they may be given a part of an image, cut along `slice_axis`."""
        return [
            *self._orient(source, ["image"]),
            self._window(source, modality),
            *self._to_square(["image"], mode="bilinear", background=-1.0),
        ]

    def training_transforms(self, example: Example) -> list[Transform]:
        """Transforms from {"image": path} to {"image": model input, "label": (1, i, j, k)}, of one example.

        The label keeps its values (nearest neighbour); it is read by `load_labelmap_of`, so that training and
        evaluation see the same, and must lie on the image's voxel grid, or a LabelError is raised.

        Where the example has `ignored` or `changed` there are also "notes", (2, i, j, k) of `NoteVoxels`: turned as the
        image is, so that their slices are its slices, but not resized.
        """
        notes = ["notes"] if example.ignored is not None or example.changed is not None else []
        return [
            *read_steps(example.image),
            LoadLabelOf(example, key="label", like="image"),
            *(NoteVoxels(example, key, label="label") for key in notes),
            *self._orient(example.image, ["image", "label", *notes]),
            self._window(example.image, example.modality),
            *self._to_square(["image"], mode="bilinear", background=-1.0),
            *self._to_square(["label"], mode="nearest-exact", background=0.0),
        ]

    def _orient(self, source: str | Path, keys: list[str]) -> list[Transform]:
        return [] if is_picture(source) else [OrientVolumed(keys, axcodes=self.orientation)]

    def _window(self, source: str | Path, modality: str | None) -> Transform:
        """A volume that says nothing is of the one modality there is; any picture may be of anything."""
        photographs = set(self.windows) <= PHOTOGRAPHS
        return WindowByModalityd("image", self.windows, modality, assume=photographs or not is_picture(source))

    def _to_square(self, keys: list[str], mode: str, background: float) -> list[Transform]:
        size = (self.image_size, self.image_size, -1)
        resize = Resized(keys, spatial_size=size, mode=mode)
        if not self.keep_proportions:
            return [resize]
        return [Padd(keys, padder=SquarePad(mode="constant", value=background)), resize]


def invert(steps: list[Transform], image: MetaTensor, result: torch.Tensor) -> MetaTensor:
    """Bring a map computed on the model's grid back to the voxel grid of the source.

    Args:
        steps: the transforms that made `image`.
        image: the model's input, (channel, i, j, k), with its history.
        result: (any channels, i, j, k) on the same grid; interpolated linearly, so give probabilities.

    Returns:
        (channels, i, j, k) on the source's grid, with the source's affine.

    Raises:
        GeometryError: what came back is not on the source's grid; nothing computed from it can be trusted.
    """
    # Copies: the inverse takes the history apart, and the image may be needed again.
    carrier = MetaTensor(result, meta=dict(image.meta), applied_operations=deepcopy(image.applied_operations))
    restored = Compose(steps).inverse({"image": carrier})["image"]
    _check_grid(image, restored)
    return restored


def _check_grid(image: MetaTensor, restored: MetaTensor) -> None:
    """Compare with the grid that the reader noted; of a PNG and its like it notes none."""
    if MetaKeys.ORIGINAL_AFFINE not in image.meta:
        return
    shape = tuple(int(n) for n in image.meta[MetaKeys.SPATIAL_SHAPE])
    same_place = torch.allclose(
        restored.affine.double(), torch.as_tensor(image.meta[MetaKeys.ORIGINAL_AFFINE]).double(), atol=1e-3
    )
    if tuple(restored.shape[1:]) != shape or not same_place:
        raise GeometryError(
            f"The result came back as {tuple(restored.shape[1:])} voxels, not as the image's {shape}, or in another "
            "place; it was discarded. Please report this with the image's header."
        )


def is_picture(source: str | Path) -> bool:
    """True for PNG, JPEG and their like, which have neither millimetres nor anatomical directions."""
    return str(source).lower().endswith(PICTURE_SUFFIXES)


def read_steps(source: str | Path, series_instance_uid: str | None = None) -> list[Transform]:
    """From {"image": path} to float32 (channel, i, j, k)."""
    return [
        LoadImaged(
            "image", reader=_reader(Path(source), series_instance_uid), ensure_channel_first=True, image_only=True
        ),
        EnsureTyped("image", dtype=torch.float32, track_meta=True),
        Lambdad("image", func=_as_volume, inv_func=_as_loaded, track_meta=True),
    ]


def _reader(source: Path, series_instance_uid: str | None) -> ImageReader | None:
    """MONAI's own choice by suffix, except for DICOM, which passes the geometry gate, and pictures."""
    if is_picture(source):
        return PILReader(converter=_opaque)
    if is_series(source):
        return DicomSeriesReader(series_instance_uid)
    return None


def _opaque(picture: Image) -> Image:
    """Without palette, opacity and high bit depth: 8-bit grey or RGB."""
    return picture.convert("L" if picture.mode in ("1", "L", "LA", "I", "I;16", "F") else "RGB")


def _as_volume(image: MetaTensor) -> MetaTensor:
    """A picture (1 or 3, i, j) -> (1 or 3, i, j, 1); a volume (1, i, j, k) and pictures in DICOM stay."""
    if image.ndim == 3 and image.shape[0] in (1, 3):
        # Its 2D affine would make the geometric transforms expect two axes.
        return MetaTensor(image.as_tensor()[..., None], affine=torch.eye(4, dtype=torch.float64))
    if image.ndim == 4 and (image.shape[0] == 1 or (image.shape[0] == 3 and image.meta.get(IS_PICTURE))):
        return image
    raise InputError(
        f"An image of {image.ndim - 1} dimensions and {image.shape[0]} channels cannot be segmented; "
        "give a grey volume, or a grey or RGB picture."
    )


def _as_loaded(image: torch.Tensor) -> torch.Tensor:
    return image
