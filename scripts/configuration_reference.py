"""Write docs/configuration.md from the classes of the settings; with --check only look whether it is as they are."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "configuration.md"

_HEAD = """# Configuration

Written by `python scripts/configuration_reference.py` from the classes of the settings; do not edit it by hand.

A key of the server comes from the command line, else from the environment, else it has its default:

```
sdseg serve --conf queue_length=4 --conf models=sdseg,unet
monailabel start_server --app sdseg_app --studies studies --conf queue_length 4 --conf models sdseg,unet
SDSEG_QUEUE_LENGTH=4 sdseg serve
```

Lists are separated by commas. A value that cannot be used ends the start with one sentence that names the key. An
empty value stands for the default. A key that is not known is told in the log and has no effect.
"""

_NAMED = """
`NAME_weights` gives the weights folder of the model NAME, like `unet_weights`; it has no environment variable.
"""

_ARCHIVE = """
## Login to the archive

Read where `--studies` is a DICOMweb server, and by `sdseg send` and the node ([delivery.md](delivery.md)). Login and
TLS files each come from the first of these sources that names any of them: these variables; the file that
`{file_variable}` names, with the same keys in lower case without `SDSEG_`; MONAI Label's own two variables.
"""

_STOCK = """
## MONAI Label's variables

These of MONAI Label's own environment variables are of use here. Those of its login (`MONAI_LABEL_AUTH_*`), of CORS
and of its DICOMweb cache are not: the keys above take their place.
"""

_OTHERS = """
## Other variables
"""

_SECRETS = {
    "dicomweb_username": "User name of basic authentication.",
    "dicomweb_password": "Its password.",
    "dicomweb_token": "Bearer token, instead of user name and password.",
    "tls_ca": "File with the certificates that are trusted, instead of the system's.",
    "tls_certificate": "Our own certificate, where the server asks for one.",
    "tls_key": "Its private key.",
}

STOCK = {
    "MONAI_LABEL_DICOMWEB_USERNAME": "User name for the archive, where nothing above gives one.",
    "MONAI_LABEL_DICOMWEB_PASSWORD": "Password for the archive, where nothing above gives one.",
    "MONAI_LABEL_QIDO_PREFIX": "Path of searches below the archive's address.",
    "MONAI_LABEL_WADO_PREFIX": "Path of retrievals below the archive's address.",
    "MONAI_LABEL_STOW_PREFIX": "Path of storing below the archive's address.",
    "MONAI_LABEL_SESSIONS": "Whether clients may send images ahead (sessions).",
    "MONAI_LABEL_SESSION_PATH": "Folder of those images; default: sessions in model_dir.",
    "MONAI_LABEL_SESSION_EXPIRY": "Seconds after which such an image is removed.",
    "MONAI_LABEL_TASKS_TRAIN": "Whether the server trains.",
    "MONAI_LABEL_TASKS_BATCH_INFER": "Whether it segments many images in one request.",
    "MONAI_LABEL_DATASTORE_FILE_EXT": "Which files of a folder of NIfTI, NRRD or pictures are images.",
    "MONAI_LABEL_DATASTORE_AUTO_RELOAD": "Whether files that come to or leave such a folder are noticed.",
    "MONAI_LABEL_DATASTORE_READ_ONLY": "Whether such a folder is left as it is found.",
}

OTHERS = {
    "SDSEG_DEBUG": "Show the warnings of the libraries on the command line.",
    "OMP_NUM_THREADS": "How many processor cores a model uses; fewer leave room for others.",
    "CUDA_VISIBLE_DEVICES": "Which GPUs are used.",
    "HTTPS_PROXY, HTTP_PROXY, NO_PROXY": "Proxy for the archive; a host named in NO_PROXY is reached without.",
}


def reference() -> str:
    """The whole page."""
    from sdseg.delivery.credentials import FILE_VARIABLE, KEYS
    from sdseg_app.settings import GROUPS

    parts = [_HEAD]
    for group in GROUPS:
        parts.append(_section(group))
    parts.append(_ARCHIVE.format(file_variable=FILE_VARIABLE))
    login = [("variable", "what it is")]
    login += [(f"`SDSEG_{key.upper()}`", _SECRETS[key]) for key in KEYS]
    login += [(f"`{FILE_VARIABLE}`", "YAML file with these keys; its mode should be 0600.")]
    parts.append(_table(login))
    parts.append(_STOCK)
    parts.append(_table([("variable", "what it sets"), *((f"`{name}`", text) for name, text in STOCK.items())]))
    parts.append(_OTHERS)
    parts.append(_table([("variable", "what it sets"), *((f"`{name}`", text) for name, text in OTHERS.items())]))
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _section(group: Any) -> str:
    from sdseg_app.config.group import variable

    title = group.__name__.removesuffix("Settings")
    rows = [("key", "environment", "type", "default", "what it sets")]
    for key, field in group.model_fields.items():
        rows.append((f"`{key}`", f"`{variable(key)}`", _type(field), _default(field), field.description or ""))
    about = " ".join((group.__doc__ or "").split())
    named = _NAMED if title == "Model" else ""
    return f"\n## {title}\n\n{about.split(' Beside these keys')[0].rstrip('.')}.\n\n{_table(rows)}{named}"


def _type(field: FieldInfo) -> str:
    text = " or ".join(dict.fromkeys(_names(field.annotation)))
    limits = {type(limit).__name__: limit for limit in field.metadata}
    low, high = (getattr(limits.get(name), name.lower(), None) for name in ("Ge", "Le"))
    if low is not None and high is not None:
        return f"{text}, {low} to {high}"
    return f"{text}, at least {low}" if low is not None else text


def _names(kind: Any) -> Iterator[str]:
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, type(int | str)):
        for one in inside:
            if one is not type(None):
                yield from _names(one)
    elif origin is tuple:
        yield "words"
    elif inside:
        yield from (f"`{value}`" for value in inside)
    else:
        yield {"int": "whole number", "float": "number", "str": "text", "bool": "true or false", "Path": "path"}[
            kind.__name__
        ]


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value == () or value == "":
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{','.join(value) if isinstance(value, tuple) else value}`"


def _table(rows: list[tuple[str, ...]]) -> str:
    head, *rest = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    line = " | ".join("---" for _ in rows[0])
    return "".join(f"| {row} |\n" for row in (head, line, *rest))


def main(arguments: list[str]) -> int:
    text = reference()
    if arguments == ["--check"]:
        fresh = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text
        if not fresh:
            print(f"{TARGET.name} is stale: run python scripts/configuration_reference.py.", file=sys.stderr)
        return 0 if fresh else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
