"""Bearer tokens: the file, the command that makes it, and what a server does with them."""

import os
from pathlib import Path

import pytest
from security.conftest import Start
from typer.testing import CliRunner

from sdseg.cli.main import app
from sdseg.errors import InputError
from sdseg.serving.token_file import new_token, read_tokens, revoke_token
from sdseg_app.config.security import SecuritySettings
from sdseg_app.security.static_tokens import StaticTokens

ROUTES = (("GET", "/datastore/"), ("POST", "/activelearning/random"), ("DELETE", "/train/"))


def test_the_file_holds_hashes_for_its_owner_alone(token_file: Path) -> None:
    token = new_token(token_file, "annotator-1", "annotator", days=30)
    assert token not in token_file.read_text()
    assert token_file.stat().st_mode & 0o777 == 0o600
    (entry,) = read_tokens(token_file)
    assert (entry.name, entry.role, entry.is_over) == ("annotator-1", "annotator", False)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "tokens: 3",
        "- a",
        "tokens: [{name: annotator-1, role: admin}]",
        "tokens: [{name: annotator-1, role: root, sha256: " + "0" * 64 + "}]",
        "tokens: [{name: 'a\n b', role: admin, sha256: " + "0" * 64 + "}]",
        "tokens: [{name: annotator-1, role: admin, sha256: secret}]",
        "tokens: [{name: annotator-1, role: admin, sha256: " + "0" * 64 + ", expires: soon}]",
        "tokens: [{name: annotator-1, role: admin, sha256: &a "
        + "0" * 64
        + "}, {name: another, role: reader, sha256: *a}]",
        "tokens: [" + "{}, " * 300_000 + "]",
        "tokens: !!python/object/apply:os.system [true]",
    ],
)
def test_a_wrong_file_is_refused_without_quoting_it(token_file: Path, content: str) -> None:
    token_file.write_text(content)
    token_file.chmod(0o600)
    with pytest.raises(InputError) as told:
        read_tokens(token_file)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(token_file: Path, mode: int) -> None:
    new_token(token_file, "annotator-1", "admin")
    token_file.chmod(mode)
    with pytest.raises(InputError, match="chmod 600"):
        StaticTokens(token_file)


def test_an_expired_token_is_nobodys(token_file: Path) -> None:
    token = new_token(token_file, "annotator-1", "admin", days=1)
    assert StaticTokens(token_file).user_of(token) is not None
    text = token_file.read_text()
    token_file.write_text(text.replace(read_tokens(token_file)[0].expires, "2020-01-01"))
    assert StaticTokens(token_file).user_of(token) is None


def test_the_command_makes_lists_and_withdraws(token_file: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(app, ["token", "new", "annotator-1", "--role", "annotator", "--file", str(token_file)])
    token = made.stdout.strip()
    assert made.exit_code == 0
    assert StaticTokens(token_file).user_of(token) is not None
    listed = runner.invoke(app, ["token", "list", "--file", str(token_file)])
    assert listed.stdout.startswith("annotator-1\tannotator\t")
    assert token not in listed.stdout
    assert runner.invoke(app, ["token", "revoke", "annotator-1", "--file", str(token_file)]).exit_code == 0
    assert read_tokens(token_file) == ()


def test_a_role_may_do_what_lower_ones_may(start: Start, tokens: dict[str, str], token_file: Path) -> None:
    server = start(tokens=token_file)
    allowed = {
        role: [server.ask(*route, token=token).status_code for route in ROUTES] for role, token in tokens.items()
    }
    assert allowed == {"reader": [200, 403, 403], "annotator": [200, 200, 403], "admin": [200, 200, 200]}
    refused = server.ask("DELETE", "/train/", token=tokens["reader"])
    assert refused.json()["detail"] == "This needs the role admin; the-reader is reader."


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer wrong", "Bearer a.b.c", "Basic YTpi", "é"])
def test_whoever_shows_no_token_is_told_how(
    start: Start, tokens: dict[str, str], token_file: Path, header: str
) -> None:
    server = start(tokens=token_file)
    for path in ("/datastore/", "/no/such/route", "/openapi.json"):
        reply = server.ask("GET", path, headers={"Authorization": header.encode()} if header else {})
        assert reply.status_code == 401, path
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")
        assert reply.json()["detail"].endswith(".")


def test_a_bearer_scheme_in_any_case_is_one(start: Start, tokens: dict[str, str], token_file: Path) -> None:
    reply = start(tokens=token_file).ask("GET", "/datastore/", headers={"Authorization": f"bearer {tokens['reader']}"})
    assert reply.status_code == 200


def test_a_withdrawn_token_is_refused_at_once(start: Start, tokens: dict[str, str], token_file: Path) -> None:
    server = start(tokens=token_file)
    login = server.ask("POST", "/login", data={"token": tokens["reader"]})
    assert server.ask("GET", "/datastore/", cookies=login.cookies).status_code == 200
    revoke_token(token_file, "the-reader")
    assert server.ask("GET", "/datastore/", token=tokens["reader"]).status_code == 401
    assert server.ask("GET", "/datastore/", cookies=login.cookies).status_code == 401
    assert server.ask("GET", "/datastore/", token=tokens["admin"]).status_code == 200


@pytest.mark.parametrize("damage", ["mode", "gone", "content"])
def test_a_damaged_file_lets_nobody_in(start: Start, tokens: dict[str, str], token_file: Path, damage: str) -> None:
    server = start(tokens=token_file)
    good = token_file.read_text()
    if damage == "mode":
        token_file.chmod(0o644)
    elif damage == "gone":
        token_file.unlink()
    else:
        token_file.write_text("tokens: [{name: annotator-1}]")
    reply = server.ask("GET", "/datastore/", token=tokens["admin"])
    assert reply.status_code == 503
    token_file.write_text(good)
    token_file.chmod(0o600)
    os.utime(token_file)
    assert server.ask("GET", "/datastore/", token=tokens["admin"]).status_code == 200


def test_an_empty_file_does_not_start_a_server(token_file: Path) -> None:
    new_token(token_file, "annotator-1", "admin")
    revoke_token(token_file, "annotator-1")
    with pytest.raises(InputError, match="sdseg token new"):
        StaticTokens(token_file)


def test_the_settings_say_whether_there_is_authentication(token_file: Path) -> None:
    assert SecuritySettings.read({"tokens": str(token_file)}).authenticated
    assert not SecuritySettings.read({}).authenticated
