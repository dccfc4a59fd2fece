"""The labels of MONAI Label's own store, of which it keeps one each: every annotator's, and every version."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock
from monailabel.datastore.local import DataModel, LocalDatastore

from sdseg.corrections.book import LabelRecord
from sdseg.corrections.folder_images import note_label_file, same_file
from sdseg.corrections.slices import checked_note
from sdseg.corrections.store import LabelStore, public_info
from sdseg.durable import replacing
from sdseg.errors import UnknownNameError
from sdseg_app.labels.beginning import INFERENCE, beginning_of, note_again
from sdseg_app.labels.files import digest_of, plain_file, read_label
from sdseg_app.names import check_name, label_values


class LabelVersions(LocalDatastore):
    """What of `LocalImageStore` is about labels. The file in the folder `labels` is the one that counts; it is
    replaced by the next, and a copy of each stays below `home`."""

    home: Path
    labels: LabelStore
    model_labels: Callable[[], dict[str, int]]
    _looking: Any

    def save_label(
        self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any], annotator: str = ""
    ) -> str:
        """Raises UnknownNameError, InputError, LabelError; then nothing was written."""
        tag, label = check_name("label tag", label_tag), Path(label_filename)
        values = label_values(label_info, self.model_labels())
        image = Path(self.get_image_uri(image_id))
        labelmap = read_label(label, image, values)
        inference = self.get_image_info(image_id).get(INFERENCE)
        began = beginning_of(self.labels, image_id, labelmap, values, label_info, inference)
        info = {**label_info, "label_values": values, **began.info}
        digest = digest_of(labelmap, values)
        with (
            plain_file(label, labelmap, image) as plain,
            tempfile.TemporaryDirectory(dir=self.home, prefix=".saving-") as scratch,
            self._looking,
            FileLock(self._lock_file),
        ):
            self._note_file(image_id, tag)
            copy = copy_whole(plain, Path(scratch) / plain.name)
            changed = began.write_changed(image, Path(scratch) / "changed.nrrd")
            # A label that lies in the folder is never lost: if the machine dies now, it is noted later.
            self._show(image_id, tag, copy, {**info, "annotator": annotator})
            own = self.labels.book.find(image_id, tag, annotator)
            if own is not None and own == self.labels.book.find(image_id, tag) and self._is_kept(own, digest, copy):
                self.labels.book.add_info(own, note_again(label_info))
            else:
                self.labels.keep(image_id, tag, copy, digest, info, None, annotator, changed)
        return image_id

    def _is_kept(self, own: LabelRecord, digest: str, file: Path) -> bool:
        """Whether this is the file of the label, byte by byte: another kind of file is another version."""
        return own.sha256 == digest and same_file(file, self.labels.path(own))

    def annotators_labels(self, image_id: str) -> list[LabelRecord]:
        """Each annotator's current label of an image, by tag, the latest first. Raises UnknownNameError."""
        self.get_image_uri(image_id)
        self.note_files()
        return self.labels.book.by_annotator(image_id)

    # Without `annotator` the label that counts, as the stock store has it.
    def get_label_uri(self, label_id: str, label_tag: str, annotator: str | None = None) -> str:
        """Raises UnknownNameError."""
        if annotator is not None:
            return str(self.labels.path(self.labels.find(label_id, label_tag, annotator)))
        with self._looking:
            path = super().get_label_uri(label_id, label_tag)
        if not path:
            raise UnknownNameError(f"There is no label {label_tag[:80]!r} of the image {label_id[:80]!r}.")
        return str(path)

    def get_label_info(self, label_id: str, label_tag: str, annotator: str | None = None) -> dict[str, Any]:
        """Raises UnknownNameError."""
        self.get_label_uri(label_id, label_tag, annotator)
        if annotator is not None:
            return public_info(self.labels.find(label_id, label_tag, annotator))
        return dict(super().get_label_info(label_id, label_tag))

    def update_label_info(
        self, label_id: str, label_tag: str, info: dict[str, Any], annotator: str | None = None
    ) -> None:
        """Raises UnknownNameError; LabelError: its `labelled_slices` are none."""
        self.get_label_uri(label_id, label_tag, annotator)
        self.note_files()
        record, note = self.labels.find(label_id, label_tag, annotator), checked_note(info)
        self.labels.book.add_info(record, note)
        if record == self.labels.book.find(label_id, label_tag, record.annotator) and annotator is None:
            super().update_label_info(label_id, label_tag, note)

    def remove_label(self, label_id: str, label_tag: str, annotator: str | None = None) -> None:
        """The label no longer counts, of all annotators or of one; the next one counts then. Raises
        UnknownNameError."""
        self.get_label_uri(label_id, label_tag, annotator)
        with self._looking, FileLock(self._lock_file):
            self._note_file(label_id, label_tag)
            self.labels.withdraw(label_id, label_tag, annotator)
            self.show_current(label_id, label_tag)

    def show_current(self, image_id: str, tag: str) -> None:
        """Put the label that counts into the folder, or none."""
        record = self.labels.book.find(image_id, tag)
        if record is not None:
            self._show(image_id, tag, self.labels.path(record), {**record.info, "annotator": record.annotator})
            return
        Path(super().get_label_uri(image_id, tag)).unlink(missing_ok=True)
        self._datastore.objects[image_id].labels.pop(tag, None)
        self._update_datastore_file(lock=False)

    def note_files(self) -> None:
        """Keep copies of all labels that somebody put into the folder."""
        with self._looking, FileLock(self._lock_file):
            for image, known in self._datastore.objects.items():
                for tag in known.labels:
                    self._note_file(image, tag)

    def _note_file(self, image_id: str, tag: str) -> None:
        path = super().get_label_uri(image_id, tag)
        if path and os.path.isfile(path):
            note_label_file(self.labels, image_id, tag, Path(path))

    def _show(self, image_id: str, tag: str, file: Path, info: dict[str, Any]) -> None:
        before = super().get_label_uri(image_id, tag)
        extension = self._to_id(file.name)[1]
        target = Path(self._datastore.label_path(tag)) / f"{image_id}{extension}"
        target.parent.mkdir(parents=True, exist_ok=True)
        copy_whole(file, target)
        entry = DataModel(info={**info, "ts": int(target.stat().st_mtime), "name": target.name}, ext=extension)
        self._datastore.objects[image_id].labels[tag] = entry
        self._update_datastore_file(lock=False)
        if before and Path(before) != Path(os.path.realpath(target)):
            Path(before).unlink(missing_ok=True)  # of another kind; its copy is kept


def copy_whole(source: Path, target: Path) -> Path:
    """Whole or not at all. Raises OSError."""
    with source.open("rb") as stream, replacing(target) as kept:
        shutil.copyfileobj(stream, kept)
    return target
