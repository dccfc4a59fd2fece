"""A group of settings: from `--conf key value`, else the environment variable SDSEG_KEY, else the default."""

import os
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from sdseg.errors import InputError


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""Several words, in text form separated by commas."""


class Group(BaseModel):
    """Every field has a default and a description for the reference. An empty text stands for the default."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def read(cls, conf: Mapping[str, str]) -> Self:
        """Of `conf` only the keys of this group count. Raises InputError, which names the wrong value and its key."""
        given = {key: conf.get(key) or os.environ.get(variable(key), "") for key in cls.model_fields}
        try:
            return cls.model_validate({key: value for key, value in given.items() if value})
        except ValidationError as error:
            first = error.errors()[0]
            key = str(first["loc"][0]) if first["loc"] else ""
            reason = first["msg"].removeprefix("Value error, ")
            about = cls.model_fields[key].description if key in cls.model_fields else cls.__doc__
            raise InputError(
                f"--conf {key} (or {variable(key)}) cannot be {given.get(key, '')[:80]!r}: {reason}; {about}"
            ) from error


def variable(key: str) -> str:
    """The environment variable of a key."""
    return f"SDSEG_{key.upper()}"
