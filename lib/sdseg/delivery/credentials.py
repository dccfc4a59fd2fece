"""Who we are to a DICOMweb server or DICOM node: logins and TLS files, from the environment or one file.

Secrets stay out of reprs, messages, logs and exceptions: whoever holds `Credentials` may print them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests

from sdseg.delivery.credentials_file import read_credentials_file
from sdseg.delivery.session import open_session
from sdseg.errors import InputError
from sdseg.tls_files import TlsFiles

FILE_VARIABLE = "SDSEG_CREDENTIALS"
USERNAME, PASSWORD, TOKEN = "dicomweb_username", "dicomweb_password", "dicomweb_token"
CA, CERTIFICATE, KEY = "tls_ca", "tls_certificate", "tls_key"
LOGIN, TLS = (USERNAME, PASSWORD, TOKEN), (CA, CERTIFICATE, KEY)
KEYS = (*LOGIN, *TLS)


@dataclass(frozen=True)
class Credentials:
    """A login (user and password, or a bearer token, or none) and the files of TLS.

    Attributes:
        username, password: basic authentication (RFC 7617); both or neither.
        token: bearer token (RFC 6750).
        tls: trusted CA (None: the system's), our certificate and its key.
        file: where the login came from, read again when it changes; None: it holds until the process ends.

    Raises InputError: half a login, two of them, or characters that no header may hold. No message quotes a secret.
    """

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    tls: TlsFiles = field(default_factory=TlsFiles)
    file: Path | None = None

    def __post_init__(self) -> None:
        if self.token and (self.username or self.password):
            raise InputError("A bearer token and a user name are two logins: give one of them.")
        if self.password and not self.username:
            raise InputError("There is a DICOMweb password without a user name: give both.")
        if ":" in self.username or not (self.username + self.password).isprintable():
            raise InputError("The DICOMweb user name holds a colon, or user name or password a control character.")
        if not self.token.isascii() or any(char.isspace() or not char.isprintable() for char in self.token):
            raise InputError("The bearer token holds spaces or other characters that no token has: copy it again.")

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str] | None = None,
        *,
        username_variable: str | None = None,
        password_variable: str | None = None,
        token_variable: str | None = None,
    ) -> Credentials:
        """What the environment says, each of login and TLS from the first that names any of it:

        1. the variables named here (login only), all of which must be set;
        2. SDSEG_DICOMWEB_USERNAME, SDSEG_DICOMWEB_PASSWORD, SDSEG_DICOMWEB_TOKEN, SDSEG_TLS_CA,
           SDSEG_TLS_CERTIFICATE, SDSEG_TLS_KEY;
        3. the file that SDSEG_CREDENTIALS names, YAML with the same keys in lower case without SDSEG_;
        4. MONAI_LABEL_DICOMWEB_USERNAME and MONAI_LABEL_DICOMWEB_PASSWORD.

        Args:
            environment: instead of os.environ.
            username_variable, password_variable, token_variable: of one target with a login of its own.

        Raises InputError: a file or named variable is missing, half a login.
        """
        environment = os.environ if environment is None else environment
        named = _named(environment, username_variable, password_variable, token_variable)
        file = Path(environment[FILE_VARIABLE]) if environment.get(FILE_VARIABLE) else None
        stock = {key: environment.get(f"MONAI_LABEL_{key.upper()}", "") for key in (USERNAME, PASSWORD)}
        ours = {key: environment.get(f"SDSEG_{key.upper()}", "") for key in KEYS}
        filed = read_credentials_file(file, KEYS) if file else {}
        layers = [named, ours, filed, stock]
        login = next((layer for layer in layers if any(layer.get(key) for key in LOGIN)), {})
        tls = next((layer for layer in layers if any(layer.get(key) for key in TLS)), {})
        return cls(
            username=login.get(USERNAME, ""),
            password=login.get(PASSWORD, ""),
            token=login.get(TOKEN, "").strip(),
            tls=TlsFiles(*(Path(tls[key]) if tls.get(key) else None for key in TLS)),
            file=file if login is filed and login else None,
        )

    def session(self) -> requests.Session:
        """A session that shows this login and these certificates; a login from a file is renewed with the file."""
        return open_session(self.login_now, self.tls)

    def login_now(self) -> Credentials:
        """These credentials, with the login that their file holds now. Raises InputError: it is damaged."""
        if self.file is None:
            return self
        filed = read_credentials_file(self.file, KEYS)
        return Credentials(filed.get(USERNAME, ""), filed.get(PASSWORD, ""), filed.get(TOKEN, "").strip(), self.tls)


def _named(environment: Mapping[str, str], *variables: str | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, variable in zip(LOGIN, variables, strict=True):
        if variable is not None:
            if not environment.get(variable):
                raise InputError(f"The environment variable {variable} is not set, but should hold a {key}.")
            found[key] = environment[variable]
    return found
