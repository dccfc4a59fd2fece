"""The local copies of labels: every version kept, the latest counts."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sdseg.corrections.book import LabelBook, LabelRecord
from sdseg.corrections.review_book import ReviewBook
from sdseg.errors import UnknownNameError

FINAL = "final"  # MONAI Label's DefaultLabelTag.FINAL


class LabelStore:
    """Mask files below `home / "labels"` and the book that says which one is current."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "labels"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.book = LabelBook(home / "labels.db")
        self.reviews = ReviewBook(home / "labels.db")

    def keep(
        self, image: str, tag: str, file: Path, digest: str, info: dict[str, Any], saved: float | None = None
    ) -> None:
        """Take over a finished file (on the same disk) as the new version. Names must have been checked.

        `saved`: when it was made, in seconds since the epoch; else now.
        """
        folder = self.folder / tag / image
        folder.mkdir(parents=True, exist_ok=True)
        version = len(list(folder.iterdir())) + 1
        target = folder / f"{version:04d}-{digest[:12]}{file.suffix}"
        os.replace(file, target)
        self.book.add(image, tag, str(target.relative_to(self.folder)), digest, info, saved)

    def find(self, image: str, tag: str) -> LabelRecord:
        """The current version. Raises UnknownNameError."""
        record = self.book.find(image, tag)
        if record is None:
            raise UnknownNameError(f"There is no label {tag[:80]!r} of the image {image[:80]!r}.")
        return record

    def path(self, record: LabelRecord) -> Path:
        return self.folder / record.file

    def finished(self) -> set[str]:
        """The images with a final label."""
        return {record.image for record in self.book.current() if record.tag == FINAL}

    def for_training(self) -> dict[str, LabelRecord]:
        """Image -> its final label, of those that nobody rejected or kept from training."""
        reviews = self.reviews.current()
        finals = {record.image: record for record in self.book.current() if record.tag == FINAL}
        return {
            image: record
            for image, record in finals.items()
            if image not in reviews or reviews[image].allows_training(record)
        }

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


def public_info(record: LabelRecord) -> dict[str, Any]:
    return {**record.info, "ts": int(record.saved), "name": Path(record.file).name}
