"""JSON Web Tokens of a provider that runs on a socket: what holds, and what an attacker would try."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from security.conftest import Light, Start
from security.provider import AUDIENCE, CLIENT, PASSWORD, USER, Provider


@pytest.fixture
def server(start: Start, provider: Provider) -> Light:
    return start(oidc_issuer=provider.issuer, oidc_audience=AUDIENCE, oidc_client_id=CLIENT)


def seen(server: Light, token: str) -> int:
    return server.ask("GET", "/datastore/", token).status_code


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_a_good_token_names_user_and_role(server: Light, provider: Provider) -> None:
    reply = server.ask("GET", "/datastore/", provider.token())
    assert reply.json() == {"user": USER, "role": "annotator", "image": ""}
    assert server.ask("DELETE", "/train/", provider.token()).status_code == 403


@pytest.mark.parametrize(
    ("roles", "status"),
    [(["reader"], 200), (["monailabel-user"], 200), (["x", "admin"], 200), (["x"], 403), ([], 403), (None, 403)],
)
def test_a_login_without_a_role_is_refused(
    server: Light, provider: Provider, roles: list[str] | None, status: int
) -> None:
    reply = server.ask("GET", "/datastore/", provider.token(realm_access={"roles": roles}))
    assert reply.status_code == status
    if status == 403:
        assert "realm_access.roles" in reply.json()["detail"]


@pytest.mark.parametrize(("claim", "value"), [("https://x.example/roles", ["admin"]), ("scope", "openid admin")])
def test_roles_come_from_the_configured_claim(start: Start, provider: Provider, claim: str, value: Any) -> None:
    server = start(oidc_issuer=provider.issuer, oidc_audience=AUDIENCE, oidc_roles_claim=claim)
    assert server.ask("GET", "/datastore/", provider.token(**{claim: value})).json()["role"] == "admin"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"exp": None}, "hold"),
        ({"nbf": int(time.time()) + 3600}, "hold"),
        ({"aud": "another"}, "another server"),
        ({"aud": None}, "hold"),
        ({"aud": [AUDIENCE + "x"]}, "another server"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"iss": None}, "hold"),
        ({"sub": None}, "hold"),
    ],
)
def test_claims_that_do_not_hold(server: Light, provider: Provider, changed: dict[str, Any], told: str) -> None:
    reply = server.ask("GET", "/datastore/", provider.token(**changed))
    assert reply.status_code == 401
    assert told in reply.json()["detail"]
    assert 'error="invalid_token"' in reply.headers["WWW-Authenticate"]


def test_clocks_may_differ_a_little(server: Light, provider: Provider) -> None:
    assert seen(server, provider.token(exp=int(time.time()) - 5)) == 200


def test_no_signature_and_a_public_key_as_secret_are_refused(server: Light, provider: Provider) -> None:
    pem = provider.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claims, kid = provider.claims(), provider.kid
    body = forged({"alg": "HS256", "kid": kid}, claims).rsplit(".", 1)[0]
    confused = (
        body
        + "."
        + base64.urlsafe_b64encode(hmac.new(pem, body.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    )
    for token in (
        confused,
        forged({"alg": "none", "kid": kid}, claims),
        forged({"alg": "None"}, claims),
        forged({"alg": "RS256", "kid": kid}, claims),
        forged({"kid": kid}, claims),
    ):
        assert seen(server, token) == 401


def test_a_key_of_another_kind_in_the_set_signs_nothing(server: Light, provider: Provider) -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    encoded = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    provider.extra_keys = [{"kty": "oct", "k": encoded, "kid": "shared", "alg": "HS256"}]
    token = jwt.encode(provider.claims(), secret, "HS256", headers={"kid": "shared"})
    assert seen(server, token) == 401
    assert seen(server, provider.token(headers={"kid": "shared"})) == 401
    assert seen(server, provider.token()) == 200


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1 --", "x" * 2000, "nobody's", ""])
def test_a_key_id_is_only_looked_up(server: Light, provider: Provider, kid: str) -> None:
    assert seen(server, provider.token(headers={"kid": kid})) == 401


def test_a_key_in_the_token_is_not_used(server: Light, provider: Provider) -> None:
    own = rsa.generate_private_key(65537, 2048)
    jwk = {**jwt.algorithms.RSAAlgorithm.to_jwk(own.public_key(), as_dict=True), "kid": provider.kid}
    address = f"{provider.issuer}/evil"
    for header in ({"jwk": jwk}, {"jku": address}, {"x5u": address}):
        token = jwt.encode(provider.claims(), own, "RS256", headers={"kid": provider.kid, **header})
        assert seen(server, token) == 401


@pytest.mark.parametrize(
    "token", ["a.b.c", "..", "é.é.é", "x" * 20_000 + ".a.b", "e30.e30.", "bnVsbA.e30.e30", "W10.W10.W10"]
)
def test_what_is_no_token(server: Light, token: str) -> None:
    assert server.ask("GET", "/datastore/", headers={"Authorization": f"Bearer {token}".encode()}).status_code == 401


def test_keys_are_kept_and_a_new_one_is_found(server: Light, provider: Provider) -> None:
    old = provider.token()
    assert [seen(server, old) for _ in range(5)] == [200] * 5
    assert provider.asked == 1
    provider.rotate()
    until = time.monotonic() + 20
    while seen(server, provider.token()) != 200:  # keys are asked for once a second at most
        assert time.monotonic() < until
    assert provider.asked < 20
    assert seen(server, old) == 401


def test_elliptic_curves_where_they_are_configured(start: Start, provider: Provider) -> None:
    provider.rotate("ES256")
    both = start(oidc_issuer=provider.issuer, oidc_audience=AUDIENCE, oidc_algorithms="RS256,ES256")
    assert seen(both, provider.token()) == 200
    rs_only = start(oidc_issuer=provider.issuer, oidc_audience=AUDIENCE)
    assert seen(rs_only, provider.token()) == 401


def test_a_provider_that_is_down_is_said_so(start: Start, provider: Provider, tokens: Any, token_file: Any) -> None:
    server = start(oidc_issuer=provider.issuer, oidc_audience=AUDIENCE, oidc_client_id=CLIENT, tokens=token_file)
    provider.up = False
    reply = server.ask("GET", "/datastore/", provider.token())
    assert reply.status_code == 503
    assert int(reply.headers["Retry-After"]) > 0
    assert server.ask("GET", "/datastore/", tokens["reader"]).status_code == 200  # tokens need no provider
    asked = provider.asked
    assert [seen(server, provider.token()) for _ in range(20)] == [503] * 20
    assert provider.asked == asked
    assert server.ask("GET", "/auth/login").status_code == 503


def test_a_provider_that_goes_down_does_not_end_what_is_known(server: Light, provider: Provider) -> None:
    assert seen(server, provider.token()) == 200
    provider.up = False
    assert seen(server, provider.token()) == 200
    assert seen(server, provider.token(headers={"kid": "unknown"})) in (401, 503)
    assert seen(server, provider.token()) == 200


@pytest.mark.parametrize("keys", [b"<html>", b"\xff\xfe", b"[]", b'{"keys": []}', b'{"keys": [{"kty": "RSA"}]}'])
def test_keys_that_are_none_let_nobody_in(start: Start, provider: Provider, keys: bytes) -> None:
    provider.damaged_keys = keys
    server = start(oidc_issuer=provider.issuer, oidc_audience=AUDIENCE)
    assert seen(server, provider.token()) in (401, 503)


def test_another_issuer_at_the_address_is_not_believed(start: Start, provider: Provider) -> None:
    server = start(oidc_issuer=f"{provider.issuer}/", oidc_audience=AUDIENCE)
    assert seen(server, provider.token(iss=f"{provider.issuer}/")) == 503


def test_a_password_is_passed_on(server: Light, provider: Provider) -> None:
    asked = server.ask("POST", "/auth/token", data={"username": USER, "password": PASSWORD, "grant_type": "password"})
    assert asked.json()["token_type"] == "bearer"
    assert seen(server, asked.json()["access_token"]) == 200
    assert server.ask("POST", "/auth/token", data={"username": USER, "password": "wrong"}).status_code == 401
    provider.roles = []
    assert server.ask("POST", "/auth/token", data={"username": USER, "password": PASSWORD}).status_code == 403
