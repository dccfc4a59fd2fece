"""A label as an example to train on: in the model's values, with the slices that nobody labelled marked as such."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdseg.corrections.book import LabelRecord
from sdseg.corrections.slices import ALL, KEY, UNLABELLED, Labelled, marked, without_unlabelled
from sdseg.corrections.store import LabelStore
from sdseg.dicom.codes import plain
from sdseg.errors import LabelError
from sdseg.volume.example import Example
from sdseg.volume.labelmap import load_labelmap_like, save_labelmap
from sdseg.volume.volume_files import grid_of

_INFERENCE = "inference"  # in an image's info: there was a prediction of the image


def example_of(
    store: LabelStore,
    record: LabelRecord,
    image: Path,
    patient: str,
    model_labels: Mapping[str, int],
    name: str,
    weight: float,
) -> Example:
    """The label of one annotator. The file is made once for each state of the label and of the image.

    Args:
        store: keeps the label.
        record: the label.
        image: a series folder whose name changes with its content, or a file.
        patient: digest.
        model_labels: structure -> value of the model.
        name: id of the example.
        weight: how much it counts.

    Raises:
        LabelError: it names no structure of the model, speaks of no slice, or does not lie on the image's grid.
        InputError: a file cannot be read.
    """
    table = value_table(record, model_labels)
    slices: Labelled | None = ALL if (record.image, record.sha256) in store.accepted() else _told(store, record)
    key = repr([record.file, record.sha256, table.tolist(), slices, str(image), _state(image)])
    target = store.home / "training" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.nrrd"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        labelmap = load_labelmap_like(store.path(record), image, record.info.get("label_values"))
        known = marked(labelmap) if slices is None else slices
        if known != ALL and not [k for k in known if k < labelmap.shape[2]]:
            raise LabelError("it marks no slice, and nobody said that it speaks of all; accept it in review for that.")
        save_labelmap(without_unlabelled(table[labelmap], known), grid_of(image).affine, target, compress=True)
    changed = store.changed_path(record)
    return Example(name, image, target, None, patient, None, None, UNLABELLED, changed, weight)


def value_table(record: LabelRecord, model_labels: Mapping[str, int]) -> NDArray[np.uint8]:
    """(256,) uint8: value in the label -> value of the model; structures that the model does not know are background.

    By name: someone who called a tumour 1 must not teach a model whose 1 is the brain.
    Raises LabelError: no structure of the model is named.
    """
    wanted = {plain(name): value for name, value in model_labels.items()}
    own: Mapping[str, int] = record.info.get("label_values") or model_labels
    table = np.zeros(256, dtype=np.uint8)
    for name, value in own.items():
        table[value] = wanted.get(plain(name), 0)
    if not table.any():
        raise LabelError("it names no structure of the model.")
    return table


def _told(store: LabelStore, record: LabelRecord) -> Labelled | None:
    """What the label says of its slices. One of before that was noted speaks of all where the image had been segmented
    by a model; else of what it marks: None."""
    told: Labelled | None = record.info.get(KEY)
    return told or (ALL if store.book.image_info(record.image).get(_INFERENCE) else None)


def _state(image: Path) -> tuple[int, int] | None:
    """Of a file, which may be replaced under its name."""
    if image.is_dir():
        return None
    status = image.stat()
    return status.st_mtime_ns, status.st_size
