"""Labels as the model is trained on them: an annotator's values become the model's, matched by name."""

import os
import tempfile
from pathlib import Path

import nrrd
import numpy as np

from sdseg.corrections.store import LabelRecord, LabelStore
from sdseg.dicom.codes import plain


def training_label(store: LabelStore, record: LabelRecord, model_labels: dict[str, int]) -> Path | None:
    """The mask file of a label in the model's values; None when it names no structure of the model.

    Someone who called a tumour 1 must not teach a model whose 1 is the brain. Structures that the model does not
    know become background.
    """
    path = store.path(record)
    wanted = {plain(name): value for name, value in model_labels.items()}
    own: dict[str, int] = record.info.get("label_values") or dict(model_labels)
    table = np.zeros(256, dtype=np.uint8)
    for name, value in own.items():
        table[value] = wanted.get(plain(name), 0)
    if not table.any():
        return None
    if all(table[value] == value for value in own.values()):
        return path
    target = path.with_name(f".{path.stem}-as-{'-'.join(map(str, table[list(own.values())]))}{path.suffix}")
    if not target.exists():
        labelmap, header = nrrd.read(str(path))
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=".part-", suffix=path.suffix)
        os.close(descriptor)
        nrrd.write(partial, table[labelmap], header)
        os.replace(partial, target)
    return target
