"""The local copies of labels: every version kept, each annotator's latest his own, the latest of all what counts."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sdseg.corrections.book import LabelBook, LabelRecord
from sdseg.corrections.predictions import Predictions
from sdseg.corrections.review_book import ACCEPT, REJECT, ReviewBook
from sdseg.durable import sync
from sdseg.errors import UnknownNameError

FINAL = "final"  # MONAI Label's DefaultLabelTag.FINAL


class LabelStore:
    """Mask files below `home / "labels"` and the book that says which of them count."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "labels"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.book = LabelBook(home / "labels.db")
        self.reviews = ReviewBook(home / "labels.db")
        self.predictions = Predictions(home / "predictions")

    def keep(
        self,
        image: str,
        tag: str,
        file: Path,
        digest: str,
        info: dict[str, Any],
        saved: float | None = None,
        annotator: str = "",
        changed: Path | None = None,
    ) -> None:
        """Take over finished files (on the same disk) as the new version. Names must have been checked.

        Args:
            image, tag: of the label.
            file: the mask.
            digest: of the mask and its names.
            info: what is noted about it.
            saved: when it was made elsewhere, in seconds since the epoch; else now.
            annotator: whose it is.
            changed: mask of what was changed in a prediction.
        """
        folder = self.folder / tag / image
        folder.mkdir(parents=True, exist_ok=True)
        version = len(list(folder.iterdir())) + 1
        suffix = "".join(file.suffixes[-2:]) if file.name.endswith(".gz") else file.suffix
        target = folder / f"{version:04d}-{digest[:12]}{suffix}"
        name = str(target.relative_to(self.folder))
        if changed is not None:
            _take(changed, self._changed(name))
        _take(file, target)
        self.book.add(image, tag, name, digest, info, saved, annotator)

    def find(self, image: str, tag: str, annotator: str | None = None) -> LabelRecord:
        """The version that counts, or the annotator's own. Raises UnknownNameError."""
        record = self.book.find(image, tag, annotator)
        if record is None:
            whose = f" by {annotator[:80]!r}" if annotator is not None else ""
            raise UnknownNameError(f"There is no label {tag[:80]!r} of the image {image[:80]!r}{whose}.")
        return record

    def path(self, record: LabelRecord) -> Path:
        return self.folder / record.file

    def changed_path(self, record: LabelRecord) -> Path | None:
        """The mask of what was changed in the prediction that the label began from; None where nobody knows, or
        nothing was."""
        path = self._changed(record.file)
        return path if path.is_file() else None

    def withdraw(self, image: str, tag: str, annotator: str | None = None) -> None:
        """It no longer counts, of all annotators or of one; the files stay. Raises UnknownNameError."""
        self.find(image, tag, annotator)
        self.book.remove(image, tag, annotator)

    def finished(self) -> set[str]:
        """The images with a final label."""
        return {record.image for record in self.book.current() if record.tag == FINAL}

    def training_labels(self) -> dict[str, list[LabelRecord]]:
        """Image -> each annotator's final label, the latest first, of those that nobody rejected or kept from
        training. What a program saved by itself gives way to any person's."""
        reviews, verdicts = self.reviews.current(), self.reviews.verdicts()
        found: dict[str, list[LabelRecord]] = {}
        for record in self.book.by_annotator():
            kept = record.image in reviews and not reviews[record.image].training
            if record.tag == FINAL and not kept and verdicts.get((record.image, record.sha256)) != REJECT:
                found.setdefault(record.image, []).append(record)
        return {image: _by_people(records) for image, records in found.items()}

    def for_training(self) -> dict[str, LabelRecord]:
        """Image -> the latest of its `training_labels`."""
        return {image: records[0] for image, records in self.training_labels().items()}

    def accepted(self) -> set[tuple[str, str]]:
        """(image, SHA-256) of the labels that were accepted in review: they speak of all slices."""
        return {label for label, verdict in self.reviews.verdicts().items() if verdict == ACCEPT}

    def counts(self, images: Iterable[str]) -> dict[str, int]:
        """Tag -> how many of `images` have a label with that tag."""
        known = set(images)
        tags = [record.tag for record in self.book.current() if record.image in known]
        return {tag: tags.count(tag) for tag in sorted(set(tags))}

    def described(self) -> dict[str, dict[str, Any]]:
        """Image -> tag -> {"ext", "info"}, as in MONAI Label's `datastore_v2.json`."""
        labels: dict[str, dict[str, Any]] = {}
        for record in self.book.current():
            entry = {"ext": Path(record.file).suffix, "info": public_info(record)}
            labels.setdefault(record.image, {})[record.tag] = entry
        return labels

    def _changed(self, name: str) -> Path:
        return self.home / "changed" / f"{name}.nrrd"


def public_info(record: LabelRecord) -> dict[str, Any]:
    """What is told of a label to those who ask for it."""
    return {**record.info, "annotator": record.annotator, "ts": int(record.saved), "name": Path(record.file).name}


def _by_people(records: list[LabelRecord]) -> list[LabelRecord]:
    people = [record for record in records if not record.info.get("by_model")]
    return people or records


def _take(file: Path, target: Path) -> None:
    """On the disk before it has its name. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    sync(file)
    os.replace(file, target)
    sync(target.parent)
