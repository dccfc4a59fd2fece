"""What has to be known of a DICOM file in order to send it."""

from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import UID

from sdseg.dicom.files import READ_ERRORS, read_header
from sdseg.errors import InputError

_NAMES = ["SOPClassUID", "SOPInstanceUID"]


@dataclass(frozen=True)
class SentFile:
    """One DICOM file on disk: what it is, and how it is encoded.

    Attributes:
        path: the file.
        sop_class, sop_instance_uid: of the object.
        transfer_syntax: that the file is encoded in.
        size: bytes.
    """

    path: Path
    sop_class: UID
    sop_instance_uid: str
    transfer_syntax: UID
    size: int

    @classmethod
    def read(cls, path: Path) -> "SentFile":
        """Look into `path`. Raises InputError: no DICOM file, or its preamble and its contents tell different UIDs."""
        try:
            dataset = read_header(path, _NAMES)
            inside = [str(dataset[name].value) for name in _NAMES]
            meta = dataset.file_meta
            outside = [str(meta.MediaStorageSOPClassUID), str(meta.MediaStorageSOPInstanceUID)]
            syntax = UID(meta.TransferSyntaxUID)
            size = path.stat().st_size
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
        except READ_ERRORS as error:
            raise InputError(f"{path} cannot be sent: it is no complete DICOM file.") from error
        if inside != outside:
            raise InputError(f"{path} cannot be sent: its file meta information is that of another object.")
        if not syntax.is_transfer_syntax:
            raise InputError(f"{path} cannot be sent: {syntax} is no transfer syntax that is known here.")
        return cls(path, UID(inside[0]), inside[1], syntax, size)
