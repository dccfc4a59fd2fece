"""`sdseg serve`: the MONAI Label server with the SDSeg app."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from sdseg.cli.console import REPOSITORY, console
from sdseg.errors import InputError

SAMPLE_STUDIES = REPOSITORY / "sample-data" / "dicom"


def serve(
    studies: Annotated[
        str, typer.Option("--studies", "-s", help="Folder of DICOM files or DICOMweb URL.")
    ] = str(SAMPLE_STUDIES),
    port: Annotated[int, typer.Option("--port", "-p", min=1, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    conf: Annotated[
        list[str] | None,
        typer.Option("--conf", "-c", help="key=value for the app: weights, model_dir, device.", metavar="KEY=VALUE"),
    ] = None,
) -> None:
    """Start the MONAI Label server and say where to point 3D Slicer and a browser.

    The same as [bold]monailabel start_server --app sdseg_app --studies ... --conf models sdseg[/bold], but bound
    to this machine, and with the arguments checked first.
    """
    check_studies(studies)
    check_port(host, port)
    arguments = server_arguments(studies, host, port, conf or [])
    shown = "localhost" if host in ("0.0.0.0", "127.0.0.1") else host
    console.print(f"SDSeg on MONAI Label, studies: {studies}")
    console.print(f"  3D Slicer  MONAI Label module, server address  http://{shown}:{port}")
    console.print(f"  Browser    API and try-out page               http://{shown}:{port}/")
    if host not in ("127.0.0.1", "localhost", "::1"):
        console.print("[yellow]  Anyone who reaches this address can read the studies: there is no password.")
    os.execv(sys.executable, [sys.executable, "-m", "monailabel.main", *arguments])


def server_arguments(studies: str, host: str, port: int, conf: list[str]) -> list[str]:
    """Arguments of MONAI Label's own `start_server`.

    Raises:
        InputError: a `conf` entry is not key=value.
    """
    import sdseg_app

    app = Path(sdseg_app.__file__).parent
    arguments = ["start_server", "--app", str(app), "--studies", studies, "--host", host, "--port", str(port)]
    for entry in ["models=sdseg", *conf]:
        key, separator, value = entry.partition("=")
        if not separator or not key or not value:
            raise InputError(f"--conf takes key=value, not '{entry}'.")
        arguments += ["--conf", key, value]
    return arguments


def check_studies(studies: str) -> None:
    """Raise InputError unless `studies` is a URL or a folder with something in it."""
    if studies.startswith(("http://", "https://")):
        return
    folder = Path(studies)
    if not folder.is_dir():
        raise InputError(f"There is no study folder {studies}; give a folder of DICOM files or a DICOMweb URL.")
    if not any(item.is_file() for item in folder.rglob("*")):
        raise InputError(f"The study folder {studies} is empty; put a DICOM series into it.")


def check_port(host: str, port: int) -> None:
    """Raise InputError where another program listens already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"{host}:{port} cannot be used ({error.strerror}); choose another with --host or --port."
            ) from error
