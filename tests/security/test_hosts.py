"""Who may reach a server, under which name, and from which page."""

import http.client
import socket

import pytest
from security.conftest import Start

from sdseg.errors import InputError
from sdseg_app.config.security import SecuritySettings
from sdseg_app.security.place import asked_host


def own_address() -> str:
    """An address of this machine that is not loopback; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def test_without_authentication_only_this_machine_is_answered(start: Start) -> None:
    here = start(host="0.0.0.0")
    assert here.ask("GET", "/datastore/").status_code == 200
    other = start(host="0.0.0.0", reach=own_address()).ask("GET", "/datastore/")
    assert other.status_code == 403
    assert "allow_public" in other.json()["detail"]


def test_allow_public_answers_everybody(start: Start) -> None:
    assert start(host="0.0.0.0", reach=own_address(), allow_public=True).ask("GET", "/datastore/").status_code == 200


@pytest.mark.parametrize("header", [{"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}])
def test_a_proxy_on_this_machine_does_not_open_the_server(start: Start, header: dict[str, str]) -> None:
    assert start().ask("GET", "/datastore/", headers=header).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]", "sdseg.example.org"])
def test_its_own_names_are_answered(start: Start, host: str) -> None:
    server = start(allowed_hosts="sdseg.example.org")
    assert server.ask("GET", "/datastore/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "10.1.2.3", "a b", "localhost:x", ""]
)
def test_another_name_is_refused(start: Start, host: str) -> None:
    reply = start(allowed_hosts="sdseg.example.org").ask("GET", "/datastore/", headers={"Host": host})
    assert reply.status_code == 400
    assert reply.json()["detail"]


def test_a_request_without_a_host_is_refused(start: Start) -> None:
    address = start().url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=10) as client:
        client.sendall(b"GET /datastore/ HTTP/1.0\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),  # another port is another origin
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "https://viewer.example.org", "Sec-Fetch-Site": "cross-site"}, 200),
    ],
)
def test_a_page_of_another_site_cannot_change_anything(start: Start, headers: dict[str, str], status: int) -> None:
    server = start(cors_origins="https://viewer.example.org")
    assert server.ask("POST", "/activelearning/random", headers=headers).status_code == status
    assert server.ask("GET", "/datastore/", headers=headers).status_code == 200


def test_an_own_page_may_change_things(start: Start) -> None:
    server = start()
    assert server.ask("POST", "/activelearning/random", headers={"Origin": server.url}).status_code == 200


def test_cors_knows_the_configured_origins_only(start: Start) -> None:
    server = start(cors_origins="https://viewer.example.org")
    wish = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    good = server.ask("OPTIONS", "/activelearning/random", headers={"Origin": "https://viewer.example.org", **wish})
    assert good.headers["Access-Control-Allow-Origin"] == "https://viewer.example.org"
    for origin in ("https://viewer.example.org.evil.example", "http://viewer.example.org", "null"):
        bad = server.ask("OPTIONS", "/activelearning/random", headers={"Origin": origin, **wish})
        plain = server.ask("GET", "/datastore/", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in {**bad.headers, **plain.headers}, origin


def test_without_configuration_there_is_no_cors(start: Start) -> None:
    server = start()
    reply = server.ask("GET", "/datastore/", headers={"Origin": "https://viewer.example.org"})
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]


def test_trace_is_not_answered(start: Start) -> None:
    connection = http.client.HTTPConnection(start().url.removeprefix("http://"), timeout=10)
    connection.request("TRACE", "/datastore/", headers={"Authorization": "Bearer secret"})
    reply = connection.getresponse()
    assert reply.status == 405
    assert b"secret" not in reply.read()
    connection.close()


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("start_server --app a --studies s", None),
        ("start_server --app a --host 10.0.0.1", "10.0.0.1"),
        ("start_server --host=::1 --app a", "::1"),
        ("start_server -i 0.0.0.0 -p 80", "0.0.0.0"),
        ("start_server -i0.0.0.0", "0.0.0.0"),
        ("start_server --hos 0.0.0.0 --conf models sdseg", "0.0.0.0"),
        ("start_server --conf host 10.0.0.1", None),
        ("-c", None),
    ],
)
def test_the_command_line_is_read_as_monai_label_reads_it(line: str, host: str | None) -> None:
    assert asked_host(line.split()) == host


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cors_origins", "*"),
        ("cors_origins", "null"),
        ("cors_origins", "https://a.example/path"),
        ("cors_origins", "https://*.example"),
        ("allowed_hosts", "*"),
        ("allowed_hosts", "https://a.example"),
        ("oidc_algorithms", "HS256"),
        ("oidc_algorithms", "RS256,none"),
        ("oidc_issuer", "http://id.example.org"),
        ("oidc_issuer", "https://id.example.org"),  # no audience
        ("max_upload_mb", "0"),
    ],
)
def test_an_unsafe_setting_is_refused_by_name(key: str, value: str) -> None:
    with pytest.raises(InputError, match=f"--conf {key} "):
        SecuritySettings.read({key: value})
