"""Settings of who may reach this server and what is written down about it."""

from pathlib import Path

from pydantic import Field

from sdseg_app.config.group import Group, Words


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
    oidc_issuer: str = Field("", description="Issuer of accepted OpenID Connect tokens.")
    oidc_audience: str = Field("", description="Audience that those tokens must name.")
    oidc_client_id: str = Field("", description="This server's client id, for logging in from a browser.")
    oidc_algorithms: Words = Field(("RS256",), description="Signature algorithms of those tokens; HS* and none never.")
    oidc_roles_claim: str = Field("realm_access.roles", description="Where those tokens name roles, as a dotted path.")
    audit_log: Path | None = Field(
        None, description="File of the audit log, one JSON object a line; default: audit.jsonl in model_dir."
    )
