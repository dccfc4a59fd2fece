"""What every request passes before a route sees it."""

from fastapi import FastAPI
from fastapi.middleware import Middleware
from fastapi.middleware.cors import CORSMiddleware

from sdseg_app.config.security import SecuritySettings
from sdseg_app.security.audit import AuditLog
from sdseg_app.security.audit_file import AuditFile
from sdseg_app.security.authentication import Authentication, Authenticator
from sdseg_app.security.bodies import BodyLimit
from sdseg_app.security.headers import SecurityHeaders
from sdseg_app.security.hosts import HostGuard

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
_HEADERS = ("Authorization", "Content-Type", "Range", "If-None-Match")
_SHOWN = ("X-SDSeg-Job", "Content-Disposition", "Retry-After", "Warning", "WWW-Authenticate")


def install_middleware(app: FastAPI, settings: SecuritySettings) -> None:
    """Put ours, from the outermost to the innermost, in the place of the stock CORS, which reflects every origin.

    `settings.audit_log` must be set. Raises InputError: a token file or an audit log that cannot be used.
    """
    assert settings.audit_log is not None
    authenticator = Authenticator(settings)
    public = settings.authenticated or settings.allow_public
    app.state.sdseg_security = settings
    app.state.authenticator = authenticator
    app.user_middleware[:] = [
        Middleware(SecurityHeaders),
        Middleware(AuditLog, file=AuditFile(settings.audit_log)),
        Middleware(HostGuard, public=public, names=settings.allowed_hosts, origins=settings.cors_origins),
        *_cors(settings.cors_origins),
        Middleware(Authentication, authenticator=authenticator),
        Middleware(BodyLimit, largest=settings.max_upload_mb << 20),
    ]


def _cors(origins: tuple[str, ...]) -> list[Middleware]:
    """Without credentials: the cookie never comes from another site, a token is sent by hand."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_HEADERS,
            expose_headers=_SHOWN,
        )
    ]
