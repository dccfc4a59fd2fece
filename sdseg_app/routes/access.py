"""The running app and the caller's rights, as FastAPI dependencies."""

from pathlib import Path
from typing import Annotated, Any, Protocol

from fastapi import Depends
from monailabel.config import settings
from monailabel.endpoints.user.auth import RBAC, User
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.utils.app import app_instance


class RunningApp(Protocol):
    """What the routes ask of the app."""

    def info(self) -> dict[str, Any]: ...
    def infer(self, request: dict[str, Any]) -> dict[str, Any]: ...
    def infer_file(self, path: Path, request: dict[str, Any]) -> dict[str, Any]: ...
    def next_sample(self, request: dict[str, Any]) -> dict[str, Any]: ...
    def datastore(self) -> Datastore: ...
    def sessions(self) -> Any: ...
    def image_file(self, image: str) -> Path: ...
    def check_model(self, model: str) -> None: ...
    def check_strategy(self, strategy: str) -> None: ...
    def check_trainable(self, model: str, request: dict[str, Any]) -> None: ...
    def on_save_label(self, image_id: str, label_id: str) -> dict[str, Any] | None: ...


# The roles that the stock routes ask for.
AnyUser = Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))]
Annotator = Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ANNOTATOR))]
Admin = Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ADMIN))]


def running_app() -> RunningApp:
    """The app that MONAI Label loaded."""
    app: RunningApp = app_instance()
    return app
