"""JSON from a request, in a form field or as the body: an object that can be stored and given back as JSON."""

import json
from typing import Annotated, Any

from fastapi import Form
from pydantic import AfterValidator

from sdseg.errors import InputError


def json_field(description: str) -> Any:
    """`Form(...)` of a text that is to hold a JSON object; `form_json` reads it."""
    return Form(description=f"A JSON object: {description}", json_schema_extra={"contentMediaType": "application/json"})


def form_json(field: str, text: str) -> dict[str, Any]:
    """The object in `text`, {} when it is empty. Raises InputError."""
    try:
        value = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise InputError(f"The field {field} is not valid JSON: {str(error)[:200]}.") from error
    if not isinstance(value, dict):
        raise InputError(f'The field {field} must be a JSON object, like {{"seed": 0}}.')
    try:
        return _plain(value)
    except ValueError as error:
        raise InputError(f"The field {field} cannot be used: {error}.") from error


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Raises ValueError for what Python's JSON reader takes and no other does."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except UnicodeEncodeError as error:
        raise ValueError("it holds half a character (a lone surrogate)") from error
    except ValueError as error:
        raise ValueError("NaN, Infinity and numbers that large are no JSON") from error
    return value


JsonBody = Annotated[dict[str, Any], AfterValidator(_plain)]
"""A JSON object as the body of a request."""
