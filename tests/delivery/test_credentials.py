"""Where logins and certificates come from, and that they stay there."""

import logging
import os
import pickle
import traceback
from pathlib import Path

import pytest
import requests
from delivery.web_pacs import Answer, WebPacs, web_pacs

from sdseg.delivery import session
from sdseg.delivery.credentials import Credentials
from sdseg.delivery.credentials_file import _warn
from sdseg.delivery.dicomweb_target import DicomWebTarget
from sdseg.errors import DeliveryError, InputError, SdsegError
from sdseg.tls_files import TlsFiles

SECRET = "p@ss wörd:7"
BASIC = "Basic cmVhZGVyOnBAc3Mgd8O2cmQ6Nw=="  # reader:p@ss wörd:7 in UTF-8


def from_file(path: Path, text: str, mode: int = 0o600) -> Credentials:
    path.write_text(text)
    path.chmod(mode)
    return Credentials.from_environment({"SDSEG_CREDENTIALS": str(path)})


def authorization(pacs: WebPacs, credentials: Credentials, url: str = "") -> str | None:
    DicomWebTarget(url or pacs.url, credentials).check()
    return pacs.seen[-1][2]["Authorization"]


def test_a_login_reaches_the_server_in_utf_8(pacs: WebPacs) -> None:
    assert authorization(pacs, Credentials("reader", SECRET)) == BASIC
    assert authorization(pacs, Credentials(token="abc.def-1")) == "Bearer abc.def-1"
    assert authorization(pacs, Credentials()) is None


def test_the_one_in_the_address_goes_before(pacs: WebPacs) -> None:
    url = pacs.url.replace("http://", "http://reader:p%40ss%20w%C3%B6rd%3A7@")
    assert authorization(pacs, Credentials(token="abc"), url) == BASIC


