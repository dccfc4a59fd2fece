"""The answer to an inference, as a file: made by the worker, so that the event loop only has to send it."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from requests_toolbelt import MultipartEncoder  # type: ignore[import-untyped]

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Reply:
    """A body in a file.

    Attributes:
        path: of the body.
        media_type: of the body.
        name: under which a client keeps it; "" where it is no file.
    """

    path: Path
    media_type: str
    name: str = ""


def body_of(folder: Path) -> Path:
    """Where the body of the reply in `folder` lies."""
    return folder / "reply"


def bytes_reply(folder: Path, name: str, content: bytes, media_type: str) -> Reply:
    body_of(folder).write_bytes(content)
    return Reply(body_of(folder), media_type, name)


def json_reply(folder: Path, told: dict[str, Any]) -> Reply:
    return bytes_reply(folder, "", json.dumps(told).encode(), "application/json")


def file_reply(folder: Path, file: Path) -> Reply:
    """`file` is moved."""
    shutil.move(file, body_of(folder))
    return Reply(body_of(folder), "application/octet-stream", file.name)


def multipart_reply(folder: Path, file: Path, told: dict[str, Any]) -> Reply:
    """As MONAI Label's clients take it: `params` and a part with a file name whose suffix tells the reader."""
    with file.open("rb") as stream, body_of(folder).open("wb") as target:
        parts = {
            "params": (None, json.dumps(told), "application/json"),
            "image": (file.name, stream, "application/octet-stream"),
        }
        body = MultipartEncoder(fields=parts)
        while chunk := body.read(_CHUNK):
            target.write(chunk)
    return Reply(body_of(folder), body.content_type)
