"""C-STORE SCU (PS3.4 annex B): files go out as they are, in exactly their SOP class and transfer syntax."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context

from sdseg.dicom.files import read_file
from sdseg.dimse.association import answer_to, associated
from sdseg.dimse.contexts import name_of
from sdseg.dimse.negotiation import how_to_allow
from sdseg.dimse.peer import Peer
from sdseg.dimse.sent_file import SentFile
from sdseg.dimse.status import SOP_CLASS_NOT_SUPPORTED, Verdict, in_words, storage_verdict
from sdseg.errors import DeliveryError, InputError, RefusedError

# The other uncompressed encoding of a little endian file: the same values, so it may be chosen by the peer.
_OTHER = {
    ExplicitVRLittleEndian: ImplicitVRLittleEndian,
    ImplicitVRLittleEndian: ExplicitVRLittleEndian,
}
_MOST_CONTEXTS = 128  # PS3.8 9.3.2.2: odd identifiers up to 255.
# Bytes a second below which a peer is given up, so that a large object does not run into the time limit.
SLOWEST = 100_000


@dataclass(frozen=True)
class Stored:
    """A C-STORE that succeeded.

    Attributes:
        sop_instance_uid: of the object.
        duplicate: the peer said that it held it before.
        warning: what there is to remark, one line; "" if nothing.
    """

    sop_instance_uid: str
    duplicate: bool = False
    warning: str = ""


def storage_contexts(files: Iterable[SentFile]) -> list[PresentationContext]:
    """One context for each pair of SOP class and transfer syntax, and one for each other uncompressed encoding.

    Raises InputError: more than an association can hold.
    """
    pairs: dict[tuple[str, str], None] = {}
    for file in files:
        pairs[file.sop_class, file.transfer_syntax] = None
        if file.transfer_syntax in _OTHER:
            pairs[file.sop_class, _OTHER[file.transfer_syntax]] = None
    if len(pairs) > _MOST_CONTEXTS:
        raise InputError(f"{len(pairs)} kinds of objects are too many for one association; send them in parts.")
    return [build_context(klass, syntax) for klass, syntax in pairs]


def store_files(peer: Peer, paths: Sequence[Path]) -> list[Stored]:
    """Store files over one association; the first that fails ends it.

    Raises RefusedError (no retry helps), DeliveryError (try again later), InputError (no DICOM file).
    """
    files = [SentFile.read(path) for path in paths]
    with associated(peer, storage_contexts(files)) as association:
        return [store_file(association, peer, file) for file in files]


def store_file(association: Association, peer: Peer, file: SentFile) -> Stored:
    """Store one file over an association that proposed its contexts. Raises RefusedError, DeliveryError, InputError."""
    what, warning = _as_accepted(association, peer, file)
    association.dimse_timeout = peer.timeouts.dimse + file.size / SLOWEST
    message = f"the C-STORE of {file.sop_instance_uid}"
    try:
        status = answer_to(association, peer, message, lambda: association.send_c_store(what))
    except OSError as error:
        raise InputError(f"{file.path} cannot be read: {error.strerror or error}.") from error
    return _judge(status, peer, file, warning)


def _as_accepted(association: Association, peer: Peer, file: SentFile) -> tuple[Path | Dataset, str]:
    """The file itself, or its values in the other uncompressed encoding and the remark that says so."""
    accepted = {
        context.transfer_syntax[0]
        for context in association.accepted_contexts
        if context.abstract_syntax == file.sop_class and context.as_scu
    }
    if file.transfer_syntax in accepted:
        return file.path, ""
    other = _OTHER.get(file.transfer_syntax)
    if other is None or other not in accepted:
        raise RefusedError(_not_accepted(peer, file))
    dataset = read_file(file.path)
    return dataset, f"{peer.name} takes it only as {other.name}: re-encoded from {file.transfer_syntax.name}"


def _not_accepted(peer: Peer, file: SentFile) -> str:
    objects = f"{name_of(file.sop_class)} objects in {file.transfer_syntax.name}"
    return f"{peer.name} does not accept {objects}; {how_to_allow([file.sop_class])}."


def _judge(status: int, peer: Peer, file: SentFile, warning: str) -> Stored:
    verdict = storage_verdict(status)
    told = f"{peer.name} answered the C-STORE of {file.sop_instance_uid} with status {in_words(status)}"
    if verdict is Verdict.REFUSED:
        kind = f" for {name_of(file.sop_class)}" if status == SOP_CLASS_NOT_SUPPORTED else ""
        raise RefusedError(f"{told}{kind}; its log should say why.")
    if verdict is Verdict.TRY_AGAIN:
        raise DeliveryError(f"{told}; try again later.")
    remarks = [warning, told if verdict is Verdict.WARNING else ""]
    return Stored(file.sop_instance_uid, verdict is Verdict.DUPLICATE, "; ".join(filter(None, remarks)))
