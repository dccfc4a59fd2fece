"""QIDO-RS over a folder, as clients ask it."""

from pathlib import Path

import pytest
from dicomweb.web import ODD_TEXT, Web
from pydicom import Dataset, dcmread

STUDIES = 7
TAGS = {"PatientID": "00100020", "Modality": "00080060", "StudyInstanceUID": "0020000D"}


def values(found: list[dict], tag: str) -> list[str]:
    return [one[tag]["Value"][0] for one in found if one.get(tag, {}).get("Value")]


def patients(web: Web, **query: str) -> list[str]:
    reply = web.get("/studies", **query)
    assert reply.status_code == 200, reply.text
    return sorted(values(reply.json(), TAGS["PatientID"]))


def test_every_study_is_listed_whatever_else_lies_there(web: Web) -> None:
    found = web.client.search_for_studies()
    assert len(found) == STUDIES
    sample = next(one for one in found if one["00100020"]["Value"] == ["SDSEG-S1"])
    assert sample["00080061"] == {"vr": "CS", "Value": ["MR", "SEG"]}
    assert sample["00201206"]["Value"] == [2] and sample["00201208"]["Value"] == [15]
    assert sample["00081190"]["Value"][0] == f"{web.url}/studies/{sample['0020000D']['Value'][0]}"


def test_what_the_study_list_of_ohif_asks(web: Web) -> None:
    query = {"limit": "101", "offset": "0", "fuzzymatching": "true", "includefield": "00081030,00080060"}
    reply = web.get("/studies", **query)
    assert len(reply.json()) == STUDIES
    assert reply.headers["Warning"].startswith("299 ") and "fuzzymatching" in reply.headers["Warning"]
    assert reply.headers["Content-Type"] == "application/dicom+json"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"PatientID": "IMPLICIT"}, ["IMPLICIT"]),
        ({"00100020": "implicit"}, ["IMPLICIT"]),
        ({"PatientID": "*MPL*"}, ["IMPLICIT"]),
        ({"PatientID": "I?PLICIT"}, ["IMPLICIT"]),
        ({"PatientID": "[A-Z]*"}, []),
        ({"PatientName": "*müller*"}, ["IMPLICIT"]),
        ({"StudyDate": "20250607"}, ["IMPLICIT"]),
        ({"StudyDate": "20250601-20250630"}, ["IMPLICIT"]),
        ({"StudyDate": "20250608-"}, []),
        ({"StudyDate": "-20000101"}, ["SDSEG-S1"]),
        ({"ModalitiesInStudy": "SEG"}, ["SDSEG-S1"]),
        ({"ModalitiesInStudy": "SEG,PT"}, ["SDSEG-S1"]),
        ({"Modality": "SEG"}, ["SDSEG-S1"]),
        ({"StudyDescription": "sdseg*"}, ["SDSEG-S1"]),
        ({"00081030": "*brain*", "PatientID": "SDSEG-S1"}, ["SDSEG-S1"]),
        ({"NumberOfStudyRelatedInstances": "3"}, ["IMPLICIT"]),
        ({"PatientID": ""}, ["COMPRESSED", "COMPRESSED", "CUT", "ENHANCED", "IMPLICIT", "SDSEG-S1", "STRANGE"]),
        ({"ReferencedSeriesSequence.SeriesInstanceUID": "1.2.3"}, []),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}, ["SDSEG-S1"]),
        ({"StudyInstanceUID": "1.2.3,1.2.4"}, []),
    ],
)
def test_filters(web: Web, query: dict[str, str], found: list[str]) -> None:
    assert patients(web, **query) == found


def test_pages_cover_everything_once_and_nothing_is_an_empty_list(web: Web) -> None:
    pages = [web.get("/studies", limit="2", offset=str(start)).json() for start in range(0, 10, 2)]
    uids = [uid for page in pages for uid in values(page, TAGS["StudyInstanceUID"])]
    assert len(uids) == len(set(uids)) == STUDIES and [len(page) for page in pages] == [2, 2, 2, 1, 0]
    assert web.get("/studies", limit="0").json() == []


def test_each_level_lists_what_is_below_it(web: Web, slices: list[Dataset]) -> None:
    study = str(slices[0].StudyInstanceUID)
    found = web.client.search_for_series(study)
    assert sorted(values(found, TAGS["Modality"])) == ["MR", "SEG"]
    assert "00100020" not in found[0] and len(web.client.search_for_series()) == STUDIES + 1
    instances = web.client.search_for_instances(study, str(slices[0].SeriesInstanceUID))
    assert values(instances, "00200013") == sorted(int(one.InstanceNumber) for one in slices)
    assert values(instances, "00080018") == [str(one.SOPInstanceUID) for one in slices]
    assert len(web.client.search_for_instances(study)) == 15
    assert len(web.client.search_for_instances(search_filters={"SOPInstanceUID": str(slices[3].SOPInstanceUID)})) == 1
    assert web.get("/studies/1.2.3/series").json() == []


def test_attributes_that_were_asked_for_are_told(web: Web) -> None:
    (one,) = web.get("/series", PatientID="ENHANCED", includefield="Manufacturer,00080008").json()
    assert one["00080070"]["Value"] == ["Maker"] and one["00080008"]["Value"][0] == "ORIGINAL"
    (study,) = web.get("/studies", PatientID="IMPLICIT").json()
    assert study["00100010"]["Value"] == [{"Alphabetic": ODD_TEXT}]
    assert study["00080005"]["Value"] == ["ISO_IR 192"]


@pytest.mark.parametrize(
    "query",
    ["limit=-1", "limit=x", "offset=1.5", "fuzzymatching=maybe", "StudyDate=noon", "NoSuchAttribute=1", "0010=1",
     "StudyDate=20250101-2025", "includefield=NoSuchAttribute", f"PatientID={'x' * 2000}", "StudyDate=-"],
)  # fmt: skip
def test_a_query_that_means_nothing_is_one_sentence(web: Web, query: str) -> None:
    reply = web.get(f"/studies?{query}")
    assert reply.status_code in (400, 422)
    assert reply.json()["detail"].endswith(".") and len(reply.json()["detail"]) < 300


def test_stars_in_plenty_are_answered_at_once(web: Web) -> None:
    assert patients(web, PatientName="*a" * 400 + "b") == []


def test_a_file_that_comes_is_found_at_the_next_look(web: Web, zoo: Path, slices: list[Dataset]) -> None:
    late = dcmread(zoo / "implicit" / "0")
    late.SOPInstanceUID = late.file_meta.MediaStorageSOPInstanceUID = f"{late.SOPInstanceUID[:-3]}.77"
    late.InstanceNumber = 9
    path = f"/studies/{late.StudyInstanceUID}/series/{late.SeriesInstanceUID}"
    assert len(web.get(f"{path}/metadata").json()) == 3
    late.save_as(zoo / "implicit" / "late", enforce_file_format=True, implicit_vr=True, little_endian=True)
    try:
        for _ in range(600):
            if len(web.get(f"{path}/instances").json()) == 4:
                break
        assert web.get(f"{path}/metadata").json()[-1]["00200013"]["Value"] == [9]
    finally:
        (zoo / "implicit" / "late").unlink()
