"""Opening an archive: a folder of DICOM files or a DICOMweb server, one interface (dicomweb-client's)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

import requests
import retrying  # type: ignore[import-untyped]
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_user_pass
from pydicom.errors import InvalidDicomError

from sdseg.errors import DeliveryError, InputError
from sdseg.pacs.folder_client import FolderClient

Archive: TypeAlias = DICOMwebClient | FolderClient

# Media types of a retrieval: DICOM files in whatever transfer syntax the archive keeps them.
AS_STORED = (("application/dicom", "*"),)
# Seconds to connect, and between two packets of an answer: a busy archive may think for a while.
_TIMEOUT = (5.0, 120.0)


def is_server(studies: str) -> bool:
    return studies.startswith(("http://", "https://"))


def open_archive(studies: str) -> Archive:
    """The archive at `studies`, a folder or a DICOMweb URL.

    Credentials of a server come from MONAI_LABEL_DICOMWEB_USERNAME and MONAI_LABEL_DICOMWEB_PASSWORD or from
    the URL, path prefixes from MONAI_LABEL_QIDO_PREFIX, MONAI_LABEL_WADO_PREFIX and MONAI_LABEL_STOW_PREFIX:
    the names that MONAI Label itself uses.
    Raises InputError (no such folder, malformed URL), DeliveryError (no answer).
    """
    if not is_server(studies):
        return FolderClient(Path(studies))
    client = _open_server(studies)
    with asking(client, "opening it"):
        client.search_for_studies(limit=1)
    return client


def _open_server(url: str) -> DICOMwebClient:
    parts = urlsplit(url)
    user = os.environ.get("MONAI_LABEL_DICOMWEB_USERNAME") or unquote(parts.username or "")
    password = os.environ.get("MONAI_LABEL_DICOMWEB_PASSWORD") or unquote(parts.password or "")
    # Without the user information: the address is shown in messages and logs.
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
    try:
        client = DICOMwebClient(
            url=address,
            session=create_session_from_user_pass(user, password) if user else requests.Session(),
            timeout=_TIMEOUT,
            qido_url_prefix=os.environ.get("MONAI_LABEL_QIDO_PREFIX") or None,
            wado_url_prefix=os.environ.get("MONAI_LABEL_WADO_PREFIX") or None,
            stow_url_prefix=os.environ.get("MONAI_LABEL_STOW_PREFIX") or None,
        )
    except ValueError as error:
        raise InputError(
            f"{address} is not a DICOMweb address; it should look like http://host:port/dicom-web."
        ) from error
    client.set_http_retry_params(retry=True, max_attempts=3, wait_exponential_multiplier=250)
    return client


@contextmanager
def asking(client: Archive, doing: str) -> Iterator[None]:
    """Turn whatever goes wrong while `doing` something with the archive into a DeliveryError."""
    archive = f"The archive {client.base_url}"
    try:
        yield
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        raise DeliveryError(f"{archive} answered {status} while {doing}; its log should say why.") from error
    except requests.Timeout as error:
        raise DeliveryError(f"{archive} did not answer in time while {doing}; try again or ask its keeper.") from error
    except requests.RequestException as error:
        raise DeliveryError(
            f"{archive} cannot be reached while {doing}; check the address and that it is running."
        ) from error
    except retrying.RetryError as error:
        raise DeliveryError(f"{archive} kept failing while {doing}; try again or ask its keeper.") from error
    except (InvalidDicomError, ValueError) as error:
        raise DeliveryError(f"{archive} sent something that is not DICOM while {doing}; check the address.") from error
    except OSError as error:
        raise DeliveryError(f"{archive} failed while {doing}: {error.strerror or error}.") from error
