"""Settings of who may reach this server and what is written down about it."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from sdseg.serving.exposure import is_loopback
from sdseg_app.config.group import Group, Words

ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Signatures which a public key checks (RFC 7518, 8037). With HS* whoever checks could sign; `none` is no signature."""


class SecuritySettings(Group):
    """Addresses, authentication, limits and the audit log."""

    allow_public: bool = Field(
        False, description="Answer other machines than this one although no authentication is configured."
    )
    allowed_hosts: Words = Field(
        (), description="Host names under which this server is reached, beside those of this machine; comma-separated."
    )
    cors_origins: Words = Field(
        (), description="Origins of other web pages that may ask this server, like https://viewer.example.org."
    )
    max_upload_mb: int = Field(2048, ge=1, description="The largest request body that is taken, in MB.")
    tokens: Path | None = Field(
        None, description="YAML file of bearer tokens (hashes) with name and role; its mode must be 0600."
    )
    oidc_audience: str = Field("", description="Audience that those tokens must name; default: oidc_client_id.")
    oidc_client_id: str = Field("", description="This server's client id, for logging in from a browser.")
    oidc_issuer: str = Field("", description="Issuer of accepted OpenID Connect tokens, an https URL.")
    oidc_client_secret: Path | None = Field(
        None, description="File with the client's secret where the issuer wants one; its mode must be 0600."
    )
    oidc_algorithms: Words = Field(("RS256",), description="Signature algorithms of those tokens; HS* and none never.")
    oidc_roles_claim: str = Field("realm_access.roles", description="Where those tokens name roles, as a dotted path.")
    oidc_name_claim: str = Field("preferred_username", description="Where those tokens name the user, else sub.")
    login_hours: float = Field(8, gt=0, le=168, description="Hours after which a browser has to log in again.")
    audit_log: Path | None = Field(
        None, description="File of the audit log, one JSON object a line; default: audit.jsonl in model_dir."
    )

    @property
    def authenticated(self) -> bool:
        """Must whoever asks say who he is?"""
        return self.tokens is not None or bool(self.oidc_issuer)

    def with_audit_log(self, folder: Path) -> Self:
        """The same, with an audit log in `folder` unless a file was named; all paths are absolute then."""
        log = self.audit_log or folder / "audit.jsonl"
        tokens, secret = self.tokens, self.oidc_client_secret
        return self.model_copy(
            update={
                "audit_log": log.resolve(),
                "tokens": tokens.resolve() if tokens else None,
                "oidc_client_secret": secret.resolve() if secret else None,
            }
        )

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str, info: ValidationInfo) -> str:
        parts = urlsplit(value)
        here = parts.hostname is not None and (parts.hostname == "localhost" or is_loopback(parts.hostname))
        if not parts.hostname or parts.query or parts.fragment or not (parts.scheme == "https" or here):
            raise ValueError("it must be an https URL (http only on this machine)")
        if not info.data.get("oidc_audience") and not info.data.get("oidc_client_id"):
            raise ValueError("it needs --conf oidc_audience, for tokens made for others must not count")
        return value

    @field_validator("oidc_algorithms")
    @classmethod
    def _are_asymmetric(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in ASYMMETRIC:
                raise ValueError(f"{name[:20]} is none of {', '.join(sorted(ASYMMETRIC))}")
        if not value:
            raise ValueError("name at least one")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or not parts.netloc
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"{origin[:80]!r} is no origin like https://viewer.example.org, without a path")
            if "*" in origin or "@" in origin:
                raise ValueError(f"{origin[:80]!r} must be one origin, spelt out")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if any(sign in host for sign in "*/@ ") or "://" in host:
                raise ValueError(f"{host[:80]!r} is no host name like sdseg.example.org, without port and scheme")
        return tuple(host.lower().rstrip(".") for host in value)
