"""`sdseg serve`: the MONAI Label server with the SDSeg app."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from sdseg.cli.console import REPOSITORY, console
from sdseg.errors import InputError
from sdseg.serving.exposure import check_exposure, is_configured, is_true, stays_here
from sdseg.serving.launch import check_port, check_studies, read_conf, server_arguments
from sdseg.tls_files import TlsFiles

SAMPLE_SERIES = REPOSITORY / "sample-data" / "dicom"


def serve(
    studies: Annotated[
        str | None,
        typer.Option("--studies", "-s", help="Folder of DICOM files or DICOMweb URL; else a copy of the sample."),
    ] = None,
    port: Annotated[int, typer.Option("--port", "-p", min=1, max=65535)] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that others reach needs authentication (docs/security.md).")
    ] = "127.0.0.1",
    allow_public: Annotated[
        bool, typer.Option("--allow-public", help="Answer other machines although anybody there may do anything.")
    ] = False,
    tls_certificate: Annotated[
        Path | None, typer.Option(help="PEM file of the server's certificate: it answers https.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of the certificate's key.")] = None,
    conf: Annotated[
        list[str] | None,
        typer.Option(
            "--conf", "-c", help="key=value for the app: models, weights, NAME_weights, ...", metavar="KEY=VALUE"
        ),
    ] = None,
) -> None:
    """Start the MONAI Label server and say where to point 3D Slicer and a browser.

    The same as [bold]monailabel start_server --app sdseg_app --studies ... --conf models sdseg[/bold], but bound
    to this machine, and with the arguments checked first. An address that other machines reach is refused unless
    tokens or an OpenID Connect issuer are configured.
    """
    if studies is not None:
        check_studies(studies)
    conf = [*(conf or []), *(["allow_public=true"] if allow_public else [])]
    pairs = read_conf(conf)
    authenticated, public = is_configured(pairs, "tokens", "oidc_issuer"), is_true(pairs, "allow_public")
    check_exposure(host, authenticated, public)
    tls = TlsFiles(certificate=tls_certificate, key=tls_key)
    check_port(host, port)
    sample = Path("sample-studies").resolve()
    arguments = server_arguments(studies or str(sample), host, port, conf)
    if tls.certificate is not None:
        arguments += ["--ssl_certfile", str(tls.certificate), "--ssl_keyfile", str(tls.key)]
    if studies is None:
        copy_sample(sample)
    name = "localhost" if host in ("0.0.0.0", "127.0.0.1") else f"[{host}]" if ":" in host else host
    shown = f"{'http' if tls.certificate is None else 'https'}://{name}:{port}"
    console.print(f"SDSeg on MONAI Label, studies: {studies or sample}")
    console.print(f"  3D Slicer  MONAI Label module, server address  {shown}")
    console.print(f"  Browser    status page                        {shown}/")
    console.print(f"  Browser    OHIF viewer                        {shown}/ohif/")
    if not authenticated and not stays_here(host):
        console.print("[yellow]  Anyone who reaches this address can read and change everything: there is no password.")
    os.execv(sys.executable, [sys.executable, "-m", "sdseg.serving.start", *arguments])


def copy_sample(folder: Path) -> Path:
    """The sample study in a folder where labels may be filed beside it; what was filed there before stays.

    Raises:
        InputError: the sample is missing.
    """
    if not SAMPLE_SERIES.is_dir():
        raise InputError(f"The sample study {SAMPLE_SERIES} is missing; give your own with --studies.")
    shutil.copytree(SAMPLE_SERIES, folder / "source", dirs_exist_ok=True)
    return folder
