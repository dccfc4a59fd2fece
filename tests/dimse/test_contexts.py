import pytest
from pydicom import uid
from pydicom.pixels import get_decoder
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import uid_to_service_class

from sdseg.dimse.contexts import (
    AS_SCP,
    AS_SCU,
    COMMITMENT,
    IMAGE_SYNTAXES,
    UNCOMPRESSED,
    Purpose,
    listener_contexts,
    purpose_of,
)


@pytest.mark.parametrize("service", [*AS_SCU, *AS_SCP], ids=lambda service: service.name)
def test_every_class_is_a_known_one(service):
    assert not service.name.startswith("1.2.")
    assert "Retired" not in service.name
    assert len(set(service.transfer_syntaxes)) == len(service.transfer_syntaxes)


def test_no_class_is_listed_twice():
    for table in (AS_SCU, AS_SCP):
        assert len({service.sop_class for service in table}) == len(table)


@pytest.mark.parametrize(
    "syntax", [each for each in IMAGE_SYNTAXES if each.is_encapsulated], ids=lambda each: each.name
)
def test_what_is_accepted_can_be_decoded_here(syntax):
    assert get_decoder(syntax).is_available


def test_implicit_little_endian_is_in_every_context():
    """The default transfer syntax is mandatory, PS3.5 10.1."""
    assert all(uid.ImplicitVRLittleEndian in service.transfer_syntaxes for service in [*AS_SCU, *AS_SCP])
    assert UNCOMPRESSED[0] == uid.ExplicitVRLittleEndian


def test_every_storage_class_is_one_that_pynetdicom_serves():
    storage = [service for service in AS_SCP if service.purpose is not Purpose.VERIFICATION]
    assert all(uid_to_service_class(service.sop_class) is StorageServiceClass for service in storage)


def test_an_object_is_known_by_its_class():
    assert purpose_of(uid.CTImageStorage) is Purpose.IMAGE
    assert purpose_of(uid.SegmentationStorage) is Purpose.RESULT
    assert purpose_of(uid.KeyObjectSelectionDocumentStorage) is Purpose.IGNORED
    assert purpose_of("1.2.840.10008.5.1.4.1.1.66.7") is Purpose.RESULT
    assert purpose_of(uid.UltrasoundImageStorage) is None
    assert purpose_of("1.2.3") is None


def test_the_listener_takes_reports_of_commitment_but_gives_none():
    (context,) = [each for each in listener_contexts() if each.abstract_syntax == COMMITMENT.sop_class]
    assert (context.scu_role, context.scp_role) == (False, True)
    assert COMMITMENT not in AS_SCP
