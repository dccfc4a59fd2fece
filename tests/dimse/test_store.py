from dataclasses import replace

import pydicom
import pytest
from dimse.archive import ANY, ONLY_IMPLICIT, Archive, running
from dimse.objects import data_set_bytes, save_object, uid_of
from dimse.stalling import stalling
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    SegmentationStorage,
)
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import LabelMapSegmentationStorage

from sdseg.dimse.association import associated
from sdseg.dimse.sent_file import SentFile
from sdseg.dimse.store import storage_contexts, store_file, store_files
from sdseg.errors import DeliveryError, InputError, RefusedError


def test_a_file_arrives_byte_by_byte(call, seg):
    with running(Archive()) as archive:
        (stored,) = store_files(call(archive), [seg])
    assert stored.sop_instance_uid == uid_of(seg)
    assert (stored.duplicate, stored.warning) == (False, "")
    assert data_set_bytes(archive.stored[uid_of(seg)]) == data_set_bytes(seg.read_bytes())


def test_several_files_go_over_one_association(call, tmp_path):
    paths = [save_object(tmp_path) for _ in range(3)]
    paths.append(save_object(tmp_path, klass=CTImageStorage, syntax=JPEG2000Lossless))
    with running(Archive()) as archive:
        store_files(call(archive), paths)
    assert set(archive.stored) == {uid_of(path) for path in paths}
    assert archive.associations == 1


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_a_compressed_file_is_proposed_as_it_is_and_as_nothing_else(call, tmp_path, syntax):
    path = save_object(tmp_path, syntax=syntax)
    with running(Archive()) as archive:
        store_files(call(archive), [path])
    assert archive.proposed == [(SegmentationStorage, (syntax,))]
    assert archive.dataset(uid_of(path)).file_meta.TransferSyntaxUID == syntax
    assert data_set_bytes(archive.stored[uid_of(path)]) == data_set_bytes(path.read_bytes())


def test_an_uncompressed_file_is_proposed_in_both_encodings_each_in_a_context_of_its_own(call, seg):
    with running(Archive()) as archive:
        store_files(call(archive), [seg])
    assert archive.proposed == [
        (SegmentationStorage, (ExplicitVRLittleEndian,)),
        (SegmentationStorage, (ImplicitVRLittleEndian,)),
    ]


def test_a_compressed_file_is_never_transcoded(call, tmp_path):
    path = save_object(tmp_path, syntax=RLELossless)
    with running(Archive(), ONLY_IMPLICIT) as archive, pytest.raises(RefusedError, match="Segmentation Storage"):
        store_files(call(archive), [path])
    assert not archive.stored


def test_an_archive_that_takes_only_implicit_gets_the_same_values_re_encoded_and_it_is_said(call, seg):
    with running(Archive(), ONLY_IMPLICIT) as archive:
        (stored,) = store_files(call(archive), [seg])
    assert "Implicit VR Little Endian: re-encoded from Explicit VR Little Endian" in stored.warning
    arrived, sent = archive.dataset(uid_of(seg)), pydicom.dcmread(seg)
    assert arrived.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert arrived.PixelData == sent.PixelData
    assert arrived.PatientName == sent.PatientName


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007])
def test_a_warning_is_a_success_and_told(call, seg, status):
    with running(Archive(status)) as archive:
        (stored,) = store_files(call(archive), [seg])
    assert f"0x{status:04X}" in stored.warning
    assert archive.stored


def test_a_duplicate_is_a_success(call, seg):
    with running(Archive(0x0111)) as archive:
        (stored,) = store_files(call(archive), [seg])
    assert stored.duplicate


@pytest.mark.parametrize("status", [0xA700, 0xA702, 0x0110, 0x0124, 0x0213])
def test_what_may_pass_is_tried_again(call, seg, status):
    with running(Archive(status)) as archive, pytest.raises(DeliveryError, match=f"0x{status:04X}") as caught:
        store_files(call(archive), [seg])
    assert not isinstance(caught.value, RefusedError)
    assert uid_of(seg) in str(caught.value)


