"""An OpenID Connect provider on a socket: discovery, keys that rotate, code flow with PKCE, password grant."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import FastAPI, Form, HTTPException
from fastapi.responses import RedirectResponse, Response
from security.light_server import serve

CLIENT, AUDIENCE, USER, PASSWORD = "sdseg-browser", "sdseg-api", "annotator-1", "correct horse"
_ALGORITHMS = {"RS256": jwt.algorithms.RSAAlgorithm, "ES256": jwt.algorithms.ECAlgorithm}


class Provider:
    """Signs what it is asked to, and lets USER in with PASSWORD or without asking.

    Attributes:
        issuer: its address.
        roles: what it tells of its user.
        up: whether it answers at all.
        asked: how often its keys were fetched.
    """

    def __init__(self) -> None:
        self.issuer = ""
        self.roles = ["monailabel-annotator"]
        self.up = True
        self.asked = 0
        self.damaged_keys = b""
        self.extra_keys: list[dict[str, Any]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self.rotate()

    def rotate(self, algorithm: str = "RS256") -> None:
        """A new key; the old one is gone."""
        self.algorithm = algorithm
        rsa_key = algorithm == "RS256"
        self.key = rsa.generate_private_key(65537, 2048) if rsa_key else ec.generate_private_key(ec.SECP256R1())
        self.kid = secrets.token_hex(4)

    def jwk(self) -> dict[str, Any]:
        told = _ALGORITHMS[self.algorithm].to_jwk(self.key.public_key(), as_dict=True)
        return {**told, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Those of a good access token; a value of None leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "f:1:annotator-1",
            "preferred_username": USER,
            "iat": now,
            "exp": now + 300,
            "realm_access": {"roles": self.roles},
            **changed,
        }
        return {key: value for key, value in claims.items() if value is not None}

    def token(self, headers: dict[str, Any] | None = None, **changed: Any) -> str:
        named = {"kid": self.kid, **(headers or {})}
        return jwt.encode(self.claims(**changed), self.key, self.algorithm, headers=named)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def down(request: Any, call_next: Any) -> Any:
            if not self.up:
                raise RuntimeError("down")
            return await call_next(request)

        @app.get("/.well-known/openid-configuration")
        def describe() -> dict[str, str]:
            return {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/keys",
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
            }

        @app.get("/keys")
        def keys() -> Response:
            self.asked += 1
            told = json.dumps({"keys": [self.jwk(), *self.extra_keys]}).encode()
            return Response(self.damaged_keys or told, media_type="application/json")

        @app.get("/authorize")
        def authorize(
            client_id: str, redirect_uri: str, state: str, nonce: str, code_challenge: str, code_challenge_method: str
        ) -> RedirectResponse:
            assert (client_id, code_challenge_method) == (CLIENT, "S256")
            code = secrets.token_urlsafe()
            self._codes[code] = {"challenge": code_challenge, "nonce": nonce, "redirect_uri": redirect_uri}
            return RedirectResponse(f"{redirect_uri}?code={code}&state={state}", 302)

        @app.post("/token")
        def token(
            grant_type: Annotated[str, Form()],
            client_id: Annotated[str, Form()],
            code: Annotated[str, Form()] = "",
            code_verifier: Annotated[str, Form()] = "",
            redirect_uri: Annotated[str, Form()] = "",
            username: Annotated[str, Form()] = "",
            password: Annotated[str, Form()] = "",
        ) -> dict[str, Any]:
            if grant_type == "password":
                if (username, password) != (USER, PASSWORD):
                    raise HTTPException(401, "invalid_grant")
                return {"access_token": self.token(), "token_type": "Bearer"}
            begun = self._codes.pop(code, {})
            digest = hashlib.sha256(code_verifier.encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if (begun.get("challenge"), begun.get("redirect_uri")) != (challenge, redirect_uri):
                raise HTTPException(400, "invalid_grant")
            identity = self.token(aud=client_id, nonce=begun["nonce"], realm_access=None)
            return {"access_token": self.token(), "token_type": "Bearer", "id_token": identity}

        return app


@contextmanager
def running_provider() -> Iterator[Provider]:
    provider = Provider()
    with serve(provider.app()) as port:
        provider.issuer = f"http://127.0.0.1:{port}"
        yield provider
