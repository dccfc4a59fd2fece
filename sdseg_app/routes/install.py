"""Putting our routes in front of the stock ones of a running MONAI Label server."""

import sys

from fastapi import APIRouter

from sdseg_app.config.security import SecuritySettings
from sdseg_app.routes import (
    activelearning,
    auth,
    datastore,
    dicomweb,
    infer,
    info,
    jobs,
    logs,
    model,
    ohif,
    review,
    session,
    status,
    tasks,
)
from sdseg_app.routes.errors import install_error_handlers
from sdseg_app.security.middleware import install_middleware

_MARK = "sdseg_routes_installed"
_PARTS = (
    info,
    infer,
    jobs,
    datastore,
    session,
    activelearning,
    tasks,
    model,
    review,
    dicomweb,
    ohif,
    auth,
    logs,
    status,
)


def in_server() -> bool:
    """True in the process that answers HTTP; False in its background tasks and in a script."""
    return "monailabel.app" in sys.modules


def is_installed() -> bool:
    """True once this server has started: `/reload` makes MONAI Label build its app anew in the same process."""
    return in_server() and getattr(sys.modules["monailabel.app"].app.state, _MARK, False)


def install_routes(security: SecuritySettings) -> None:
    """Once; see `is_installed`."""
    app = sys.modules["monailabel.app"].app
    if is_installed():
        return
    router = APIRouter()
    for part in _PARTS:
        router.include_router(part.router)
    # The first route that matches answers.
    app.router.routes[:0] = router.routes
    install_middleware(app, security)
    install_error_handlers(app)
    setattr(app.state, _MARK, True)
