"""What every request passes before a route sees it."""

from fastapi import FastAPI

from sdseg_app.config.security import SecuritySettings


def install_middleware(app: FastAPI, settings: SecuritySettings) -> None:
    """Take the stock CORS, which reflects every origin, away."""
    app.user_middleware.clear()
    app.state.sdseg_security = settings
