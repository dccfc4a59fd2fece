"""Answers do not tell where things lie on the server."""

import os
import re
import sys
import tempfile
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from fastapi import Request
from monailabel.config import settings

HIDDEN = "[server]"


@lru_cache(maxsize=1)
def _folders() -> re.Pattern[str]:
    """Any of the folders that this server works with, but not in the middle of a URL. They do not change."""
    from sdseg_app.routes.access import running_app  # the app must run before it can be asked

    options = running_app().options
    folders = [options.model_dir, *options.weights.values(), Path(tempfile.gettempdir()), Path(sys.prefix), Path.home()]
    named = [settings.MONAI_LABEL_APP_DIR, settings.MONAI_LABEL_STUDIES, settings.MONAI_LABEL_SESSION_PATH, os.getcwd()]
    folders += [Path(name) for name in named if name and "://" not in name]
    folders += [Path(__file__).parents[2]]
    both = {str(form) for folder in folders for form in (folder.absolute(), folder.resolve())}
    longest_first = sorted((re.escape(root) for root in both - {"/"}), key=len, reverse=True)
    return re.compile(rf"(?<![\w/.])(?:file://)?(?:{'|'.join(longest_first)})(?![\w-])")


def hide_paths(text: str) -> str:
    """`text` with the server's folders replaced by a word; names of files in them stay."""
    return _folders().sub(HIDDEN, text) if "/" in text else text


def hide_all_paths(value: Any) -> Any:
    """The same for every text in a JSON value."""
    if isinstance(value, str):
        return hide_paths(value)
    if isinstance(value, dict):
        return {key: hide_all_paths(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [hide_all_paths(item) for item in value]
    return value


def asked_from_here(request: Request) -> bool:
    """Whether who asks sits at the server's own machine and so can open its files."""
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
