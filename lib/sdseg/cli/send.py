"""`sdseg send`: DICOM files to a PACS or archive, and the proof that they arrived."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdseg.cli.console import progress_bar, quieten_libraries
from sdseg.delivery.target import Confirmation
from sdseg.errors import InputError

if TYPE_CHECKING:
    from sdseg.delivery.batch import Tally
    from sdseg.delivery.retry import Retries
    from sdseg.delivery.target import Target
    from sdseg.dimse.listener import Listening


def send(
    sources: Annotated[list[Path], typer.Argument(help="DICOM files, and folders of them.")],
    to: Annotated[
        str,
        typer.Option("--to", help="dicom://CALLED_AET@host:port, https://host/dicom-web, http://... or a folder."),
    ],
    confirm: Annotated[
        Confirmation | None,
        typer.Option(help="How an arrival is confirmed; else commitment for dicom://, qido for the others."),
    ] = None,
    calling: Annotated[str | None, typer.Option(help="Our AE title, for dicom://.")] = None,
    listen: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port for reports of storage commitment.")
    ] = None,
    dicomweb: Annotated[
        str | None, typer.Option(help="DICOMweb address of the PACS at dicom://, to confirm by QIDO.")
    ] = None,
    tls: Annotated[
        bool | None, typer.Option("--tls/--no-tls", help="For dicom://; else where SDSEG_TLS_* are set.")
    ] = None,
    retry: Annotated[int, typer.Option(min=0, help="Further attempts, with longer and longer pauses.")] = 5,
) -> None:
    """Send DICOM files to a PACS, a DICOMweb server or a folder, and make sure that they arrived.

    What the destination holds already is left alone. Login and TLS files come from SDSEG_DICOMWEB_USERNAME,
    SDSEG_DICOMWEB_PASSWORD, SDSEG_DICOMWEB_TOKEN, SDSEG_TLS_CA, SDSEG_TLS_CERTIFICATE and SDSEG_TLS_KEY, or from
    the YAML file SDSEG_CREDENTIALS. Exit code 1 when any file did not arrive.

    [bold]sdseg send results/ --to https://pacs.example/dicom-web[/bold]
    """
    quieten_libraries()
    from sdseg.delivery.batch import files_to_send
    from sdseg.delivery.open import open_target
    from sdseg.delivery.retry import Retries

    files = files_to_send(sources)
    target = open_target(
        _with_calling(to, calling), confirm=confirm, secure=tls, dicomweb=dicomweb, listen=_listening(listen, calling)
    )
    with ExitStack() as running:
        if isinstance(target, AbstractContextManager):  # it may listen
            running.enter_context(target)
        tally = _send_all(target, files, Retries(times=retry))
    typer.echo(f"sent={tally.sent} already_there={tally.already_there} failed={tally.failed}")
    if tally.failed:
        raise typer.Exit(1)


def _send_all(target: Target, files: list[Path], retries: Retries) -> Tally:
    from sdseg.delivery.batch import send_files

    def tell(path: Path, sentence: str) -> None:
        typer.echo(f"sdseg: {path}: {sentence}", err=True)

    if len(files) == 1:
        return send_files(target, files, retries, tell)
    with progress_bar("files") as update:
        return send_files(target, files, retries, tell, lambda done: update(done, len(files)))


def _with_calling(address: str, calling: str | None) -> str:
    from urllib.parse import quote

    from sdseg.dimse.peer import is_dicom_address

    if calling is None or not is_dicom_address(address):
        return address
    if "?" in address:
        raise InputError("The calling AE title is given twice: leave out --calling, or ?calling= in the address.")
    return f"{address}?calling={quote(calling)}"


def _listening(port: int | None, calling: str | None) -> Listening | None:
    """On all addresses: the PACS calls from elsewhere. Only reports of storage commitment and C-ECHO are taken."""
    from sdseg.dimse.listener import Listening
    from sdseg.dimse.peer import CALLING

    return None if port is None else Listening(calling or CALLING, "0.0.0.0", port)
