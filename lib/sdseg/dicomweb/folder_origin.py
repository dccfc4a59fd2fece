"""A folder of DICOM files as an origin server: what a request asks for, from whom it comes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from sdseg.dicomweb.accept import Offer, Range, parse_accept, require
from sdseg.dicomweb.answer import DICOM_JSON, Answer, warning
from sdseg.dicomweb.bulkdata import answer_bulkdata
from sdseg.dicomweb.catalogue import Catalogue
from sdseg.dicomweb.frames import answer_frames
from sdseg.dicomweb.headers import Headers, all_attributes
from sdseg.dicomweb.objects import answer_objects
from sdseg.dicomweb.picture import THUMBNAIL, answer_picture
from sdseg.dicomweb.pixels import find_pixels
from sdseg.dicomweb.query import NOT_FUZZY, Query
from sdseg.dicomweb.resource import SEARCHES, Kind, Resource
from sdseg.dicomweb.search import search
from sdseg.dicomweb.storing import store_message
from sdseg.pacs.folder_client import FolderClient
from sdseg.pacs.folder_index import IndexedFile
from sdseg.pacs.search import NOT_IMAGES

_JSON = (Offer(DICOM_JSON), Offer("application/json"))


class FolderOrigin:
    """Answers for the folder of `client`. Any thread may ask."""

    def __init__(self, client: FolderClient) -> None:
        self._client = client
        self._headers = Headers()
        self._files: Sequence[IndexedFile] = ()
        self._catalogue = Catalogue(())

    def get(self, resource: Resource, parameters: Iterable[tuple[str, str]], accept: str, base: str) -> Answer:
        """`parameters`: of the query string; `base`: address of the service, as the client knows it.

        Raises RequestError, UnknownNameError, InputError.
        """
        query = list(parameters)
        accepted = parse_accept(next((value for name, value in query if name == "accept"), accept))
        if resource.kind in SEARCHES:
            return self._search(resource, query, accepted, base)
        files = self._listed().find(resource.study, resource.series, resource.instance)
        url = f"{base}/studies/{resource.study}/series/{resource.series}/instances/{resource.instance}"
        if resource.kind is Kind.METADATA:
            chosen = require(accepted, _JSON)
            return Answer(200, chosen.media_type, _array(_metadata(files, base)))
        if resource.kind is Kind.OBJECTS:
            return answer_objects(files, accepted)
        if resource.kind is Kind.BULKDATA:
            return answer_bulkdata(files[0].path, resource.bulk, accepted, url)
        if resource.kind is Kind.FRAMES:
            return answer_frames(find_pixels(files[0].path), resource.frames, accepted, url)
        largest = THUMBNAIL if resource.kind is Kind.THUMBNAIL else None
        pixels = find_pixels(_middle(files).path)
        return answer_picture(pixels, (resource.frames or (pixels.frames // 2 + 1,))[0], accepted, largest)

    def store(self, body: BinaryIO, content_type: str, study: str, base: str) -> Answer:
        """See `store_message`."""
        return store_message(self._client, body, content_type, study, base)

    def _search(
        self, resource: Resource, parameters: list[tuple[str, str]], accepted: Sequence[Range], base: str
    ) -> Answer:
        chosen = require(accepted, _JSON)
        query = Query.parse(parameters)
        found = search(self._listed(), self._headers, resource, query, base)
        return Answer(200, chosen.media_type, _array(found), warning(NOT_FUZZY) if query.fuzzy else {})

    def _listed(self) -> Catalogue:
        """Made anew only when the folder changed."""
        files = self._client.files()
        if files is not self._files:
            self._catalogue, self._files = Catalogue(files), files
        return self._catalogue


def _middle(files: Sequence[IndexedFile]) -> IndexedFile:
    """Of images if there are any."""
    images = [file for file in files if file.fields["Rows"] and file.fields["Modality"] not in NOT_IMAGES] or files
    return images[len(images) // 2]


def _metadata(files: Sequence[IndexedFile], base: str) -> Iterator[dict]:
    for file in files:
        study, series, sop = (file.fields[f"{level}InstanceUID"] for level in ("Study", "Series", "SOP"))
        attributes = all_attributes(file, f"{base}/studies/{study}/series/{series}/instances/{sop}")
        if attributes is not None:
            yield attributes | {"00083002": {"vr": "UI", "Value": [file.transfer_syntax]}}


def _array(items: Iterable[dict]) -> Iterator[bytes]:
    """A JSON array, item by item: the headers of a long series need not fit into memory at once."""
    separator = b"["
    for item in items:
        yield separator + json.dumps(item, separators=(",", ":"), allow_nan=False).encode()
        separator = b","
    yield b"[]" if separator == b"[" else b"]"
