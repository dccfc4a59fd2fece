"""The labelled images and their masks as one ZIP file."""

import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sdseg.errors import InputError


def zip_dataset(pairs: Sequence[dict[str, str]], home: Path) -> Path:
    """`home / "dataset.zip"` with `image/<series>/*.dcm` and `label/<series>.nrrd`.

    Args:
        pairs: {"image": folder of a series, "label": mask file}, the folder named like the datastore's cache.
        home: where the file goes; an older one is replaced.

    Raises:
        InputError: there is nothing to pack.
    """
    if not pairs:
        raise InputError("There is no final label yet, so there is no dataset; save a label first.")
    target = home / "dataset.zip"
    descriptor, partial = tempfile.mkstemp(dir=home, prefix=".zip-")
    with os.fdopen(descriptor, "wb") as stream, zipfile.ZipFile(stream, "w") as archive:
        for pair in pairs:
            image, label = Path(pair["image"]), Path(pair["label"])
            name = image.parent.name
            for file in sorted(image.iterdir()):
                archive.write(file, f"image/{name}/{file.name}")
            archive.write(label, f"label/{name}{label.suffix}")
    os.replace(partial, target)
    return target
