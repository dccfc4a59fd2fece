"""Putting our routes in front of the stock ones of a running MONAI Label server."""

import sys

from fastapi import APIRouter

from sdseg_app.routes import activelearning, datastore, infer, info, tasks
from sdseg_app.routes.errors import install_error_handlers

_MARK = "sdseg_routes_installed"


def in_server() -> bool:
    """True in the process that answers HTTP; False in its background tasks and in a script."""
    return "monailabel.app" in sys.modules


def is_installed() -> bool:
    """True once this server has started: `/reload` makes MONAI Label build its app anew in the same process."""
    return in_server() and getattr(sys.modules["monailabel.app"].app.state, _MARK, False)


def install_routes() -> None:
    """Once; see `is_installed`."""
    app = sys.modules["monailabel.app"].app
    if is_installed():
        return
    router = APIRouter()
    for part in (info, infer, datastore, activelearning, tasks):
        router.include_router(part.router)
    # The first route that matches answers.
    app.router.routes[:0] = router.routes
    install_error_handlers(app)
    setattr(app.state, _MARK, True)
