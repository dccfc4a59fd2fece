"""Arguments of MONAI Label's server, checked before it starts."""

from __future__ import annotations

import socket
from pathlib import Path

from sdseg.errors import InputError


def server_arguments(studies: str, host: str, port: int, conf: list[str]) -> list[str]:
    """Arguments of MONAI Label's own `start_server`.

    Raises:
        InputError: a `conf` entry is not key=value.
    """
    import sdseg_app

    app = Path(sdseg_app.__file__).parent
    arguments = ["start_server", "--app", str(app), "--studies", studies, "--host", host, "--port", str(port)]
    for key, value in {"models": "sdseg", **read_conf(conf)}.items():
        arguments += ["--conf", key, value]
    return arguments


def read_conf(conf: list[str]) -> dict[str, str]:
    """The entries key=value; of a key given twice the last counts. Raises InputError."""
    pairs = {}
    for entry in conf:
        key, separator, value = entry.partition("=")
        if not separator or not key or not value:
            raise InputError(f"--conf takes key=value, not '{entry}'.")
        pairs[key] = value
    return pairs


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


def free_port() -> int:
    """A TCP port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
