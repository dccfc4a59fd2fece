"""MONAI Label's own store for folders of NIfTI, NRRD and pictures, with its inputs checked."""

import fnmatch
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from json import dumps
from pathlib import Path
from typing import Any

from filelock import FileLock
from monailabel.config import settings as stock
from monailabel.datastore.local import DataModel, ImageLabelModel, LocalDatastore

from sdseg.corrections.folder_images import images_of_folder
from sdseg.corrections.home import division_of
from sdseg.corrections.material import Tell, material_from, tell_log
from sdseg.corrections.store import LabelStore
from sdseg.durable import replacing
from sdseg.errors import InputError, UnknownNameError
from sdseg.pacs.links import leads_out
from sdseg.training.material import Material
from sdseg.volume.volume_files import read
from sdseg_app.config.learning import LearningSettings
from sdseg_app.names import check_name
from sdseg_app.stores.label_versions import LabelVersions, copy_whole
from sdseg_app.stores.learning import choice_of


def holds_local_images(folder: Path) -> bool:
    """True when MONAI Label's own store would list an image of this folder."""
    patterns = stock.MONAI_LABEL_DATASTORE_FILE_EXT
    names = [path.name for path in folder.iterdir() if path.is_file() and not leads_out(path, folder)]
    return any(fnmatch.filter(names, pattern) for pattern in patterns)


class LocalImageStore(LabelVersions, LocalDatastore):
    """`LocalDatastore`, except that names from requests stay inside it, a label must fit its image, an unknown name
    is an error, and a file is written whole or not at all: a full disk costs no label.

    What lies in the folder `labels` is the label that counts; every version of every annotator is kept below `home`.
    """

    def __init__(self, folder: Path, model_labels: Callable[[], dict[str, int]], home: Path) -> None:
        self.model_labels = model_labels
        self.home = home
        self.labels = LabelStore(home)
        self._looking = threading.RLock()
        super().__init__(
            str(folder),
            extensions=stock.MONAI_LABEL_DATASTORE_FILE_EXT,
            auto_reload=stock.MONAI_LABEL_DATASTORE_AUTO_RELOAD,
            read_only=stock.MONAI_LABEL_DATASTORE_READ_ONLY,
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
        """With its labels, whose versions stay below `home`. Raises UnknownNameError."""
        self.get_image_uri(image_id)
        self.note_files()
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
        """Images with a final label that nobody rejected or kept from training."""
        self.note_files()
        allowed = self.labels.for_training()
        return [image for image in self.get_labeled_images() if image in allowed]

    def training_material(self, settings: LearningSettings, tell: Tell = tell_log) -> Material:
        """What a model is trained on and judged by; see `sdseg.corrections.material`.

        Raises InputError: the data that the settings add cannot be used.
        """
        self.note_files()
        files = {image: Path(self.get_image_uri(image)) for image in self.list_images()}
        images = images_of_folder(files, self.labels, tell)
        labels = self.model_labels()
        return material_from(self.labels, images, labels, division_of(self.home), choice_of(settings), tell)

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
        target = copy_whole(source, folder / f"{image_id}{extension}")
        return DataModel(info={**info, "ts": int(time.time()), "name": target.name}, ext=extension)

    def _update_datastore_file(self, lock: bool = True) -> None:
        content = dumps(self._datastore.model_dump(exclude={"base_path"}), indent=2, default=str)
        with FileLock(self._lock_file) if lock else nullcontext():
            with replacing(Path(self._datastore_config_path)) as stream:
                stream.write(content.encode())
            self._config_ts = os.stat(self._datastore_config_path).st_mtime
