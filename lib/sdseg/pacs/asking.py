"""Whatever goes wrong while an archive is asked, as one sentence."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import requests
import retrying  # type: ignore[import-untyped]
from dicomweb_client.api import DICOMwebClient

from sdseg.dicom.files import READ_ERRORS
from sdseg.errors import DeliveryError, SetupError
from sdseg.pacs.answers import failure
from sdseg.pacs.folder_client import FolderClient

_OURS_WANTED = re.compile(r"CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA|certificate required")
_THEIRS_UNKNOWN = re.compile(r"CERTIFICATE_VERIFY_FAILED")


@contextmanager
def asking(client: DICOMwebClient | FolderClient, doing: str) -> Iterator[None]:
    """Turn whatever goes wrong while `doing` something with the archive into a DeliveryError."""
    archive = f"The archive {client.base_url}"
    try:
        yield
    except requests.HTTPError as error:
        if error.response is None:
            raise DeliveryError(f"{archive} answered an error while {doing}; its log should say why.") from error
        raise failure(error.response.status_code, error.response.headers, archive, doing) from error
    except requests.exceptions.JSONDecodeError as error:
        raise _not_dicom(archive, doing) from error
    except requests.Timeout as error:
        raise DeliveryError(f"{archive} did not answer in time while {doing}; try again or ask its keeper.") from error
    except requests.RequestException as error:
        raise _no_connection(error, archive, doing) from error
    except retrying.RetryError as error:
        raise _kept_failing(error, archive, doing) from error
    except OSError as error:
        raise DeliveryError(f"{archive} failed while {doing}: {error.strerror or error}.") from error
    except (*READ_ERRORS, StopIteration) as error:
        raise _not_dicom(archive, doing) from error


def _not_dicom(archive: str, doing: str) -> DeliveryError:
    return DeliveryError(f"{archive} sent something that is not DICOM while {doing}; check the address.")


def _no_connection(error: requests.RequestException, archive: str, doing: str) -> DeliveryError:
    why = f"{error} {error.__context__}"
    if _THEIRS_UNKNOWN.search(why):
        return SetupError(f"{archive} shows a certificate that is not trusted: give its CA in SDSEG_TLS_CA.")
    if _OURS_WANTED.search(why):
        return SetupError(
            f"{archive} wants another certificate of ours: check SDSEG_TLS_CERTIFICATE and SDSEG_TLS_KEY."
        )
    if isinstance(error, requests.exceptions.SSLError) or isinstance(error.__context__, ssl.SSLError):
        # Also what is seen of a server that ends while it shakes hands: it may come back.
        return DeliveryError(
            f"{archive} broke off the TLS connection; check that it runs, and SDSEG_TLS_CERTIFICATE and SDSEG_TLS_KEY "
            "if it wants a certificate of ours."
        )
    return DeliveryError(f"{archive} cannot be reached while {doing}; check the address and that it is running.")


def _kept_failing(error: retrying.RetryError, archive: str, doing: str) -> DeliveryError:
    answer = error.last_attempt.value
    if isinstance(answer, requests.Response):
        return failure(answer.status_code, answer.headers, archive, doing)
    return DeliveryError(f"{archive} kept failing while {doing}; try again or ask its keeper.")
