"""Our application entities: how they introduce themselves (PS3.7 D.3.3.2)."""

from pynetdicom import AE

from sdseg import __version__

# A UUID-derived UID (PS3.5 B.2). It stays the same as long as what is negotiated does.
IMPLEMENTATION_CLASS_UID = "2.25.23782461055624919240619709548692000595"
IMPLEMENTATION_VERSION_NAME = f"SDSEG_{__version__}"[:16]


def introduce(ae: AE) -> AE:
    """Let `ae` say that it is SDSeg; PACS write it into their logs."""
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    return ae
