"""Names that arrive in requests and end up in file names: checked before they are used."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from sdseg.errors import InputError, LabelError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DIGITS = 9  # more than any value has, and few enough for Python to read


def check_name(what: str, name: Any) -> str:
    """`name` as plain text. Raises InputError unless it is a text of letters, digits, '_' and '-'."""
    # A str that is an Enum, like MONAI Label's tags, prints as its name, in a path too.
    name = str(name.value) if isinstance(name, Enum) else name
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(
            f"The {what} {str(name)[:80]!r} is not allowed; use letters, digits, '_' and '-', at most 64 of them."
        )
    return name


def label_values(info: Mapping[str, Any], model_labels: Mapping[str, int]) -> dict[str, int]:
    """Name -> value of the labels that a saved mask may hold.

    `info` is what a viewer sends with a label: {"label_info": [{"name": ..., "idx": ...}, ...]}. Without it the
    model's own labels hold. Names are never guessed from positions. Raises LabelError.
    """
    entries = info.get("label_info")
    if not entries:
        return dict(model_labels)
    values: dict[str, int] = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        # The panel of 3D Slicer writes `idx` with a label and `id` with scribbles.
        known = entry if isinstance(entry, dict) else {}
        name, index = known.get("name"), str(known.get("idx", known.get("id")))
        if not isinstance(name, str) or not name or not index.isdecimal() or len(index) > _DIGITS:
            raise LabelError('Each entry of label_info needs a name and a number, {"name": ..., "idx": 1}.')
        value = int(index)
        if not 1 <= value <= 255 or value in values.values() or name in values:
            raise LabelError(f"label_info gives {name!r} the value {value}: values must differ and be 1 to 255.")
        values[name] = value
    return values


def in_order(labels: Mapping[str, int]) -> dict[str, int]:
    """The labels by value: 3D Slicer's panel counts them off, and older ones do not sort."""
    return dict(sorted(labels.items(), key=lambda label: label[1]))
