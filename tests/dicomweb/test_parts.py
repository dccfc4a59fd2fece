"""The pieces below the routes: grammar, negotiation, matching, addresses, headers in JSON."""

import json

import pytest
from pydicom import Dataset

from sdseg.dicomweb.accept import OCTETS, PLAIN, Offer, choose, parse_accept
from sdseg.dicomweb.answer import RequestError
from sdseg.dicomweb.dicom_json import to_json
from sdseg.dicomweb.matching import matches
from sdseg.dicomweb.resource import Kind, Resource
from sdseg.dicomweb.rewriting import rewrite
from sdseg.dicomweb.stored_series import stored_series

OURS = "https://here.example/dicom-web"
INSTANCE = "/studies/1.2/series/1.3/instances/1.4"
JPEG = "1.2.840.10008.1.2.4.70"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/studies", Kind.STUDIES),
        ("/studies/1.2/instances", Kind.INSTANCES),
        ("/studies/1.2", Kind.OBJECTS),
        ("/studies/1.2/series/1.3/metadata", Kind.METADATA),
        ("/studies/1.2/series/1.3/instances/1.4/frames/1,2", Kind.FRAMES),
        ("/studies/1.2/series/1.3/instances/1.4/frames/1/rendered", Kind.RENDERED),
        ("/studies/1.2/series/1.3/instances/1.4/bulk/00420011", Kind.BULKDATA),
        ("/studies/1.2/series/1.3/instances/1.4/bulkdata/5200.9230/1/x", Kind.BULKDATA),
    ],
)
def test_the_grammar(path: str, kind: Kind) -> None:
    resource = Resource.parse(path)
    assert resource.kind is kind and resource.path == path
    assert resource.study in ("", "1.2") and resource.instance in ("", "1.4")


@pytest.mark.parametrize(
    "path",
    ["", "/", "/studies/", "/studies/a", "/studies/1.2/metadata/x", f"{INSTANCE}/bulkdata/../x",
     f"{INSTANCE}/bulkdata/./x", "/studies/1.2/frames/1", "/studies\n", "/studies/1.2\n",
     "/studies/1.2?x", "http://other/studies", f"{INSTANCE}/frames/1/2"],
)  # fmt: skip
def test_whatever_else_is_refused(path: str) -> None:
    with pytest.raises(RequestError) as raised:
        Resource.parse(path)
    assert raised.value.status == 404


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("multipart/related; type=application/octet-stream; transfer-syntax=*", (OCTETS, JPEG, True)),
        ('multipart/related; type="application/octet-stream"', (OCTETS, PLAIN, True)),
        ('multipart/related; type="image/jpeg"', ("image/jpeg", JPEG, True)),
        ('multipart/related; type="image/*"; transfer-syntax=1.2.840.10008.1.2.4.70', ("image/jpeg", JPEG, True)),
        ("application/octet-stream; transfer-syntax=*", (OCTETS, JPEG, False)),
        ("image/jpeg;q=0.9, application/octet-stream", (OCTETS, PLAIN, False)),
        ("image/jpeg;q=0", None),
        ("text/html", None),
        ('multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.4.90', None),
    ],
)
def test_negotiation(accept: str, expected: tuple[str, str, bool] | None) -> None:
    forms = [(OCTETS, JPEG), ("image/jpeg", JPEG), (OCTETS, PLAIN)]
    offers = [Offer(*form, multipart=True) for form in forms] + [Offer(*form) for form in forms]
    if accept == "image/jpeg;q=0":
        accept += ", text/html"
    assert choose(parse_accept(accept), offers) == (None if expected is None else Offer(*expected))


