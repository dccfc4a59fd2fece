"""The image series that a DICOMweb server tells of (QIDO-RS, PS3.18 10.6), by query or by UID."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydicom.datadict import dictionary_VR, tag_for_keyword

from sdseg.batch.found import Found
from sdseg.delivery.credentials import Credentials
from sdseg.dicomweb.matching import check_value, matches
from sdseg.errors import DeliveryError, InputError
from sdseg.pacs.archive import Archive, open_archive
from sdseg.pacs.search import NOT_IMAGES, Attributes, keys_of, search_series, text_of

_LEVELS = ("StudyInstanceUID", "SeriesInstanceUID")


def parse_query(given: Iterable[str]) -> dict[str, str]:
    """`Keyword=value` each: a value as QIDO knows it, such as 20260101-20260131 or CHEST*.

    Raises:
        InputError: no such attribute, no value, given twice; RequestError: nothing has such a value.
    """
    query: dict[str, str] = {}
    for item in given:
        keyword, equals, value = item.partition("=")
        tag = tag_for_keyword(keyword)
        if not keyword or not equals or not value or tag is None:
            raise InputError(f"{keyword[:64]!r} is no query: write Keyword=value, such as Modality=CT.")
        if keyword in query:
            raise InputError(f"--query {keyword} is given twice: give it once.")
        check_value(keyword, dictionary_VR(tag), value)
        query[keyword] = value
    return query


def open_server(address: str) -> Archive:
    """Raises InputError: malformed address; DeliveryError: no answer."""
    return open_archive(address, Credentials.from_environment().session())


def find_by_query(client: Archive, address: str, query: Mapping[str, str]) -> list[Found]:
    """Every image series that matches `query`, sorted by study and series.

    Servers may ignore what they cannot search for: what they tell is compared again.

    Raises:
        DeliveryError: no answer, or one that does not tell whether it matches.
    """
    told = search_series(client, dict(query))
    for keyword in query:
        if told and not any(text_of(attributes, keyword) for attributes in told.values()):
            raise DeliveryError(
                f"The archive {client.base_url} does not tell {keyword} of its series, and may have ignored it: "
                "leave it out of the query."
            )
    return _found({uid: item for uid, item in told.items() if _fits(item, query)}, address)


def find_by_uid(client: Archive, address: str, uid: str) -> list[Found]:
    """The image series of the study `uid`, or the one series `uid`; [] where there is neither. Raises DeliveryError."""
    for level in _LEVELS:
        if found := find_by_query(client, address, {level: uid}):
            return found
    return []


def _found(told: dict[str, Attributes], address: str) -> list[Found]:
    keys = [key for key in keys_of(told) if key.modality not in NOT_IMAGES]
    keys.sort(key=lambda key: (key.study_uid, key.series_uid))
    return [Found(key.study_uid, key.series_uid, key.modality, key.images, archive=address) for key in keys]


def _fits(attributes: Attributes, query: Mapping[str, str]) -> bool:
    return all(matches(text_of(attributes, keyword), wanted, _vr(keyword)) for keyword, wanted in query.items())


def _vr(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    assert tag is not None, "the query was parsed"
    return dictionary_VR(tag)
