"""Tiny copies of what data sets look like on disk: right names and kinds of files, nothing of their content.

In every image a block is labelled, at rows 2 to 5 and columns 4 to 6 (of each slice), so that a flip shows.
"""

import gzip
import io
from collections.abc import Iterable
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from helpers.dicom_series import SeriesMaker

ROWS, COLUMNS, SLICES = 10, 8, 3
BLOCK = (slice(2, 6), slice(4, 7))
BTCV_NUMBERS = [*range(1, 11), *range(21, 41)]


def block(value: int) -> NDArray[np.uint8]:
    """(rows, columns): `value` in the block."""
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[BLOCK] = value
    return mask


def labelled(value: int = 1) -> NDArray[np.uint8]:
    """The label as it should be loaded, (columns, rows)."""
    return block(value).T


def picture(array: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.fromarray(array).save(content, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return content.getvalue()


def photograph(kind: str = "PNG") -> bytes:
    return picture(np.random.default_rng(0).integers(0, 255, (ROWS, COLUMNS, 3), np.uint8), kind)


def volume(values: NDArray) -> bytes:
    """Zipped NIfTI of (columns, rows, slices), 1 mm, axes as in an axial series."""
    return gzip.compress(nib.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0])).to_bytes(), 1)


def grey_volume() -> bytes:
    return volume(np.random.default_rng(0).integers(-300, 300, (COLUMNS, ROWS, SLICES)).astype(np.int16))


def label_volume(*values: int) -> bytes:
    """The block holds `values`, one a slice, over and over."""
    slices = [labelled(values[k % len(values)]) for k in range(SLICES)]
    return volume(np.stack(slices, axis=-1))


def fill(folder: Path, names: Iterable[str], content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(content)


def cvc_clinicdb(root: Path, place: str = "PNG", masks: str = "Ground Truth", suffix: str = ".png") -> Path:
    names = [f"{frame}{suffix}" for frame in range(1, 613)]
    kind = "PNG" if suffix == ".png" else "TIFF"
    fill(root / place / "Original", names, photograph(kind))
    soft = np.maximum(block(255), 3)  # as in copies whose masks were converted
    soft[6, 4:7] = 90
    fill(root / place / masks, names, picture(soft, kind))
    return root


def kvasir_seg(root: Path, names: Iterable[str]) -> Path:
    files = [f"{name}.jpg" for name in names]
    fill(root / "images", files, photograph("JPEG"))
    fill(root / "masks", files, picture(np.stack([block(255)] * 3, axis=-1), "JPEG"))
    return root


def refuge2_cup(root: Path) -> Path:
    names = [
        f"{c}{n:04d}.png" for c, count in (("g", 40), ("n", 360), ("V", 400), ("T", 400)) for n in range(1, count + 1)
    ]
    fill(root / "images", names, photograph())
    mask = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    mask[1:8, 2:8, 0] = 255  # the disc
    mask[1:8, 2:8, 1] = 128
    mask[(*BLOCK, 1)] = 255  # the cup
    fill(root / "masks", names, picture(mask))
    return root


def btcv(root: Path, images: str = "img", labels: str = "label") -> Path:
    fill(root / images, [f"img{n:04d}.nii.gz" for n in BTCV_NUMBERS], grey_volume())
    fill(root / labels, [f"label{n:04d}.nii.gz" for n in BTCV_NUMBERS], label_volume(5, 6, 13))
    return root


def sts_3d(root: Path) -> Path:
    names = [f"Teeth_{n:04d}_0000.nii.gz" for n in range(1, 13)]
    fill(root / "labelled" / "image", names, grey_volume())
    fill(root / "labelled" / "label", names, label_volume(1, 17))
    return root


def pairs(root: Path, names: Iterable[str] = (*"abcdefghijkl",)) -> Path:
    fill(root / "images", [f"{name}.jpg" for name in names], photograph("JPEG"))
    fill(root / "masks", [f"{name}.png" for name in names], picture(block(255)))
    return root


def volumes(root: Path, names: Iterable[str] = (*"abcdefghij",)) -> Path:
    fill(root / "images", [f"{name}.nii.gz" for name in names], grey_volume())
    fill(root / "labels", [f"{name}.nii.gz" for name in names], label_volume(1, 2))
    return root


def dicom_volumes(root: Path, names: Iterable[str] = (*"abc",)) -> Path:
    """A series folder a case, and its label on the same grid."""
    for name in names:
        maker = SeriesMaker(name=name, rows=ROWS, columns=COLUMNS, slices=SLICES, orientation=[1, 0, 0, 0, 1, 0])
        maker.save(root / "images" / name)
        affine = np.diag([-0.7, -0.9, 2.5, 1.0])
        affine[:3, 3] = np.array(maker.origin) * [-1, -1, 1]
        values = np.stack([labelled(1)] * SLICES, axis=-1)
        (root / "labels").mkdir(exist_ok=True)
        nib.save(nib.Nifti1Image(values, affine), root / "labels" / f"{name}.nii.gz")
    return root
