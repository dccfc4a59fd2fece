"""A DICOMweb server behind ours: requests are passed on with the server's own login, answers stream back."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import BinaryIO

import requests

from sdseg.dicomweb.answer import DICOM_JSON, Answer, RequestError
from sdseg.dicomweb.multipart import boundary_of
from sdseg.dicomweb.resource import SEARCHES, Resource
from sdseg.dicomweb.rewriting import our_address, rewrite
from sdseg.errors import DeliveryError
from sdseg.pacs.answers import failure, retry_after
from sdseg.pacs.asking import asking
from sdseg.pacs.server_client import ServerClient

logger = logging.getLogger(__name__)

# Nothing else of a request goes on: its cookies and its login are for us.
FORWARDED = ("Accept", "Accept-Charset", "Accept-Language", "Range")
_RETURNED = ("Warning", "Content-Range", "Accept-Ranges")
_JSON = frozenset({DICOM_JSON, "application/json"})
# Not 401 or 403: the PACS does not know us, and a browser would ask its user. Not 500: it is not we who failed.
_ABOUT_THE_REQUEST = frozenset({409, 413, 415, 422, 429, 503, 504, 507})
_STORE_ANSWERS = frozenset({400, 409})
_CHUNK = 1 << 16
_LONGEST_QUERY = 8192


class PacsOrigin:
    """Answers from the server of `client`. Any thread may ask."""

    def __init__(self, client: ServerClient) -> None:
        self._client = client

    def get(self, resource: Resource, query: str, headers: Mapping[str, str], base: str) -> Answer:
        """`query`: the query string as it came; `base`: address of our service, as the client knows it.

        Raises RequestError: the PACS answered an error, or did not answer (502, 504).
        """
        if len(query) > _LONGEST_QUERY or not query.isascii() or not query.isprintable():
            raise RequestError(400, "The query string is too long or holds characters that must be encoded.")
        url = self._url(resource) + (f"?{query}" if query else "")
        sent = {name: headers[name] for name in FORWARDED if name in headers}
        response = self._ask("GET", url, f"asking for {resource.kind}", {"Accept": "*/*", **sent})
        return self._answer(response, f"asking for {resource.kind}", base, frozenset())

    def store(self, body: BinaryIO, content_type: str, study: str, accept: str, base: str) -> Answer:
        """Pass a multipart message on, a file read from its beginning. Raises RequestError as above, and 400, 415."""
        boundary_of(content_type)
        prefix = f"/{self._client.stow_url_prefix}" if self._client.stow_url_prefix else ""
        url = f"{self._client.base_url}{prefix}/studies" + (f"/{study}" if study else "")
        headers = {"Content-Type": content_type, "Accept": accept or DICOM_JSON}
        response = self._ask("POST", url, "storing", headers, body)
        return self._answer(response, "storing", base, _STORE_ANSWERS)

    def _url(self, resource: Resource) -> str:
        client = self._client
        prefix = client.qido_url_prefix if resource.kind in SEARCHES else client.wado_url_prefix
        return f"{client.base_url}{f'/{prefix}' if prefix else ''}{resource.path}"

    def _ask(
        self, method: str, url: str, doing: str, headers: Mapping[str, str], body: BinaryIO | None = None
    ) -> requests.Response:
        """Redirections are not followed: they might lead anywhere, with our login."""
        try:
            with asking(self._client, doing):
                return self._client.session.request(
                    method,
                    url,
                    headers=dict(headers),
                    data=body,
                    timeout=self._client.timeout,
                    allow_redirects=False,
                    stream=True,
                )
        except DeliveryError as error:
            status = 504 if isinstance(error.__cause__, requests.Timeout) else 502
            raise RequestError(status, str(error)) from error

    def _answer(self, response: requests.Response, doing: str, base: str, passed: frozenset[int]) -> Answer:
        status, media_type = response.status_code, response.headers.get("Content-Type", "")
        in_json = media_type.partition(";")[0].strip().lower() in _JSON
        if not 200 <= status < 300 and not (status in passed and (in_json or not media_type)):
            response.close()
            raise self._failed(response, doing)
        body = _pieces(response)
        headers = {name: response.headers[name] for name in _RETURNED if name in response.headers}
        if in_json or status in passed:
            return Answer(status, media_type or DICOM_JSON, rewrite(body, base), headers)
        if "Content-Encoding" not in response.headers and "Content-Length" in response.headers:
            headers["Content-Length"] = response.headers["Content-Length"]
        if location := our_address(response.headers.get("Content-Location", ""), base):
            headers["Content-Location"] = location
        return Answer(status, media_type, body, headers)

    def _failed(self, response: requests.Response, doing: str) -> RequestError:
        """Its status where that is about the request; what is between the two servers is 502."""
        status, archive = response.status_code, f"The archive {self._client.base_url}"
        error = failure(status, response.headers, archive, doing)
        if status in (404, 410):
            return RequestError(404, "The archive has nothing of this name; search for what there is.")
        if status in (400, 406):
            return RequestError(status, f"{archive} refused this while {doing} ({status}): see Accept and the query.")
        if status in _ABOUT_THE_REQUEST:
            return RequestError(status, str(error), retry_after(response.headers))
        logger.warning("%s", error)
        return RequestError(502, str(error))


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """The body, unpacked where it is compressed for the way. The connection ends with who reads it."""
    with closing(response):
        yield from response.iter_content(_CHUNK)
