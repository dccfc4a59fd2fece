"""The labelled images of a folder of NIfTI, NRRD or pictures, in which MONAI Label's own store keeps its labels."""

import filecmp
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from sdseg.corrections.material import LabelledImage, Tell
from sdseg.corrections.patients import digest_of_patient
from sdseg.corrections.store import LabelStore


def images_of_folder(images: Mapping[str, Path], store: LabelStore, tell: Tell) -> Iterator[LabelledImage]:
    """Those of `images`, id -> file, with a label that may be learnt from. A file names no patient: each is one."""
    for image, labels in store.training_labels().items():
        if image in images and images[image].is_file():
            yield LabelledImage(image, images[image], digest_of_patient(image), labels)
        else:
            tell(f"The label of the image {image} is left out of training: the image is no longer in the folder.")


def note_label_file(store: LabelStore, image: str, tag: str, file: Path) -> None:
    """Keep a copy of a label that somebody put into the folder; one that is known already stays as it is."""
    if any(same_file(file, store.path(known)) for known in store.book.versions(image, tag)):
        return
    with tempfile.TemporaryDirectory(dir=store.home, prefix=".saving-") as scratch:
        copy = Path(shutil.copyfile(file, Path(scratch) / file.name))
        with copy.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        first = store.book.find(image, tag) is None
        store.keep(image, tag, copy, digest, {}, file.stat().st_mtime if first else None)


def same_file(one: Path, other: Path) -> bool:
    """By content; a copy that is gone is another file."""
    return other.is_file() and filecmp.cmp(one, other, shallow=False)
