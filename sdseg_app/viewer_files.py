"""The files of the OHIF viewer: those of the monailabel wheel as they are, and ours, which win where names meet."""

import hashlib
import re
from functools import cache
from pathlib import Path

import monailabel

BUNDLE = Path(monailabel.__file__).parent / "endpoints" / "static" / "ohif"
OURS = Path(__file__).parent / "web" / "ohif"

_INDEX = "index.html"
_APP_BUNDLE = re.compile(r"app\.bundle\.[0-9a-f]{20}\.js")
# The content is named by its hash: 123.bundle.0123456789abcdef0123.js, 0123456789abcdef0123.wasm.
_HASHED = re.compile(r"(^|[./])[0-9a-f]{20}\.[a-z]+$")
# A service worker, log-in to Google and an OpenID helper: they load code from other hosts, and nothing here needs them.
_LEFT_OUT = {_INDEX, "sw.js", "init-service-worker.js", "google.js", "silent-refresh.html", "_headers", "_redirects"}
_REMOTE_IMPORT = re.compile(r"@import url\(https?:[^)]*\);")
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webapp": "application/manifest+json",
    ".xml": "application/xml",
}


@cache
def viewer_files() -> dict[str, Path]:
    """Path below /ohif/ -> file. A request is looked up here and never made into a path."""
    found = {}
    for folder in (BUNDLE, OURS):
        files = (path for path in folder.rglob("*") if path.is_file())
        found.update({path.relative_to(folder).as_posix(): path for path in files})
    return {name: path for name, path in found.items() if name not in _LEFT_OUT}


@cache
def index_page() -> str:
    """Our index.html, which starts the bundle.

    The bundle's own has inline scripts, which a Content-Security-Policy forbids, and asks Google for a font.
    """
    scripts = [name for name in viewer_files() if _APP_BUNDLE.fullmatch(name)]
    if len(scripts) != 1:
        raise RuntimeError(f"The monailabel package holds {len(scripts)} builds of OHIF; reinstall it.")
    return (OURS / _INDEX).read_text(encoding="utf-8").replace("APP_BUNDLE", scripts[0])


def without_strangers(style: Path) -> bytes:
    """A style sheet of the bundle without what it imports from other hosts, which are fonts."""
    return _REMOTE_IMPORT.sub("", style.read_text(encoding="utf-8")).encode()


def etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def media_type(name: str) -> str:
    return _TYPES.get(Path(name).suffix, "application/octet-stream")


def is_hashed(name: str) -> bool:
    """Whether a name changes with its content, so that a browser may keep the file for good."""
    return _HASHED.search(name) is not None
