"""Starting on an address that others reach."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from app.running_server import REPOSITORY, run_until_exit, server_environment, stock_command

from sdseg.errors import InputError
from sdseg.serving.exposure import check_exposure, is_loopback, stays_here
from sdseg.serving.launch import free_port
from sdseg.serving.token_file import new_token

SDSEG = Path(sys.executable).with_name("sdseg")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1", "::1%lo"])
def test_loopback_addresses(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "localhost", "", "127.0.0.1.evil.example", "2130706433"]
)
def test_other_addresses(address: str) -> None:
    assert not is_loopback(address)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "0", "192.0.2.7", "no-such-host.invalid"])
def test_a_public_address_needs_authentication(host: str) -> None:
    assert not stays_here(host)
    with pytest.raises(InputError, match="allow_public"):
        check_exposure(host, authenticated=False, allow_public=False)
    check_exposure(host, authenticated=True, allow_public=False)
    check_exposure(host, authenticated=False, allow_public=True)


def test_this_machines_names_stay_here() -> None:
    assert stays_here("localhost")
    assert stays_here("127.0.0.1")


def serve(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`sdseg serve` with a study folder that is not there: it ends before a server starts."""
    return subprocess.run(
        [SDSEG, "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=home,
        env={**server_environment(home), **variables},
    )


def test_sdseg_serve_refuses_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "a").touch()
    ended = serve(tmp_path, "--studies", "studies", "--host", "0.0.0.0", "--port", str(free_port()))
    assert ended.returncode == 1
    (line,) = ended.stderr.strip().splitlines()
    assert "no authentication is configured" in line
    assert "--conf tokens" in line


@pytest.mark.parametrize("way", ["--allow-public", "conf", "environment"])
def test_sdseg_serve_goes_on_once_it_is_told(tmp_path: Path, way: str) -> None:
    """Then it fails for the next reason, a port that is taken by nobody it could be: no server is started."""
    given = {"--allow-public": ["--allow-public"], "conf": ["--conf", "tokens=t.yaml"], "environment": []}[way]
    variables = {"SDSEG_OIDC_ISSUER": "https://id.example.org"} if way == "environment" else {}
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "a").touch()
    ended = serve(tmp_path, "--studies", "studies", "--host", "192.0.2.7", *given, **variables)
    assert ended.returncode == 1
    assert "192.0.2.7:8000 cannot be used" in ended.stderr


def test_the_stock_command_is_ended_in_one_line(tmp_path: Path, weights: Path) -> None:
    settings = ("model_dir", str(tmp_path / "model"), "weights", str(weights))
    command = stock_command(REPOSITORY / "sample-data" / "dicom", *settings, port=free_port())
    command[command.index("127.0.0.1")] = "0.0.0.0"
    ended = run_until_exit(command, tmp_path)
    output = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert len([line for line in output.splitlines() if "no authentication is configured" in line]) == 1, output
    assert "Traceback" not in output, output
    assert "Uvicorn running" not in output


@pytest.mark.parametrize("wrong", ["missing", "public", "empty"])
def test_a_token_file_that_cannot_be_used_is_named(tmp_path: Path, wrong: str) -> None:
    """By the class that the server makes first; the stock command shows such errors in one line, see above."""
    from sdseg_app.security.static_tokens import StaticTokens

    path = tmp_path / "tokens.yaml"
    if wrong != "missing":
        new_token(path, "annotator-1", "admin")
    if wrong == "public":
        os.chmod(path, 0o644)
    if wrong == "empty":
        path.write_text("tokens: []\n")
    with pytest.raises(InputError, match=str(path)):
        StaticTokens(path)
