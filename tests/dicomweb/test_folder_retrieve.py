"""WADO-RS over a folder: what is sent is what the files hold."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import requests
from dicomweb.web import AS_OHIF, ODD_TEXT, Web, file_bytes, path_of
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import get_frame
from pydicom.uid import ExplicitVRLittleEndian

from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import Series


def one_part(reply: requests.Response) -> tuple[str, bytes]:
    """Content-Type and content of the only part."""
    assert reply.status_code == 200, reply.text
    boundary = reply.headers["Content-Type"].partition("boundary=")[2].strip('"').encode()
    _, part, end = reply.content.split(b"--" + boundary)
    assert end == b"--\r\n"
    head, _, content = part.partition(b"\r\n\r\n")
    return head.decode(), content.removesuffix(b"\r\n")


def found(zoo: Path, patient: str, modality: str = "") -> list[Dataset]:
    """Of one patient, in order of their paths."""
    datasets = [dcmread(path) for path in sorted(zoo.rglob("*")) if path.is_file() and path.name != "noise.dcm"]
    return [one for one in datasets if one.PatientID == patient and modality in ("", one.Modality)]


def test_metadata_are_those_of_the_files(web: Web, slices: list[Dataset]) -> None:
    told = web.client.retrieve_series_metadata(str(slices[0].StudyInstanceUID), str(slices[0].SeriesInstanceUID))
    assert len(told) == len(slices)
    for attributes, source in zip(told, slices, strict=True):
        again = Dataset.from_json(attributes, lambda tag, vr, uri: b"")
        for element in source:
            if element.tag != 0x7FE00010 and element.keyword != "SpecificCharacterSet":
                assert again[element.tag] == element, element
    assert told[0]["00083002"]["Value"] == [ExplicitVRLittleEndian]


def test_metadata_of_strange_files_are_whole_and_json(web: Web, zoo: Path) -> None:
    (strange,) = found(zoo, "STRANGE")
    (told,) = web.get(f"{path_of(strange)}/metadata").json()
    assert told["00080005"]["Value"] == ["ISO_IR 192"] and told["00100010"]["Value"] == [{"Alphabetic": "SECRET^NAME"}]
    assert told["00189073"]["Value"] == ["NaN"]
    bulk = told["00091001"]["BulkDataURI"]
    assert requests.get(bulk, timeout=60).content == b"\1" * 5000
    implicit = found(zoo, "IMPLICIT")[0]
    (told,) = web.get(f"{path_of(implicit)}/metadata").json()
    assert told["00280010"] == {"vr": "US", "Value": [20]} and told["00100010"]["Value"] == [{"Alphabetic": ODD_TEXT}]
    assert told["00200032"]["Value"] == [-31.25, 12.5, 70.75]
    (enhanced,) = found(zoo, "ENHANCED")
    (told,) = web.get(f"{path_of(enhanced)}/metadata").json()
    assert len(told["52009230"]["Value"]) == 6
    again = Dataset.from_json(told, lambda tag, vr, uri: b"")
    assert again.PerFrameFunctionalGroupsSequence == enhanced.PerFrameFunctionalGroupsSequence


def test_metadata_are_not_sent_in_forms_that_there_are_not(web: Web, slices: list[Dataset]) -> None:
    reply = web.get(f"{path_of(slices[0])}/metadata", accept='multipart/related; type="application/dicom+xml"')
    assert reply.status_code == 406 and "application/dicom+json" in reply.json()["detail"]
    assert web.get(f"{path_of(slices[0])}/metadata", accept="application/json").status_code == 200


@pytest.mark.parametrize(
    "accept",
    [AS_OHIF, AS_OHIF.replace("application/octet-stream", '"application/octet-stream"'), "*/*", "",
     'multipart/related; type="application/octet-stream"', 'image/gif, multipart/related; type="*/*"; q=0.5',
     'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1'],
)  # fmt: skip
def test_a_frame_is_the_pixels_of_the_file(web: Web, slices: list[Dataset], accept: str) -> None:
    head, content = one_part(web.get(f"{path_of(slices[5])}/frames/1", accept=accept))
    assert content == slices[5].PixelData
    assert "transfer-syntax=1.2.840.10008.1.2.1" in head


def test_a_frame_alone_without_parts(web: Web, slices: list[Dataset]) -> None:
    reply = web.get(f"{path_of(slices[5])}/frames/1", accept="application/octet-stream")
    assert reply.content == slices[5].PixelData and int(reply.headers["Content-Length"]) == len(reply.content)
    reply = web.get(f"{path_of(slices[5])}/frames/1", accept="image/gif")
    assert reply.status_code == 406 and "application/octet-stream" in reply.json()["detail"]


def test_all_frames_of_a_multi_frame_image_in_any_order(web: Web, zoo: Path) -> None:
    (enhanced,) = found(zoo, "ENHANCED")
    uids = (str(enhanced.StudyInstanceUID), str(enhanced.SeriesInstanceUID), str(enhanced.SOPInstanceUID))
    frames = web.client.retrieve_instance_frames(*uids, [6, 1, 3])
    pixels = enhanced.pixel_array
    assert [
        np.array_equal(np.frombuffer(one, "<i2"), pixels[i].ravel()) for one, i in zip(frames, (5, 0, 2), strict=True)
    ] == [True] * 3
    assert web.get(f"{path_of(enhanced)}/frames/7").status_code == 404
    assert web.get(f"{path_of(enhanced)}/frames/0").status_code == 400


def test_frames_of_a_binary_seg_share_bytes_in_the_file_only(web: Web, zoo: Path) -> None:
    (seg,) = found(zoo, "SDSEG-S1", "SEG")
    pixels = seg.pixel_array
    for number, plane in enumerate(pixels, 1):
        _, content = one_part(web.get(f"{path_of(seg)}/frames/{number}", accept=AS_OHIF))
        bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")[: plane.size]
        assert np.array_equal(bits.reshape(plane.shape), plane)


def test_compressed_frames_as_stored_or_decoded_as_the_client_wants(web: Web, zoo: Path) -> None:
    for source in found(zoo, "COMPRESSED"):
        syntax = source.file_meta.TransferSyntaxUID
        head, content = one_part(web.get(f"{path_of(source)}/frames/1", accept=AS_OHIF))
        assert f"transfer-syntax={syntax}" in head and content == get_frame(source.PixelData, 0)
        head, content = one_part(
            web.get(f"{path_of(source)}/frames/1", accept='multipart/related; type="application/octet-stream"')
        )
        assert "transfer-syntax=1.2.840.10008.1.2.1" in head
        assert np.array_equal(np.frombuffer(content, "<i2"), source.pixel_array.ravel())
        media_type = "image/jp2" if "4.90" in syntax else "image/dicom-rle"
        head, content = one_part(
            web.get(f"{path_of(source)}/frames/1", accept=f'multipart/related; type="{media_type}"')
        )
        assert media_type in head and content == get_frame(source.PixelData, 0)


def test_whole_objects_are_the_files(web: Web, zoo: Path, slices: list[Dataset]) -> None:
    reply = web.get(path_of(slices[0]), accept='multipart/related; type="application/dicom"; transfer-syntax=*')
    assert one_part(reply)[1] == (zoo / "patient" / "t1" / Path(slices[0].filename).name).read_bytes()
    reply = web.get(path_of(slices[0]), accept="application/dicom")
    assert reply.content == (zoo / "patient" / "t1" / Path(slices[0].filename).name).read_bytes()
    every = web.client.retrieve_series(str(slices[0].StudyInstanceUID), str(slices[0].SeriesInstanceUID))
    assert [one.SOPInstanceUID for one in every] == [one.SOPInstanceUID for one in slices]
    assert all(one == source for one, source in zip(every, slices, strict=True))
    assert len(web.client.retrieve_study(str(slices[0].StudyInstanceUID))) == 15


def test_objects_in_the_default_transfer_syntax_unless_the_client_takes_others(web: Web, zoo: Path) -> None:
    for source in [*found(zoo, "COMPRESSED"), found(zoo, "IMPLICIT")[1]]:
        _, content = one_part(web.get(path_of(source), accept='multipart/related; type="application/dicom"'))
        plain = dcmread(BytesIO(content))
        assert plain.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert np.array_equal(plain.pixel_array, source.pixel_array)
        _, content = one_part(
            web.get(path_of(source), accept='multipart/related; type="application/dicom"; transfer-syntax=*')
        )
        assert content == file_bytes(source) or dcmread(BytesIO(content)) == source
        assert dcmread(BytesIO(content)).file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID


def test_a_seg_comes_back_with_all_its_voxels(web: Web, zoo: Path, series: Series) -> None:
    (seg,) = found(zoo, "SDSEG-S1", "SEG")
    back = web.client.retrieve_instance(
        *(str(seg[name].value) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))
    )
    assert np.array_equal(read_seg(back, series)[0], read_seg(seg, series)[0]) and read_seg(seg, series)[0].any()


def test_bulk_data_of_pixels(web: Web, slices: list[Dataset]) -> None:
    (told,) = web.get(f"{path_of(slices[0])}/metadata").json()
    address = told["7FE00010"]["BulkDataURI"]
    assert address.startswith(web.url)
    assert requests.get(address, timeout=60).content == slices[0].PixelData
    assert web.client.retrieve_bulkdata(address)[0] == slices[0].PixelData
    for nothing in ("00100010", "99999999", "00081140/0/00081150", "x", "7FE00010/1/00081150", "00081140/9"):
        assert web.get(f"{path_of(slices[0])}/bulkdata/{nothing}", accept="*/*").status_code == 404


@pytest.mark.parametrize(("accept", "kind"), [("image/jpeg", "JPEG"), ("image/png", "PNG"), ("*/*", "JPEG")])
def test_pictures(web: Web, slices: list[Dataset], zoo: Path, accept: str, kind: str) -> None:
    for path, size in (
        (f"{path_of(slices[5])}/rendered", slices[5].Columns),
        (f"{path_of(slices[5])}/frames/1/rendered", slices[5].Columns),
    ):
        picture = Image.open(BytesIO(web.get(path, accept=accept).content))
        assert picture.format == kind and picture.size[0] == size and np.asarray(picture).std() > 10
    for path in (f"{path_of(slices[0], instance=False)}/thumbnail", f"/studies/{slices[0].StudyInstanceUID}/thumbnail"):
        assert max(Image.open(BytesIO(web.get(path, accept=accept).content)).size) == 128
    assert web.get(f"{path_of(slices[0])}/rendered", accept="image/gif").status_code == 406


def test_a_file_cut_short_spoils_nothing_else(web: Web, zoo: Path) -> None:
    whole, cut = found(zoo, "CUT")
    assert len(web.get(f"{path_of(whole, instance=False)}/metadata").json()) == 2
    assert one_part(web.get(f"{path_of(whole)}/frames/1", accept=AS_OHIF))[1] == whole.PixelData
    for what in ("frames/1", "rendered", "bulkdata/7FE00010"):
        reply = web.get(f"{path_of(cut)}/{what}", accept="*/*")
        assert reply.status_code == 422 and reply.json()["detail"].endswith(".")
        assert str(zoo) not in reply.text


@pytest.mark.parametrize("what", ["", "/metadata", "/frames/1", "/rendered", "/thumbnail", "/bulkdata/7FE00010"])
def test_what_is_not_there_is_404_with_a_sentence(web: Web, slices: list[Dataset], what: str) -> None:
    for path in (
        f"{path_of(slices[0], instance=False)}/instances/1.2.3",
        f"/studies/{slices[0].StudyInstanceUID}/series/1.2.3/instances/{slices[0].SOPInstanceUID}",
    ):
        reply = web.get(path + what, accept="*/*")
        assert reply.status_code == 404 and reply.json()["detail"].endswith(".")
