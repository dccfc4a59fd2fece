"""JSON in a form field."""

import json
from typing import Any

from sdseg.errors import InputError


def form_json(field: str, text: str) -> dict[str, Any]:
    """The object in `text`, {} when it is empty. Raises InputError."""
    try:
        value = json.loads(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise InputError(f"The field {field} is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InputError(f'The field {field} must be a JSON object, like {{"seed": 0}}.')
    return value
