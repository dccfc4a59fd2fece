"""The running app and the caller's rights, as FastAPI dependencies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.utils.app import app_instance

from sdseg.pacs.search import SeriesKey
from sdseg_app.jobs.service import InferenceJobs
from sdseg_app.params.infer_params import InferParams
from sdseg_app.security.outcome import AccessError, NotAllowedError
from sdseg_app.security.users import Role, User
from sdseg_app.selection.selection import Selection
from sdseg_app.served.segmenters import Segmenters
from sdseg_app.settings import AppSettings


class RunningApp(Protocol):
    """What the routes ask of the app."""

    options: AppSettings
    models: dict[str, Segmenters]
    jobs: InferenceJobs
    selection: Selection

    def info(self) -> dict[str, Any]: ...
    def images_snapshot(self) -> list[SeriesKey]: ...
    def archive_changed(self) -> None: ...
    def training_files(self) -> dict[str, Path]: ...
    def infer_params(self, model: str, params: Mapping[str, Any]) -> InferParams: ...
    def next_sample(self, request: dict[str, Any]) -> dict[str, Any]: ...
    def give_back(self, image: str, annotator: str) -> None: ...
    def datastore(self) -> Datastore: ...
    def sessions(self) -> Any: ...
    def image_file(self, image: str) -> Path: ...
    def check_model(self, model: str) -> None: ...
    def model_info(self, model: str) -> dict[str, Any]: ...
    def check_codes(self, model: str) -> None: ...
    def check_strategy(self, strategy: str) -> None: ...
    def check_trainable(self, model: str, request: dict[str, Any]) -> None: ...
    def on_save_label(self, image_id: str, label_id: str) -> dict[str, Any] | None: ...


class Needs:
    """A dependency that gives the user, or answers 401 or 403 where his role does not suffice."""

    def __init__(self, role: Role) -> None:
        self.role = role

    # `async`: it only looks, and needs no thread. The middleware has found out who asks.
    async def __call__(self, request: Request) -> User:
        user: User | None = request.state.user
        if user is None:
            refusal: AccessError = request.state.refusal
            raise refusal
        if user.role < self.role:
            raise NotAllowedError(f"This needs the role {self.role.word}; {user.name} is {user.role.word}.")
        return user


Reader = Annotated[User, Depends(Needs(Role.READER))]
Annotator = Annotated[User, Depends(Needs(Role.ANNOTATOR))]
Admin = Annotated[User, Depends(Needs(Role.ADMIN))]


def running_app() -> RunningApp:
    """The app that MONAI Label loaded."""
    app: RunningApp = app_instance()
    return app
