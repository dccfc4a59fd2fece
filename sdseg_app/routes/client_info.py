"""What clients may note about an image or a label: anything but what the server itself keeps there.

Viewers send back what they were told, changed in one place; the server's own facts in it are left as they are.
"""

from typing import Any

from sdseg_app.routes.form_json import form_json

_OF_IMAGES = frozenset({"id", "name", "path", "modality", "study", "ts", "inference", "strategy", "review"})
_MEASURED = "uncertainty"  # begins the names of a model's measurements
_OF_LABELS = frozenset({
    "name", "ts", "label_values", "dicom_seg", "from_archive", "user", "annotator", "edited", "by_model", "image_file",
})  # fmt: skip


def image_note(field: str, text: str) -> dict[str, Any]:
    """Raises InputError."""
    return _without(form_json(field, text), _OF_IMAGES)


def label_note(field: str, text: str) -> dict[str, Any]:
    """Raises InputError."""
    return _without(form_json(field, text), _OF_LABELS)


def _without(info: dict[str, Any], kept: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in info.items() if key not in kept and not key.startswith(_MEASURED)}
