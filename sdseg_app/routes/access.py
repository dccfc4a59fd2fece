"""The running app and the caller's rights, as FastAPI dependencies."""

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from monailabel.config import settings
from monailabel.endpoints.user.auth import RBAC, User
from monailabel.interfaces.utils.app import app_instance

if TYPE_CHECKING:
    from sdseg_app.main import SDSegApp

# The roles that the stock routes ask for.
AnyUser = Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))]
Annotator = Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ANNOTATOR))]
Admin = Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ADMIN))]


def running_app() -> "SDSegApp":
    app: SDSegApp = app_instance()
    return app