def test_a_netrc_is_not_looked_at(pacs: WebPacs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert authorization(pacs, Credentials()) is None


def test_the_environment_is_read_from_the_particular_to_the_general(tmp_path: Path) -> None:
    file = tmp_path / "credentials.yaml"
    file.write_text("dicomweb_username: filed\ndicomweb_password: 007\n")
    file.chmod(0o600)
    environment = {
        "MONAI_LABEL_DICOMWEB_USERNAME": "stock",
        "MONAI_LABEL_DICOMWEB_PASSWORD": "stock-secret",
        "OWN_USER": "own",
        "OWN_SECRET": "own-secret",
    }
    found = Credentials.from_environment(environment)
    assert (found.username, found.password) == ("stock", "stock-secret")
    environment["SDSEG_CREDENTIALS"] = str(file)
    found = Credentials.from_environment(environment)
    assert (found.username, found.password, found.file) == ("filed", "007", file)
    environment["SDSEG_DICOMWEB_TOKEN"] = "token\n"
    found = Credentials.from_environment(environment)
    assert (found.username, found.password, found.token, found.file) == ("", "", "token", None)
    found = Credentials.from_environment(environment, username_variable="OWN_USER", password_variable="OWN_SECRET")
    assert (found.username, found.password, found.token) == ("own", "own-secret", "")
    with pytest.raises(InputError, match="NOWHERE is not set"):
        Credentials.from_environment(environment, token_variable="NOWHERE")


def test_tls_files_lie_beside_the_file_that_names_them(tmp_path: Path) -> None:
    for name in ("ca.pem", "own.pem", "own.key"):
        (tmp_path / name).write_text("x")
    text = "tls_ca: ca.pem\ntls_certificate: own.pem\ntls_key: own.key\n"
    found = from_file(tmp_path / "c.yaml", text)
    assert found.tls == TlsFiles(tmp_path / "ca.pem", tmp_path / "own.pem", tmp_path / "own.key")
    with pytest.raises(InputError, match=r"gone\.pem is not there"):
        Credentials.from_environment({"SDSEG_TLS_CA": str(tmp_path / "gone.pem")})


def test_a_token_that_is_renewed_in_its_file_is_used(pacs: WebPacs, tmp_path: Path) -> None:
    """A Google token lasts an hour, a node runs for weeks."""
    file = tmp_path / "c.yaml"
    target = DicomWebTarget(pacs.url, from_file(file, "dicomweb_token: first"))
    for text, expected in [("first", "first"), ("second", "second"), ("[half a", "second"), ("third", "third")]:
        file.write_text(f"dicomweb_token: {text}")
        target.check()
        assert pacs.seen[-1][2]["Authorization"] == f"Bearer {expected}"


def test_a_file_that_others_can_read_is_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _warn.cache_clear()
    for _ in range(2):
        from_file(tmp_path / "open.yaml", "dicomweb_token: abc", mode=0o640)
    from_file(tmp_path / "closed.yaml", "dicomweb_token: abc")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message == f"The credentials file {tmp_path / 'open.yaml'} can be read by others: chmod 600 it."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"dicomweb_password: '{SECRET}", "is not YAML in line 1"),
        (f"dicomweb_password: {SECRET}", "without a user name"),
        (f"dicomweb_pasword: {SECRET}", "holds dicomweb_pasword, which is none of"),
        (f"{SECRET}: 1", "holds a key, which is none of"),
        (f"- {SECRET}", "must hold lines like"),
        (f"dicomweb_password: [{SECRET}]", "must hold lines like"),
        (f"dicomweb_token: {SECRET}", "holds spaces or other characters"),
        (f"dicomweb_username: a\ndicomweb_token: b\ndicomweb_password: {SECRET}", "two logins"),
        (f'dicomweb_username: "a\\r\\nX: b"\ndicomweb_password: {SECRET}', "control character"),
        (f"!!python/object/apply:os.system ['{SECRET}']", "must hold lines like"),
        (f"a: &a [{SECRET}]\nb: [*a, *a]", "must hold lines like"),
    ],
)
def test_a_wrong_file_is_named_but_not_quoted(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        from_file(tmp_path / "c.yaml", text)
    assert "ss w" not in "".join(traceback.format_exception(caught.value))


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.yaml cannot be read: No such file"):
        Credentials.from_environment({"SDSEG_CREDENTIALS": str(tmp_path / "gone.yaml")})
    (tmp_path / "noise").write_bytes(os.urandom(8) + b"\xff")
    with pytest.raises(InputError, match="noise cannot be read: it is no text"):
        Credentials.from_environment({"SDSEG_CREDENTIALS": str(tmp_path / "noise")})


def test_secrets_stay_out_of_reprs_messages_logs_and_chains(
    pacs: WebPacs, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = pacs.url.replace("http://", "http://reader:hunter2@")
    credentials = Credentials(username="reader", password="hunter2")
    for address, login in ((pacs.url, credentials), (url, None), (url, Credentials())):
        target = DicomWebTarget(address, login, looks=(0.0,))
        shown = [repr(target), target.name, repr(credentials), str(credentials)]
        for fault in (Answer(401), Answer(503), Answer(reset=True), Answer(200, b"<html>")):
            pacs.stores.append(fault)
            with pytest.raises(DeliveryError) as caught:
                target.deliver(file)
            shown.extend(traceback.format_exception(caught.value))
        target.check()
        text = "".join([*shown, caplog.text])
        assert "hunter2" not in text and "cmVhZGVyOmh1bnRlcjI" not in text
        assert len(caplog.records) > 5, "the libraries log what they do"
    for malformed in (
        "http://reader:hunter2@",
        "http://reader:hunter2@host:port/",
        "http://reader:hunter2@[::1/",
        "http://reader:x/hunter2@host/",
    ):
        with pytest.raises(SdsegError) as malformed_error:
            DicomWebTarget(malformed)
        assert "hunter2" not in "".join(traceback.format_exception(malformed_error.value))


def test_a_login_is_not_sent_on_to_another_host(pacs: WebPacs) -> None:
    with web_pacs() as stranger:
        away = stranger.url.replace("127.0.0.1", "localhost")
        pacs.roots.append(Answer(302, headers=(("Location", f"{away}/studies"),)))
        DicomWebTarget(pacs.url, Credentials(token="abc")).check()
        assert pacs.seen[-1][2]["Authorization"] == "Bearer abc"
        assert stranger.seen[-1][2]["Authorization"] is None


def test_a_login_over_plain_http_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    session.warn_of_plain_http.cache_clear()
    login = session.open_session(lambda: Credentials(token="abc"), TlsFiles()).auth
    for url in ("http://pacs.example/x", "http://pacs.example/y", "https://pacs.example/x", "http://127.0.0.1/x"):
        login(requests.Request("GET", url).prepare())
    (record,) = caplog.records
    assert record.getMessage() == "The login for pacs.example goes over the network unencrypted: use https."


def test_credentials_can_be_given_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(Credentials("reader", SECRET))) == Credentials("reader", SECRET)