@pytest.mark.parametrize("status", [0xA900, 0xA9FF, 0xC000, 0xC123, 0x0117, 0x0122])
def test_what_stays_as_it_is_is_refused(call, seg, status):
    with running(Archive(status)) as archive, pytest.raises(RefusedError, match=f"0x{status:04X}"):
        store_files(call(archive), [seg])


def test_an_unsupported_class_is_named(call, seg):
    with running(Archive(0x0122)) as archive, pytest.raises(RefusedError, match="for Segmentation Storage"):
        store_files(call(archive), [seg])


def test_an_archive_without_labelmaps_is_refused_with_the_way_out(call, tmp_path):
    path = save_object(tmp_path, klass=LabelMapSegmentationStorage)
    without = [context for context in ANY if context.abstract_syntax != LabelMapSegmentationStorage]
    with running(Archive(), without) as archive:
        with pytest.raises(RefusedError, match=r"Label Map Segmentation Storage.*UnknownSopClassAccepted.*BINARY"):
            store_files(call(archive), [path])
        files = [SentFile.read(path), SentFile.read(save_object(tmp_path))]
        with (
            pytest.raises(RefusedError, match=r"Label Map Segmentation Storage.*UnknownSopClassAccepted"),
            associated(call(archive), storage_contexts(files)) as association,
        ):
            store_file(association, call(archive), files[0])


def test_an_archive_that_aborts_in_the_middle(call, seg):
    with (
        running(Archive(behaviour=lambda event: event.assoc.abort())) as archive,
        pytest.raises(DeliveryError, match="aborted the association instead of answering the C-STORE"),
    ):
        store_files(call(archive), [seg])


def test_an_archive_that_vanishes_in_the_middle(call, seg):
    def vanish(event):
        event.assoc.dul.socket.socket.close()

    with running(Archive(behaviour=vanish)) as archive, pytest.raises(DeliveryError, match="instead of answering"):
        store_files(call(archive), [seg])


def test_an_archive_that_hangs_past_the_timeout(call, seg):
    archive = Archive()
    archive.behaviour = lambda event: archive.over.wait() and None
    with running(archive), pytest.raises(DeliveryError, match=r"did not answer .* within 0\.3"):
        store_files(call(archive, dimse=0.3), [seg])


def test_an_archive_that_stops_reading_a_large_object(call, tmp_path):
    """The connection is full, and pynetdicom's thread hangs in a write: the caller must come back all the same."""
    path = save_object(tmp_path, size=32 * 2**20)
    with running(Archive()) as archive, stalling(archive.port, after=2**20) as port:
        peer = replace(call(archive, network=0.5, dimse=0.5, acse=5.0), port=port)
        with pytest.raises(DeliveryError, match="the C-STORE"):
            store_files(peer, [path])
    assert not archive.stored


@pytest.mark.parametrize(
    "content", [b"", b"no DICOM at all", b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM" + b"\x02\0\0\0UL\x04\0\xff\xff"]
)
def test_what_is_no_dicom_file_is_not_sent(call, tmp_path, content):
    path = tmp_path / "x.dcm"
    path.write_bytes(content)
    with running(Archive()) as archive, pytest.raises(InputError, match="cannot be sent"):
        store_files(call(archive), [path])
    assert archive.associations == 0


def test_a_file_that_is_not_there(call, tmp_path):
    with running(Archive()) as archive, pytest.raises(InputError, match="cannot be read"):
        store_files(call(archive), [tmp_path / "none.dcm"])


def test_a_file_whose_meta_information_is_of_another_object(call, seg):
    dataset = pydicom.dcmread(seg)
    dataset.SOPInstanceUID = "1.2.3"
    pydicom.dcmwrite(seg, dataset)
    with pytest.raises(InputError, match="another object"):
        SentFile.read(seg)


def test_too_many_kinds_of_objects_for_one_association():
    files = [SentFile("x", build_context(f"1.2.{n}").abstract_syntax, "1", RLELossless, 1) for n in range(129)]
    with pytest.raises(InputError, match="129 kinds"):
        storage_contexts(files)
