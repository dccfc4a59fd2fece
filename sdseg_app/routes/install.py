"""Putting our routes in the place of the stock ones of a running MONAI Label server."""

import sys
from importlib.metadata import version

from sdseg_app.config.security import SecuritySettings
from sdseg_app.routes import (
    activelearning,
    auth,
    datastore,
    dicomweb,
    docs,
    images,
    infer,
    info,
    jobs,
    labels,
    logs,
    model,
    models,
    ohif,
    review,
    session,
    status,
    tasks,
)
from sdseg_app.routes.errors import install_error_handlers
from sdseg_app.routes.openapi import publish
from sdseg_app.routes.responses import ALWAYS, errors
from sdseg_app.security.middleware import install_middleware

_MARK = "sdseg_routes_installed"
_PARTS = (
    info,
    infer,
    jobs,
    datastore,
    images,
    labels,
    session,
    activelearning,
    tasks,
    model,
    models,
    review,
    dicomweb,
    ohif,
    auth,
    logs,
    docs,
    status,
)
_TITLE = "SDSeg in the reading room"


def in_server() -> bool:
    """True in the process that answers HTTP; False in its background tasks and in a script."""
    return "monailabel.app" in sys.modules


def is_installed() -> bool:
    """True once this server has started."""
    return in_server() and getattr(sys.modules["monailabel.app"].app.state, _MARK, False)


def install_routes(security: SecuritySettings) -> None:
    """Once; see `is_installed`. Nothing of the stock server answers any more: neither its routes, which do not check
    what they are sent, nor its static files, nor its pages, which load scripts from elsewhere.
    """
    app = sys.modules["monailabel.app"].app
    if is_installed():
        return
    app.router.routes.clear()
    for part in _PARTS:
        app.include_router(part.router, responses=errors(*ALWAYS))
    publish(app, _TITLE, version("sdseg"), security.authenticated)
    install_middleware(app, security)
    install_error_handlers(app)
    setattr(app.state, _MARK, True)
