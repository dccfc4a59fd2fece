"""MONAI Label's datastore over a DICOM archive: images are series, final labels are filed as DICOM SEG."""

import threading
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore

from sdseg.corrections.archive_images import images_folder, images_of_archive
from sdseg.corrections.book import LabelRecord
from sdseg.corrections.home import division_of
from sdseg.corrections.material import Tell, material_from, tell_log
from sdseg.corrections.slices import checked_note
from sdseg.corrections.store import FINAL, LabelStore, public_info
from sdseg.corrections.training import training_label
from sdseg.errors import InputError
from sdseg.pacs.archive import Archive
from sdseg.pacs.fetch import fetch_series
from sdseg.pacs.folder_client import FolderClient
from sdseg.pacs.search import SeriesKey, find_image_series, list_image_series
from sdseg.training.material import Material
from sdseg_app.config.learning import LearningSettings
from sdseg_app.labels.adoption import adopt_labels
from sdseg_app.labels.saving import save_label
from sdseg_app.stores.dataset_zip import zip_dataset
from sdseg_app.stores.learning import choice_of


class ArchiveDatastore(Datastore):
    """Image id = SeriesInstanceUID; the id of a label is the id of its image.

    Nothing about the archive is remembered between calls: lists and counts are true at once. What is kept, labels
    and fetched images, lives below `home`. `model_labels` tells the labels of the model now served.
    """

    def __init__(
        self,
        archive: Archive,
        home: Path,
        modalities: Collection[str] | None,
        model_labels: Callable[[], dict[str, int]],
    ) -> None:
        self.archive = archive
        self.home = home
        self.labels = LabelStore(home)
        self.model_labels = model_labels
        self._modalities = modalities
        self._adopting = threading.Lock()

    # --- the store itself
    def name(self) -> str:
        return self.labels.book.about("name", str(self.archive.base_url))

    def set_name(self, name: str) -> None:
        self.labels.book.set_about("name", name)

    def description(self) -> str:
        return self.labels.book.about("description", "DICOM archive")

    def set_description(self, description: str) -> None:
        self.labels.book.set_about("description", description)

    def refresh(self) -> None:
        if isinstance(self.archive, FolderClient):
            self.archive.refresh()

    def status(self) -> dict[str, Any]:
        return self.status_of(self._images_with_labels())

    def status_of(self, images: Iterable[str]) -> dict[str, Any]:
        """The same for known images, without asking the archive: the labels are counted as they are now."""
        known = list(images)
        tags = self.labels.counts(known)
        return {"total": len(known), "completed": tags.get(FINAL, 0), "label_tags": tags}

    def json(self) -> dict[str, Any]:
        """The shape of MONAI Label's own `datastore_v2.json`, which viewers read."""
        images = self._images_with_labels()
        labels, info = self.labels.described(), self.labels.book.image_info
        objects = {
            image: {"image": {"ext": "", "info": info(image)}, "labels": labels.get(image, {})} for image in images
        }
        return {"name": self.name(), "description": self.description(), "objects": objects}

    # --- images
    def list_series(self) -> list[SeriesKey]:
        """The series that may be segmented. Raises DeliveryError."""
        return list_image_series(self.archive, self._modalities)

    def look(self) -> list[SeriesKey]:
        """The same after a look for labels that came to the archive another way."""
        series = self.list_series()
        with self._adopting:
            adopt_labels(self, {key.series_uid for key in series})
        return series

    def list_images(self) -> list[str]:
        return [key.series_uid for key in self.list_series()]

    def get_image_uri(self, image_id: str) -> str:
        """A folder with the `.dcm` files of exactly this series. Raises UnknownNameError, DeliveryError."""
        key = find_image_series(self.archive, image_id)
        return str(fetch_series(self.archive, key, images_folder(self.home)))

    def get_image(self, image_id: str, params: Any = None) -> Path:
        return Path(self.get_image_uri(image_id))

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        key = find_image_series(self.archive, image_id)
        about = {"name": f"{key.series_uid}.nrrd", "modality": key.modality, "study": key.study_uid}
        return {**about, **self.labels.book.image_info(image_id)}

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        find_image_series(self.archive, image_id)
        self.labels.book.add_image_info(image_id, info)

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        raise InputError(f"Images come from the archive {self.archive.base_url}; send the DICOM files there.")

    def remove_image(self, image_id: str) -> None:
        raise InputError(f"Images belong to the archive {self.archive.base_url}; remove the series there.")

    def get_labeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Images with a final label, whatever `label_tag` says: so MONAI Label's own store answers."""
        images, finished = self._images_with_labels(), self.labels.finished()
        return [image for image in images if image in finished]

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        images, finished = self._images_with_labels(), self.labels.finished()
        return [image for image in images if image not in finished]

    def get_training_images(self) -> list[str]:
        """Images with a final label that nobody rejected or kept from training."""
        images, allowed = self._images_with_labels(), self.labels.for_training()
        return [image for image in images if image in allowed]

    def adopt(self, arrived: Collection[str]) -> list[str]:
        """Look now for labels in the SEG series that `arrived`, and elsewhere; see `adopt_labels`."""
        images = self.list_images()
        with self._adopting:
            return adopt_labels(self, set(images), arrived)

    def _images_with_labels(self) -> list[str]:
        """All images, after a look for labels that came to the archive another way."""
        images = self.list_images()
        with self._adopting:
            adopt_labels(self, set(images))
        return images

    # --- labels
    def save_label(
        self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any], annotator: str = ""
    ) -> str:
        """See `label_saving.save_label`."""
        return save_label(self, image_id, Path(label_filename), label_tag, label_info, annotator)

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        self._images_with_labels()
        return {record.tag: image_id for record in self.labels.book.current(image_id)}

    def get_label_by_image_id(self, image_id: str, tag: str) -> str:
        return self.get_labels_by_image_id(image_id).get(tag, "")

    def annotators_labels(self, image_id: str) -> list[LabelRecord]:
        """Each annotator's current label of an image, by tag, the latest first. Raises UnknownNameError,
        DeliveryError."""
        find_image_series(self.archive, image_id)
        self._images_with_labels()
        return self.labels.book.by_annotator(image_id)

    # Without `annotator` the latest of all.
    def get_label_uri(self, label_id: str, label_tag: str, annotator: str | None = None) -> str:
        return str(self.labels.path(self.labels.find(label_id, label_tag, annotator)))

    def get_label(self, label_id: str, label_tag: str, params: Any = None) -> Path:
        return Path(self.get_label_uri(label_id, label_tag))

    def get_label_info(self, label_id: str, label_tag: str, annotator: str | None = None) -> dict[str, Any]:
        return public_info(self.labels.find(label_id, label_tag, annotator))

    def update_label_info(
        self, label_id: str, label_tag: str, info: dict[str, Any], annotator: str | None = None
    ) -> None:
        """Raises UnknownNameError; LabelError: its `labelled_slices` are none."""
        record = self.labels.find(label_id, label_tag, annotator)
        self.labels.book.add_info(record, checked_note(info))

    def remove_label(self, label_id: str, label_tag: str, annotator: str | None = None) -> None:
        """The label no longer counts, of all annotators or of one. Its files, and a SEG in the archive, stay."""
        self.labels.withdraw(label_id, label_tag, annotator)

    def show_current(self, image_id: str, tag: str) -> None:
        """Nothing is to be done: the archive shows all that was filed."""

    def datalist(self) -> list[dict[str, Any]]:
        """{"image": folder of the series, "label": mask file in the model's values}, for training.

        Of every final label that holds a structure of the model, unless it was rejected or kept from training.
        """
        pairs = []
        images, allowed = self._images_with_labels(), self.labels.for_training()
        for image in filter(allowed.__contains__, images):
            label = training_label(self.labels, allowed[image], self.model_labels())
            if label is not None:
                pairs.append({"image": self.get_image_uri(image), "label": str(label)})
        return pairs

    def training_material(self, settings: LearningSettings, tell: Tell = tell_log) -> Material:
        """What a model is trained on and judged by; see `sdseg.corrections.material`.

        Raises DeliveryError; InputError: the data that the settings add cannot be used.
        """
        images = images_of_archive(self.archive, self.look(), self.labels, tell)
        labels = self.model_labels()
        return material_from(self.labels, images, labels, division_of(self.home), choice_of(settings), tell)

    def get_dataset_archive(self, limit_cases: int | None) -> str:
        return str(zip_dataset(self.datalist()[: limit_cases or None], self.home))
