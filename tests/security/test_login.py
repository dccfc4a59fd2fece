"""Logging a browser in: by token, and at a provider; and what MONAI Label's client asks."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import trustme
from helpers.browser import keep, open_page
from playwright.sync_api import Browser
from security.conftest import Light, Start
from security.light_server import light_app, serve
from security.provider import AUDIENCE, CLIENT, Provider

from sdseg_app.config.security import SecuritySettings
from sdseg_app.security.attempts import Attempts, neighbourhood
from sdseg_app.security.logins import Logins
from sdseg_app.security.outcome import TooManyError
from sdseg_app.security.replies import safe_next
from sdseg_app.security.users import LOCAL

PAGE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def server(start: Start, tokens: dict[str, str], token_file: Path) -> Light:
    return start(tokens=token_file)


@pytest.fixture
def oidc_server(start: Start, provider: Provider) -> Light:
    return start(oidc_issuer=provider.issuer, oidc_audience=AUDIENCE, oidc_client_id=CLIENT)


def test_a_browser_is_led_to_the_login_and_back(server: Light, tokens: dict[str, str]) -> None:
    sent = server.ask("GET", "/datastore/?image=1.2", headers=PAGE)
    assert sent.status_code == 303
    assert sent.headers["Location"] == "/login?next=%2Fdatastore%2F%3Fimage%3D1.2"
    page = server.ask("GET", sent.headers["Location"], headers=PAGE)
    assert 'name="next" value="/datastore/?image=1.2"' in page.text
    done = server.ask("POST", "/login", data={"token": tokens["reader"], "next": "/datastore/?image=1.2"})
    assert (done.status_code, done.headers["Location"]) == (303, "/datastore/?image=1.2")
    cookie = done.headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert tokens["reader"] not in cookie
    assert server.ask("GET", "/datastore/", cookies=done.cookies).json()["user"] == "the-reader"


def test_scripts_and_programs_get_json_instead(server: Light) -> None:
    for headers in ({"Accept": "*/*"}, {**PAGE, "Sec-Fetch-Mode": "cors"}, {"Accept": "application/json"}):
        assert server.ask("GET", "/datastore/", headers=headers).status_code == 401
    assert server.ask("POST", "/activelearning/random", headers=PAGE).status_code == 401


def test_a_link_from_another_site_keeps_the_login(server: Light) -> None:
    hop = server.ask("GET", "/ohif/viewer?a=%22%3E", headers={**PAGE, "Sec-Fetch-Site": "cross-site"})
    assert hop.status_code == 200
    assert 'content="0;url=/ohif/viewer?a=%22%3E"' in hop.text


def test_logging_out_ends_the_login(server: Light, tokens: dict[str, str]) -> None:
    cookies = server.ask("POST", "/login", data={"token": tokens["reader"]}).cookies
    out = server.ask("POST", "/logout", cookies=cookies)
    assert 'sdseg=""' in out.headers["Set-Cookie"]
    assert server.ask("GET", "/datastore/", cookies=cookies).status_code == 401
    assert "Set-Cookie" not in server.ask("GET", "/logout").headers


@pytest.mark.parametrize("cookie", ["", "x", "0" * 5000, "é", "the-reader"])
def test_a_made_up_cookie_is_nobodys(server: Light, cookie: str) -> None:
    reply = server.ask("GET", "/datastore/", headers={"Cookie": f"sdseg={cookie}".encode()})
    assert reply.status_code == 401


def test_a_login_ends_by_itself() -> None:
    logins = Logins(hours=0)
    assert logins.find(logins.begin(LOCAL)) is None


def test_each_login_has_another_name(server: Light, tokens: dict[str, str]) -> None:
    names = {server.ask("POST", "/login", data={"token": tokens["reader"]}).cookies["sdseg"] for _ in range(3)}
    assert len(names) == 3


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: x=1",
        "ohif",
        "",
        "/" + "a" * 3000,
        "///evil.example",
        "/[",
    ],
)
def test_the_way_back_never_leads_elsewhere(server: Light, tokens: dict[str, str], path: str) -> None:
    done = server.ask("POST", "/login", data={"token": tokens["reader"], "next": path})
    assert done.headers["Location"] in ("/", "/[")
    assert safe_next(path) in ("/", "/[")


def test_the_message_and_the_way_back_are_escaped(server: Light) -> None:
    page = server.ask("POST", "/login", data={"token": "x", "next": '/"><script>alert(1)</script>'})
    assert page.status_code == 401
    assert "<script" not in page.text
    assert "not known here" in page.text


def test_failed_logins_are_slowed_down(server: Light, tokens: dict[str, str]) -> None:
    tried = [server.ask("POST", "/login", data={"token": "guess"}).status_code for _ in range(11)]
    assert tried == [401] * 10 + [429]
    refused = server.ask("POST", "/auth/token", data={"username": "a", "password": tokens["reader"]})
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 301
    assert server.ask("GET", "/datastore/", tokens["reader"]).status_code == 200  # tokens cannot be guessed


def test_attempts_count_for_a_while_and_a_network() -> None:
    attempts = Attempts(most=2, within=0.0)
    attempts.failed("a")
    attempts.failed("a")
    attempts.check("a")  # long ago
    attempts = Attempts(most=2, within=100.0)
    attempts.failed("a", "b")
    attempts.succeeded("b")
    attempts.failed("a", "b")
    attempts.check("b")
    with pytest.raises(TooManyError):
        attempts.check("b", "a")
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::ffff") != neighbourhood("2001:db8:0:1::1")


def test_monai_labels_client_logs_in(server: Light, tokens: dict[str, str]) -> None:
    """Its calls, and how it uses the answers (monailabel/client/client.py, as in 3D Slicer)."""
    assert server.ask("GET", "/auth/").json()["enabled"] is True
    assert server.ask("GET", "/auth/token/valid").status_code == 401
    asked = {"username": "anybody", "password": tokens["annotator"], "grant_type": "password"}
    token = server.ask("POST", "/auth/token", data=asked).json()
    shown = {"Authorization": f"{token['token_type']} {token['access_token']}"}
    who = server.ask("GET", "/auth/token/valid", headers=shown).json()
    assert who == {"username": "the-annotator", "email": None, "name": "the-annotator", "roles": ["annotator"]}


def test_without_authentication_nobody_is_asked(start: Start) -> None:
    server = start()
    assert server.ask("GET", "/auth/").json()["enabled"] is False
    assert server.ask("POST", "/auth/token").json() == {"access_token": None, "token_type": None}
    assert server.ask("GET", "/login?next=/datastore/").headers["Location"] == "/datastore/"
    assert server.ask("GET", "/auth/login").status_code == 404


def test_a_prefix_of_a_proxy_is_kept(start: Start, tokens: dict[str, str], token_file: Path) -> None:
    server = start(tokens=token_file, root_path="/sdseg")
    assert server.ask("GET", "/datastore/", headers=PAGE).headers["Location"] == "/sdseg/login?next=%2Fdatastore%2F"
    assert 'action="/sdseg/login"' in server.ask("GET", "/login").text
    done = server.ask("POST", "/login", data={"token": tokens["reader"], "next": "/datastore/"})
    assert done.headers["Location"] == "/sdseg/datastore/"


def test_over_https_the_cookie_is_for_https_and_this_host_only(
    tokens: dict[str, str], token_file: Path, tmp_path: Path
) -> None:
    authority, pem, trusted = trustme.CA(), tmp_path / "server.pem", tmp_path / "ca.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(pem)
    authority.cert_pem.write_to_path(trusted)
    settings = SecuritySettings(tokens=token_file).with_audit_log(tmp_path)
    with serve(light_app(settings), certificate=pem) as port:
        asked = {"timeout": 30, "verify": trusted, "allow_redirects": False}
        done = requests.post(f"https://localhost:{port}/login", data={"token": tokens["reader"]}, **asked)
        assert done.headers["Set-Cookie"].startswith("__Host-sdseg=")
        assert "Secure" in done.headers["Set-Cookie"].split("; ")
        seen = requests.get(f"https://localhost:{port}/datastore/", cookies=done.cookies, **asked)
        assert seen.json()["user"] == "the-reader"
        wrong = {"sdseg": done.cookies["__Host-sdseg"]}
        assert requests.get(f"https://localhost:{port}/datastore/", cookies=wrong, **asked).status_code == 401


def go(browser: requests.Session, url: str) -> requests.Response:
    return browser.get(url, timeout=30, allow_redirects=False)


def test_a_browser_logs_in_at_the_provider(oidc_server: Light) -> None:
    browser = requests.Session()
    begun = go(browser, f"{oidc_server.url}/auth/login?next=/datastore/")
    asked = parse_qs(urlsplit(begun.headers["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["state"] != asked["nonce"]
    assert "samesite=lax" in begun.headers["Set-Cookie"].lower()
    back = go(browser, begun.headers["Location"]).headers["Location"]
    done = go(browser, back)
    assert re.search(r'content="0;url=/datastore/"', done.text)
    assert "samesite=strict" in done.headers["Set-Cookie"].lower()
    assert go(browser, f"{oidc_server.url}/datastore/").json() == {
        "user": "annotator-1",
        "role": "annotator",
        "image": "",
    }
    assert go(browser, back).status_code == 401  # once only
    told = oidc_server.entries()
    assert [(line["route"], line["user"], line["status"]) for line in told if line["route"] == "/auth/callback"] == [
        ("/auth/callback", "annotator-1", 200),
        ("/auth/callback", "annotator-1", 401),
    ]


def test_an_answer_that_another_browser_began_is_refused(oidc_server: Light) -> None:
    attacker, victim = requests.Session(), requests.Session()
    begun = go(attacker, f"{oidc_server.url}/auth/login")
    back = go(attacker, begun.headers["Location"]).headers["Location"]
    refused = go(victim, back)
    assert refused.status_code == 401
    assert "Set-Cookie" not in refused.headers


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=access_denied&state=x"])
def test_an_answer_to_nothing_is_refused(oidc_server: Light, query: str) -> None:
    reply = oidc_server.ask("GET", f"/auth/callback{query}")
    assert reply.status_code == 401
    assert "begin again" in reply.text


def test_a_mixed_up_issuer_is_refused(oidc_server: Light) -> None:
    browser = requests.Session()
    begun = go(browser, f"{oidc_server.url}/auth/login")
    back = go(browser, begun.headers["Location"]).headers["Location"]
    assert go(browser, f"{back}&iss=https://evil.example").status_code == 401


def test_a_login_without_a_role_ends_on_the_page(oidc_server: Light, provider: Provider) -> None:
    provider.roles = ["visitor"]
    browser = requests.Session()
    begun = go(browser, f"{oidc_server.url}/auth/login")
    reply = go(browser, go(browser, begun.headers["Location"]).headers["Location"])
    assert reply.status_code == 403
    assert "gives you no role" in reply.text


def test_the_page_in_a_browser(
    browser: Browser, start: Start, provider: Provider, tokens: dict[str, str], token_file: Path
) -> None:
    server = start(oidc_issuer=provider.issuer, oidc_audience=AUDIENCE, oidc_client_id=CLIENT, tokens=token_file)
    for width in (390, 1280):
        with open_page(browser, width, 800) as page:
            complaints: list[str] = []
            page.on("console", lambda message, told=complaints: told.append(message.text))
            page.goto(f"{server.url}/datastore/")
            assert page.url.startswith(f"{server.url}/login?next=")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.locator(".message").is_hidden()
            keep(page, f"login-{width}")
            page.fill("#token", "wrong")
            page.click("button")
            assert page.locator(".message").is_visible()
            assert [text for text in complaints if "Content Security" in text] == []
            page.fill("#token", tokens["reader"])
            page.click("button")
            assert "the-reader" in page.content()
            assert page.evaluate("document.cookie") == ""
    with open_page(browser) as page:
        page.goto(f"{server.url}/datastore/")
        page.click("a.button")  # to the provider, which asks nothing, and back
        page.wait_for_url(f"{server.url}/datastore/")
        assert '"user":"annotator-1"' in page.content()
