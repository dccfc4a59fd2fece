"""The running app and the caller's rights, as FastAPI dependencies."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.utils.app import app_instance

from sdseg_app.security.users import LOCAL, Role, User
from sdseg_app.settings import AppSettings


class RunningApp(Protocol):
    """What the routes ask of the app."""

    options: AppSettings

    def info(self) -> dict[str, Any]: ...
    def infer(self, request: dict[str, Any]) -> dict[str, Any]: ...
    def infer_file(self, path: Path, request: dict[str, Any]) -> dict[str, Any]: ...
    def next_sample(self, request: dict[str, Any]) -> dict[str, Any]: ...
    def datastore(self) -> Datastore: ...
    def sessions(self) -> Any: ...
    def image_file(self, image: str) -> Path: ...
    def check_model(self, model: str) -> None: ...
    def check_codes(self, model: str) -> None: ...
    def check_strategy(self, strategy: str) -> None: ...
    def check_trainable(self, model: str, request: dict[str, Any]) -> None: ...
    def on_save_label(self, image_id: str, label_id: str) -> dict[str, Any] | None: ...


def _with(role: Role) -> Callable[[Request], User]:
    def user(request: Request) -> User:
        return LOCAL

    return user


Reader = Annotated[User, Depends(_with(Role.READER))]
Annotator = Annotated[User, Depends(_with(Role.ANNOTATOR))]
Admin = Annotated[User, Depends(_with(Role.ADMIN))]


def running_app() -> RunningApp:
    """The app that MONAI Label loaded."""
    app: RunningApp = app_instance()
    return app
