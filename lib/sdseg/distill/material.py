"""Which images a distillation learns from: those of a training configuration, or all that lie in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from monai.transforms import Compose

from sdseg.dicom.scan import scan_folder
from sdseg.errors import InputError, UnknownNameError
from sdseg.model.card import ModelCard
from sdseg.training.config import with_changes
from sdseg.training.data import find_data
from sdseg.training.presets import find_config, preset_names
from sdseg.training.slices import SliceStack, load_slices
from sdseg.volume.load import load_failures
from sdseg.volume.slices import to_slices
from sdseg.volume.volume_check import ITK, NIFTI, PICTURES

_IMAGE_FOLDERS = ("images", "imagesTr")  # beside masks, as in docs/datasets.md
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Material:
    """What there is to learn from.

    Attributes:
        train: slices.
        held_out: slices that are not learnt from, by which the parts are measured; None where there are none.
        labelled: whether the masks of both mean something; else they are zero.
        told: for the card, without paths or names.
    """

    train: SliceStack
    held_out: SliceStack | None
    labelled: bool
    told: dict[str, Any]

    @property
    def sha256(self) -> str:
        """Of what is learnt from."""
        whole = hashlib.sha256()
        for tensor in (self.train.images, self.train.masks):
            whole.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
            whole.update(tensor.contiguous().numpy().data)
        return whole.hexdigest()


def load_material(data: str, root: Path | None, card: ModelCard, progress: Progress | None = None) -> Material:
    """Load and preprocess the images by the model's recipe.

    Args:
        data: a folder of images, or a training configuration: a YAML file or the name of a preset.
        root: folder of the configuration's data set.
        card: of the model.
        progress: called with (images done, images).

    Raises:
        InputError, UnknownNameError: there is neither, or an image cannot be read.
        LabelError: a mask holds a value that the card does not name.
    """
    if Path(data).is_dir():
        if root is not None:
            raise InputError(f"--root is the folder of a configuration's data set, but {data} is a folder itself.")
        return _from_folder(Path(data), card, progress)
    if not Path(data).exists() and data not in preset_names():
        raise UnknownNameError(
            f"There is no folder and no configuration {data[:200]!r}; give a folder of images, a YAML file, or one of: "
            f"{', '.join(preset_names())}."
        )
    found = find_data(with_changes(find_config(data), root=root))
    train = load_slices(found.train, card.recipe, card.labels, progress)
    held_out = load_slices(found.validation, card.recipe, card.labels) if found.validation else None
    told = {"images": len(found.train), "slices": len(train), "labelled": True}
    return Material(replace(train, weights=None), held_out, True, told)


def _from_folder(folder: Path, card: ModelCard, progress: Progress | None) -> Material:
    sources = find_images(folder)
    stacks = []
    for done, source in enumerate(sources, 1):
        stacks.append(_unlabelled(source, card))
        if progress:
            progress(done, len(sources))
    train = SliceStack.joined(stacks)
    return Material(train, None, False, {"images": len(sources), "slices": len(train), "labelled": False})


@dataclass(frozen=True)
class Source:
    """One image: a volume or picture file, or a DICOM series in a folder."""

    path: Path
    series_instance_uid: str | None = None


def find_images(folder: Path) -> Sequence[Source]:
    """The images in a folder: DICOM series, volumes and pictures; in `images` alone where that is there.

    Raises:
        InputError: there are none.
    """
    folder = next((folder / name for name in _IMAGE_FOLDERS if (folder / name).is_dir()), folder)
    suffixes = (*NIFTI, *ITK, *PICTURES)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name.lower().endswith(suffixes)]
    found = [Source(path) for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    found += [Source(paths[0].parent, uid) for uid, paths in sorted(scan_folder(folder).series.items())]
    if not found:
        raise InputError(f"{folder} holds no images; give a folder of DICOM series, NIfTI, NRRD or pictures.")
    return found


def _unlabelled(source: Source, card: ModelCard) -> SliceStack:
    steps = card.recipe.transforms(source.path, series_instance_uid=source.series_instance_uid)
    with load_failures(source.path):
        images = to_slices(Compose(steps)({"image": source.path})["image"])
    return SliceStack(images, torch.zeros_like(images[:, :1], dtype=torch.uint8))
