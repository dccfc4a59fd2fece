"""TLS of connections over HTTPS and DICOM (PS3.15 B.9 and B.10, the BCP 195 profiles): 1.2 or newer; on request both
sides show who they are.

Whose certificate is believed: one that the given CA signed. The name in it must be the peer's host when the host is
given as a name. Peers are often addressed by IP, and hospital certificates seldom hold addresses: then, with a CA file
of one's own, the chain alone decides. Without a CA file the system's public authorities count, and then the address
must be in the certificate as well.
"""

import ipaddress
import ssl
from pathlib import Path

from sdseg.errors import InputError
from sdseg.tls_files import TlsFiles


def client_context(files: TlsFiles, host: str) -> ssl.SSLContext:
    """The context to call `host` with. Raises InputError: a file is no PEM, or the key does not fit."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, files)
    context.check_hostname = files.ca is None or not _is_address(host)
    if files.ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """The context of a listener: who calls must show a certificate of the CA.

    Raises InputError: CA or certificate are not given, a file is no PEM, or the key does not fit.
    """
    if files.ca is None or files.certificate is None:
        raise InputError("A DICOM listener with TLS needs a CA, a certificate and its key: give all three files.")
    context = _context(ssl.PROTOCOL_TLS_SERVER, files)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _context(protocol: int, files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.ca is not None:
        _load_authorities(context, files.ca)
    if files.certificate is not None and files.key is not None:
        _load_certificate(context, files.certificate, files.key)
    return context


def _load_authorities(context: ssl.SSLContext, ca: Path) -> None:
    try:
        context.load_verify_locations(cafile=ca)
    except OSError as error:
        raise InputError(f"{ca} holds no certificate of a TLS authority; give a PEM file.") from error


def _load_certificate(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        # An empty password: a locked key is an error, not a question on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        raise InputError(
            f"{certificate} and {key} are not a TLS certificate and its key; give PEM files that belong together, "
            "the key without a password."
        ) from error


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
