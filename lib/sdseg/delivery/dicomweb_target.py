"""A DICOMweb server as destination: STOW-RS, confirmed by QIDO-RS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sdseg.delivery.credentials import Credentials
from sdseg.delivery.target import Confirmation, Receipt
from sdseg.errors import InputError
from sdseg.pacs.asking import asking
from sdseg.pacs.deliver import LOOKS, require_instance, store_file
from sdseg.pacs.outgoing import Outgoing
from sdseg.pacs.server_client import TIMEOUT, connect


class DicomWebTarget:
    """A `Target`; see `sdseg.delivery.target`. Nothing is asked before `check` or `deliver`.

    RefusedError: the server will never take this object. DeliveryError: the server is away or busy (`BusyError`
    tells for how long), or is not set up for us (`SetupError`: address, credentials, certificates).

    Args:
        address: http:// or https:// address of the DICOMweb service; user and password in it go before `credentials`.
        credentials: login and TLS files; None: those of the environment.
        confirm: QIDO, or NONE: then the server's answer must name the object as stored.
        timeout: seconds to connect, and between two packets.
        looks: seconds to wait before each look of a confirmation.

    Raises InputError: malformed address, a confirmation that DICOMweb does not have, missing TLS files.
    """

    def __init__(
        self,
        address: str,
        credentials: Credentials | None = None,
        confirm: Confirmation = Confirmation.QIDO,
        timeout: tuple[float, float] = TIMEOUT,
        looks: Sequence[float] = LOOKS,
    ) -> None:
        if confirm is Confirmation.COMMITMENT:
            raise InputError("DICOMweb has no storage commitment: confirm by qido, or send to a dicom:// address.")
        credentials = Credentials.from_environment() if credentials is None else credentials
        self._client = connect(address, credentials.session(), timeout)
        self._confirm = confirm
        self._looks = looks if confirm is Confirmation.QIDO else None

    @property
    def name(self) -> str:
        return str(self._client.base_url)

    def __repr__(self) -> str:
        return f"DicomWebTarget({self.name!r}, confirm={self._confirm.value!r})"

    def check(self) -> None:
        with asking(self._client, "looking whether it answers"):
            self._client.search_for_studies(limit=1)

    def deliver(self, path: Path) -> Receipt:
        stored = store_file(self._client, Outgoing.read(path), self._looks)
        # An object that was there was seen there, whatever is asked for.
        confirmed = Confirmation.QIDO if stored.already_there else self._confirm
        return Receipt(stored.sop_uid, confirmed, stored.already_there, stored.warning)

    def require(self, path: Path) -> None:
        """Look whether the server holds the object of a file which came there another way.

        Raises RefusedError: it holds another one under its UID; DeliveryError: it does not list it; InputError.
        """
        require_instance(self._client, Outgoing.read(path), self._looks or LOOKS)
