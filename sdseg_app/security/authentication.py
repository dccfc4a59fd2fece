"""Who asks: by bearer token, or by the login of a browser."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sdseg_app.config.security import SecuritySettings
from sdseg_app.security.attempts import Attempts
from sdseg_app.security.code_flow import CodeFlow
from sdseg_app.security.logins import Logins
from sdseg_app.security.oidc import OidcTokens
from sdseg_app.security.outcome import AccessError, NotKnownError
from sdseg_app.security.replies import is_page_request, refusal, route_path, to_login
from sdseg_app.security.static_tokens import StaticTokens
from sdseg_app.security.users import LOCAL, User

OPEN = ("/login", "/logout", "/auth", "/web/login")
"""What is answered without a login: the page for it, and the questions of MONAI Label's clients about it."""


class Authenticator:
    """Knows users by tokens of a file, by tokens of an issuer, and by the cookie of a browser that showed one.

    Raises InputError for a token file that cannot be used.
    """

    def __init__(self, settings: SecuritySettings) -> None:
        self.settings = settings
        self.tokens = StaticTokens(settings.tokens) if settings.tokens else None
        self.oidc = OidcTokens(settings) if settings.oidc_issuer else None
        self.code_flow = CodeFlow(settings, self.oidc) if self.oidc and settings.oidc_client_id else None
        self.logins = Logins(settings.login_hours)
        self.attempts = Attempts()
        # Few and of its own: an issuer that hangs must not take the threads of the routes.
        self._threads = ThreadPoolExecutor(4, "login")

    @property
    def enabled(self) -> bool:
        return self.settings.authenticated

    async def user_of(self, request: Request) -> User:
        """Raises AccessError; NotKnownError where nobody shows anything."""
        if not self.enabled:
            return LOCAL
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self._of_token(token.strip())
        if scheme:
            raise NotKnownError("Only bearer tokens are known here: Authorization: Bearer TOKEN.")
        user = self._of_cookie(request)
        if user is None:
            raise NotKnownError("Log in first, or send a token: Authorization: Bearer TOKEN.", invalid=False)
        return user

    async def _of_token(self, token: str) -> User:
        user = self.tokens.user_of(token) if self.tokens else None
        if user is not None:
            return user
        if self.oidc is None or token.count(".") != 2:
            raise NotKnownError("This token is not known here, or no longer.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.oidc.user_of, token)

    def _of_cookie(self, request: Request) -> User | None:
        login = self.logins.find(request.cookies.get(cookie_name(request), ""))
        if login is None:
            return None
        if login.token_sha256:
            return self.tokens.user_of_hash(login.token_sha256) if self.tokens else None
        return login.user


class Authentication:
    """Puts the user into `request.state.user`; nothing but OPEN is reached without one.

    There `request.state.refusal` says why there is no user.
    """

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request.state.user = None
        try:
            request.state.user = await self._authenticator.user_of(request)
        except AccessError as error:
            request.state.refusal = error
            if not is_open(request):
                await _refused(request, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_open(request: Request) -> bool:
    path = route_path(request)
    return any(path == start or path.startswith(f"{start}/") for start in OPEN)


def cookie_name(request: Request) -> str:
    """Browsers take a `__Host-` cookie over https only, and from this very host."""
    return "__Host-sdseg" if request.url.scheme == "https" else "sdseg"


def _refused(request: Request, error: AccessError) -> Response:
    if isinstance(error, NotKnownError) and is_page_request(request) and "authorization" not in request.headers:
        return to_login(request)
    return refusal(error.status_code, error.detail, error.headers)
