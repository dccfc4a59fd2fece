"""From the configuration's targets to destinations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from sdseg.delivery.credentials import Credentials
from sdseg.delivery.dimse_target import DimseTarget
from sdseg.delivery.open import open_target
from sdseg.delivery.target import Confirmation, Target
from sdseg.dimse.commitment import Commitments
from sdseg.dimse.peer import Peer, is_dicom_address
from sdseg.errors import InputError
from sdseg.node.config import NodeConfig, TargetConfig, Tls
from sdseg.pacs.deliver import require_instance
from sdseg.pacs.outgoing import Outgoing
from sdseg.pacs.server_client import connect
from sdseg.tls_files import TlsFiles


def open_targets(config: NodeConfig, commitments: Commitments) -> dict[str, Target]:
    """The destinations by name; nothing is asked yet.

    Args:
        config: of the node.
        commitments: the book that the node's listener feeds.

    Raises:
        InputError: an address, a confirmation or a credential cannot be used; the message names the target.
    """
    opened = {}
    for name, wanted in config.targets.items():
        try:
            opened[name] = _open(config, wanted, commitments)
        except InputError as error:
            raise InputError(f"targets.{name}: {error}") from None
    return opened


def tls_files(tls: Tls | None) -> TlsFiles | None:
    """The files of a TLS connection. Raises InputError: one is missing."""
    return None if tls is None else TlsFiles(tls.ca, tls.certificate, tls.key)


def _open(config: NodeConfig, wanted: TargetConfig, commitments: Commitments) -> Target:
    confirm = None if wanted.confirm is None else Confirmation(wanted.confirm)
    if not is_dicom_address(wanted.address):
        return open_target(wanted.address, confirm=confirm, credentials=_credentials(wanted))
    confirm = confirm or Confirmation.COMMITMENT
    peer = Peer.parse(wanted.address, tls=tls_files(wanted.tls))
    if "calling" not in parse_qs(urlsplit(wanted.address).query):
        peer = replace(peer, calling=config.ae_title)
    if confirm is Confirmation.COMMITMENT and peer.calling != config.ae_title:
        raise InputError(f"Reports of storage commitment go to {peer.calling}, not to this node: leave calling out.")
    if confirm is Confirmation.QIDO:
        return DimseTarget(peer, confirm, arrived=_arrival_check(wanted))
    # UIDs of SEGs follow from their content, so what the archive holds under one is it.
    return DimseTarget(peer, confirm, commitments=commitments, patience=wanted.commitment_seconds, held_counts=True)


def _credentials(wanted: TargetConfig) -> Credentials:
    found = Credentials.from_environment(
        username_variable=wanted.username_variable,
        password_variable=wanted.password_variable,
        token_variable=wanted.token_variable,
    )
    tls = tls_files(wanted.tls)
    return found if tls is None else replace(found, tls=tls)


def _arrival_check(wanted: TargetConfig) -> Callable[[Path], None]:
    if wanted.dicomweb is None:
        raise InputError("confirm: qido of a dicom:// address needs the dicomweb address of the same archive.")
    client = connect(wanted.dicomweb, _credentials(wanted).session())
    return lambda path: require_instance(client, Outgoing.read(path))
