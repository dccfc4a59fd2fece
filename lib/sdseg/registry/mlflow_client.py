"""MLflow's client: opened without phoning home, with patience that ends, failing in one sentence without secrets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sdseg.errors import DeliveryError, InputError, SetupError

if TYPE_CHECKING:
    from mlflow import MlflowClient

ADDRESS = "MLFLOW_TRACKING_URI"
_CREDENTIALS = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
# Of itself it talks, and has minutes of patience for every call; whoever sets these variables has decided.
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def check_address(uri: str) -> str:
    """`uri` if it is that of an MLflow server. Raises InputError: it is not, or MLflow's client is missing."""
    if not _is_address(uri):
        raise InputError(f"{ADDRESS} must be the http or https address of an MLflow server; until then none is told.")
    if find_spec("mlflow") is None:
        raise InputError(f"{ADDRESS} is set, but MLflow's client is missing: pip install 'sdseg[learning]'.")
    return uri


def _is_address(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def shown(uri: str) -> str:
    """The address without user, password and query."""
    parts = urlsplit(uri)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}".rstrip("/")


def open_client(uri: str) -> MlflowClient:
    """A client for tracking and models; no request is made yet. Raises DeliveryError: it does not import."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise DeliveryError(f"MLflow's client cannot be used ({error}); install 'sdseg[learning]' anew.") from error
    return MlflowClient(uri, uri)


@contextmanager
def calling(uri: str) -> Iterator[None]:
    """What MLflow's client raises in the block becomes one sentence.

    Raises:
        SetupError: it refuses the credentials.
        DeliveryError: it does not answer, or not as it should.
    """
    import requests
    from mlflow.exceptions import MlflowException

    where = f"MLflow at {shown(uri)}"
    try:
        yield
    except (MlflowException, requests.RequestException) as error:
        status = _status(error)
        if status in (401, 403):
            raise SetupError(f"{where} refuses the credentials; check {_CREDENTIALS}.") from error
        if status is None:
            raise DeliveryError(f"{where} does not answer; check {ADDRESS} and whether it runs.") from error
        raise DeliveryError(f"{where} refused it ({status}, {_code(error)}); its log tells why.") from error


def is_missing(error: DeliveryError) -> bool:
    """Whether MLflow said that there is no such model, version or alias."""
    return _code(error.__cause__) == "RESOURCE_DOES_NOT_EXIST"


def _code(error: BaseException | None) -> str:
    return str(getattr(error, "error_code", None) or type(error).__name__)


def _status(error: Exception) -> int | None:
    """HTTP status of the answer; None where there was none."""
    import requests
    from mlflow.exceptions import MlflowException

    cause = error if isinstance(error, requests.RequestException) else error.__cause__ or error.__context__
    if isinstance(cause, requests.RequestException):
        return None if cause.response is None else int(cause.response.status_code)
    return int(error.get_http_status_code()) if isinstance(error, MlflowException) else None
