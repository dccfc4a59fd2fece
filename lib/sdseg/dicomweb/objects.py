"""Whole instances, series and studies (WADO-RS, PS3.18 10.4), file by file from the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sdseg.dicomweb.accept import DICOM, PLAIN, Offer, Range, choose, require
from sdseg.dicomweb.answer import Answer
from sdseg.dicomweb.multipart import Message, Part
from sdseg.dicomweb.transcode import in_plain_syntax
from sdseg.pacs.folder_index import IndexedFile

_CHUNK = 1 << 18


def answer_objects(files: Sequence[IndexedFile], accepted: Sequence[Range]) -> Answer:
    """Raises RequestError 406."""
    form = require(accepted, _offers(files[0], single=len(files) == 1))
    if not form.multipart:
        media_type, content = _file(files[0], accepted, form)
        return Answer(200, media_type, content)
    message = Message(DICOM, (Part(*_file(file, accepted, form)) for file in files))
    return Answer(200, message.media_type, message)


def _offers(file: IndexedFile, single: bool) -> list[Offer]:
    syntaxes = [file.transfer_syntax or PLAIN, PLAIN]
    several = [Offer(DICOM, syntax, multipart=True) for syntax in syntaxes]
    return [*several, *(Offer(DICOM, syntax) for syntax in syntaxes if single)]


def _file(file: IndexedFile, accepted: Sequence[Range], form: Offer) -> tuple[str, Iterable[bytes]]:
    """Each file decides anew: a series may mix transfer syntaxes."""
    stored = file.transfer_syntax or PLAIN
    chosen = choose(accepted, [offer for offer in _offers(file, True) if offer.multipart == form.multipart])
    if chosen is not None and chosen.transfer_syntax != stored and (content := in_plain_syntax(file.path)) is not None:
        return f"{DICOM}; transfer-syntax={PLAIN}", [content]
    return f"{DICOM}; transfer-syntax={stored}", _read(file.path)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            yield piece
