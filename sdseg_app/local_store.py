"""MONAI Label's own store for folders of NIfTI, NRRD and pictures, with its inputs checked."""

import fnmatch
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monailabel.config import settings
from monailabel.datastore.local import LocalDatastore

from sdseg.errors import InputError, UnknownNameError
from sdseg_app.label_files import read_label
from sdseg_app.names import check_name, label_values


def holds_local_images(folder: Path) -> bool:
    """True when MONAI Label's own store would list an image of this folder."""
    patterns = settings.MONAI_LABEL_DATASTORE_FILE_EXT
    names = [path.name for path in folder.iterdir() if path.is_file()]
    return any(fnmatch.filter(names, pattern) for pattern in patterns)


class LocalImageStore(LocalDatastore):
    """`LocalDatastore`, except that names from requests stay inside it and a label must fit its image."""

    def __init__(self, folder: Path, model_labels: Callable[[], dict[str, int]]) -> None:
        self._model_labels = model_labels
        super().__init__(
            str(folder),
            extensions=settings.MONAI_LABEL_DATASTORE_FILE_EXT,
            auto_reload=settings.MONAI_LABEL_DATASTORE_AUTO_RELOAD,
            read_only=settings.MONAI_LABEL_DATASTORE_READ_ONLY,
        )

    def get_image_uri(self, image_id: str) -> str:
        """Raises UnknownNameError: the stock store answers '', which readers take for the current folder."""
        path = super().get_image_uri(image_id)
        if not path:
            raise UnknownNameError(f"There is no image {image_id[:80]!r} here; ask for the list of images.")
        return str(path)

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        path = super().get_label_uri(label_id, label_tag)
        if not path:
            raise UnknownNameError(f"There is no label {label_tag[:80]!r} of the image {label_id[:80]!r}.")
        return str(path)

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Raises UnknownNameError, InputError, LabelError; then nothing was written."""
        label_tag = check_name("label tag", label_tag)
        values = label_values(label_info, self._model_labels())
        read_label(Path(label_filename), Path(self.get_image_uri(image_id)), values)
        return str(super().save_label(image_id, label_filename, label_tag, label_info))

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        if image_id:
            check_name("image id", image_id)
        if not any(fnmatch.fnmatch(Path(image_filename).name, pattern) for pattern in self._extensions):
            raise InputError(f"This store takes {', '.join(self._extensions)} only.")
        return str(super().add_image(image_id, image_filename, image_info))