@pytest.mark.parametrize(
    ("value", "wanted", "vr", "expected"),
    [
        ("20240229", "20240201-20240301", "DA", True), ("2024.02.29", "20240229", "DA", True),
        ("20240229", "-20240228", "DA", False), ("", "20240101-", "DA", False), ("", "*", "DA", True),
        ("103000.000", "1030", "TM", True), ("103059.9", "1000-1030", "TM", True), ("1031", "1000-1030", "TM", False),
        ("5", "5.0", "IS", True), ("5", "6", "IS", False), ("x", "5", "IS", False),
        ("1.2.3", "1.2.*", "UI", False), ("1.2.3", "1.2.3", "UI", True),
        ("Doe^Jane", "doe*", "PN", True), ("Doe^Jane", "doe", "PN", False), ("a[b]", "a[b]", "LO", True),
    ],
)  # fmt: skip
def test_matching(value: str, wanted: str, vr: str, expected: bool) -> None:
    assert matches(value, wanted, vr) is expected


ADDRESSES = [
    ("http://pacs:8042/dicom-web/studies/1.2/series/1.3", f"{OURS}/studies/1.2/series/1.3"),
    (f"https://inner.example/a/b/wado{INSTANCE}/bulk/7fe00010", f"{OURS}{INSTANCE}/bulk/7fe00010"),
    (f"/dicom-web{INSTANCE}/bulkdata/x?offset=1", f"{OURS}{INSTANCE}/bulkdata/x?offset=1"),
    ("http://storage.example/blob/1234?signature=x", "http://storage.example/blob/1234?signature=x"),
    ("http://pacs/studies/1.2/../../etc", "http://pacs/studies/1.2/../../etc"),
    ("see http://pacs/studies/1.2", "see http://pacs/studies/1.2"),
    ("", ""),
]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("escaped", [False, True])
def test_addresses_become_ours_wherever_the_pieces_break(size: int, escaped: bool) -> None:
    told = [
        {"00081190": {"vr": "UR", "Value": [address]}, "00081030": {"Value": ['say "/studies/1.2" ü\\']}}
        for address, _ in ADDRESSES
    ]
    text = json.dumps(told, ensure_ascii=False, indent=1)
    content = (text.replace("/", "\\/") if escaped else text).encode()
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    answer = json.loads(b"".join(rewrite(pieces, OURS)))
    assert [one["00081190"]["Value"][0] for one in answer] == [ours for _, ours in ADDRESSES]
    assert all(one["00081030"] == told[0]["00081030"] for one in answer)


def test_a_text_without_end_is_not_hoarded() -> None:
    passed = 0
    for piece in rewrite((b'"http' + b"x" * 65536 for _ in range(50)), OURS):
        passed += len(piece)
        assert len(piece) < 3 * 65541
    assert passed == 50 * 65541


def test_one_bad_element_is_left_out_and_the_rest_told() -> None:
    dataset = Dataset.from_json({"00100020": {"vr": "LO", "Value": ["A"]}})
    dataset.add_new(0x00200013, "LO", "not a number")
    dataset[0x00200013].VR = "IS"
    dataset.add_new(0x00280030, "DS", ["1.5", ""])
    dataset.add_new(0x00081140, "SQ", [Dataset.from_json({"00280030": {"vr": "DS", "Value": [2.5]}})])
    dataset.add_new(0x00111010, "UN", b"\1\2")
    told = to_json(dataset, lambda path: path)
    assert told["00100020"] == {"vr": "LO", "Value": ["A"]}
    assert told["00280030"] == {"vr": "DS", "Value": [1.5, None]}
    assert told["00081140"]["Value"][0]["00280030"]["Value"] == [2.5]
    assert told["00111010"] == {"vr": "UN", "InlineBinary": "AQI="}
    json.dumps(told, allow_nan=False)


def test_long_values_in_sequences_have_addresses_of_their_own() -> None:
    item = Dataset()
    item.add_new(0x00282000, "OB", b"\1" * 9000)
    dataset = Dataset()
    dataset.add_new(0x00480105, "SQ", [Dataset(), item])
    told = to_json(dataset, lambda path: f"bulkdata/{path}")
    assert told["00480105"]["Value"][1]["00282000"] == {"vr": "OB", "BulkDataURI": "bulkdata/00480105/1/00282000"}


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"[]", b"{}", b'{"00081199": 5}', b'{"00081199": {"Value": [{}]}}', b"[1]"]
)
def test_an_answer_to_a_store_without_addresses_names_no_series(content: bytes) -> None:
    assert stored_series(content) == set()
