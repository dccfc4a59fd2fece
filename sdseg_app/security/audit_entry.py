"""What the audit log says of one request: ids, never a name, a value or a text of a patient."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from starlette.requests import Request

from sdseg_app.security.replies import route_path

_UID = re.compile(r"[0-2](\.(0|[1-9][0-9]*)){1,30}")  # DICOM PS3.5 section 9.1
_LONGEST_UID = 64
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")  # of ours: jobs, sessions; and names of models, tags, strategies
_DICOMWEB = (("studies", "study"), ("series", "series"), ("instances", "instance"))
# Query key -> how the entry calls it. QIDO takes keywords and tags (DICOM PS3.18 section 8.3.4).
_QUERY = {
    "image": "image",
    "id": "image",
    "StudyInstanceUID": "study",
    "StudyInstanceUIDs": "study",
    "0020000D": "study",
    "SeriesInstanceUID": "series",
    "0020000E": "series",
    "SOPInstanceUID": "instance",
    "00080018": "instance",
}
# Part of a path -> how the entry calls it; `id` is a job's.
_PATH = {key: key for key in ("model", "strategy", "method", "session_id")} | {"id": "job"}
_OWN = ("session_id", "job", "tag")


def entry_of(request: Request, status: int, job: str = "") -> dict[str, Any]:
    """The entry of a request that was answered with `status`; `job` as the reply's header says."""
    user = getattr(request.state, "user", None)
    client = request.scope.get("client")
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "user": user.name if user else None,
        "role": user.role.word if user else None,
        "client": client[0] if client else None,
        "method": request.method[:16],
        "route": _route(request),
        "status": status,
        **_ids(request),
        **(_own(request) if status < 400 else {}),
        **({"job": job} if _TOKEN.fullmatch(job) else {}),
    }


def _route(request: Request) -> str | None:
    """As the code names it, like /infer/{model}; a path as it was asked could hold anything."""
    context = request.scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(context, "path", None) or getattr(request.scope.get("route"), "path", None)
    return str(path) if path else None


def _ids(request: Request) -> dict[str, str]:
    pairs = [(_QUERY[key], value) for key, value in request.query_params.multi_items()[:50] if key in _QUERY]
    pairs += [(key, str(value)) for key, value in request.path_params.items() if key == "image"]
    return {key: shown_id(value) for key, value in pairs} | _dicomweb_ids(route_path(request))


def _own(request: Request) -> dict[str, str]:
    """Names of our own: of a request that was refused they could be anything."""
    pairs = [(key, request.query_params.get(key, "")) for key in _OWN]
    pairs += [(_PATH[key], str(value)) for key, value in request.path_params.items() if key in _PATH]
    return {key: value for key, value in pairs if _TOKEN.fullmatch(value)}


def _dicomweb_ids(path: str) -> dict[str, str]:
    parts = path.split("/")
    after: Mapping[str, str] = dict(pairwise(parts))
    return {name: shown_id(after[word]) for word, name in _DICOMWEB if after.get(word)}


def shown_id(value: str) -> str:
    """A DICOM UID as it is. Anything else may be a file name, and that a patient's: the beginning of its SHA-256."""
    if len(value) <= _LONGEST_UID and _UID.fullmatch(value):
        return value
    return f"sha256:{hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()[:16]}"
