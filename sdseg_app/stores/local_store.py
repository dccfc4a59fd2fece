"""MONAI Label's own store for folders of NIfTI, NRRD and pictures, with its inputs checked."""

import fnmatch
import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from json import dumps
from pathlib import Path
from typing import Any

from filelock import FileLock
from monailabel.config import settings
from monailabel.datastore.local import DataModel, ImageLabelModel, LocalDatastore

from sdseg.durable import replacing
from sdseg.errors import InputError, UnknownNameError
from sdseg.pacs.links import leads_out
from sdseg.volume.volume_files import read
from sdseg_app.labels.files import plain_file, read_label
from sdseg_app.names import check_name, label_values


def holds_local_images(folder: Path) -> bool:
    """True when MONAI Label's own store would list an image of this folder."""
    patterns = settings.MONAI_LABEL_DATASTORE_FILE_EXT
    names = [path.name for path in folder.iterdir() if path.is_file() and not leads_out(path, folder)]
    return any(fnmatch.filter(names, pattern) for pattern in patterns)


class LocalImageStore(LocalDatastore):
    """`LocalDatastore`, except that names from requests stay inside it, a label must fit its image, an unknown name
    is an error, and a file is written whole or not at all: a full disk costs no label."""

    def __init__(self, folder: Path, model_labels: Callable[[], dict[str, int]]) -> None:
        self._model_labels = model_labels
        self._looking = threading.RLock()
        super().__init__(
            str(folder),
            extensions=settings.MONAI_LABEL_DATASTORE_FILE_EXT,
            auto_reload=settings.MONAI_LABEL_DATASTORE_AUTO_RELOAD,
            read_only=settings.MONAI_LABEL_DATASTORE_READ_ONLY,
        )
        if self._auto_reload:
            # Files come by renaming, also those of the background tasks.
            self._handler.on_moved = self._on_any_event

    def _list_files(self, path: str, patterns: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = super()._list_files(path, patterns)
        return {key: name for key, name in found.items() if not leads_out(Path(path, name), Path(path))}

    def get_image_uri(self, image_id: str) -> str:
        """Raises UnknownNameError: the stock store answers '', which readers take for the current folder."""
        with self._looking:
            path = super().get_image_uri(image_id)
        if not path:
            raise UnknownNameError(f"There is no image {image_id[:80]!r} here; ask for the list of images.")
        return str(path)

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Raises UnknownNameError."""
        self.get_image_uri(image_id)
        return dict(super().get_image_info(image_id))

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        with self._looking:
            path = super().get_label_uri(label_id, label_tag)
        if not path:
            raise UnknownNameError(f"There is no label {label_tag[:80]!r} of the image {label_id[:80]!r}.")
        return str(path)

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        """Raises UnknownNameError."""
        self.get_label_uri(label_id, label_tag)
        return dict(super().get_label_info(label_id, label_tag))

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Raises UnknownNameError, InputError, LabelError; then nothing was written."""
        label_tag = check_name("label tag", label_tag)
        values = label_values(label_info, self._model_labels())
        image = Path(self.get_image_uri(image_id))
        labelmap = read_label(Path(label_filename), image, values)
        with plain_file(Path(label_filename), labelmap, image) as plain, FileLock(self._lock_file):
            entry = self._take(plain, Path(self._datastore.label_path(label_tag)), image_id, label_info)
            self._datastore.objects[image_id].labels[label_tag] = entry
            self._update_datastore_file(lock=False)
        return image_id

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Raises InputError; then nothing was written."""
        path = Path(image_filename)
        image_id = check_name("image id", image_id or self._to_id(path.name)[0])
        if not any(fnmatch.fnmatch(path.name, pattern) for pattern in self._extensions):
            raise InputError(f"This store takes {', '.join(self._extensions)} only.")
        read(path)
        with self._looking, FileLock(self._lock_file):
            entry = self._take(path, Path(self._datastore.image_path()), image_id, image_info)
            self._datastore.objects[image_id] = ImageLabelModel(image=entry)
            self._update_datastore_file(lock=False)
        return image_id

    def remove_image(self, image_id: str) -> None:
        """With its labels. Raises UnknownNameError."""
        self.get_image_uri(image_id)
        super().remove_image(image_id)
        self.refresh()

    # The stock store's watcher empties its table and fills it again while others read it.
    def status(self) -> dict[str, Any]:
        with self._looking:
            return dict(super().status())

    def json(self) -> dict[str, Any]:
        with self._looking:
            return dict(super().json())

    def datalist(self, full_path: bool = True) -> list[dict[str, Any]]:
        with self._looking:
            return list(super().datalist(full_path))

    def list_images(self) -> list[str]:
        with self._looking:
            return list(super().list_images())

    def get_training_images(self) -> list[str]:
        return self.get_labeled_images()

    def get_labeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        with self._looking:
            return list(super().get_labeled_images(label_tag, labels))

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        with self._looking:
            return list(super().get_unlabeled_images(label_tag, labels))

    def _reconcile_datastore(self) -> None:
        with self._looking:
            super()._reconcile_datastore()

    def _take(self, source: Path, folder: Path, image_id: str, info: dict[str, Any]) -> DataModel:
        """Copy a file into the store, whole or not at all, and describe it as the stock store does."""
        extension = self._to_id(source.name)[1]
        target = folder / f"{image_id}{extension}"
        folder.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as stream, replacing(target) as kept:
            shutil.copyfileobj(stream, kept)
        return DataModel(info={**info, "ts": int(time.time()), "name": target.name}, ext=extension)

    def _update_datastore_file(self, lock: bool = True) -> None:
        content = dumps(self._datastore.model_dump(exclude={"base_path"}), indent=2, default=str)
        with FileLock(self._lock_file) if lock else nullcontext():
            with replacing(Path(self._datastore_config_path)) as stream:
                stream.write(content.encode())
            self._config_ts = os.stat(self._datastore_config_path).st_mtime
