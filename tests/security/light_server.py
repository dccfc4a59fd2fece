"""A small app behind the real middleware, on real sockets: it starts at once, unlike the whole server."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import FastAPI, File, UploadFile
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles

from sdseg_app.config.security import SecuritySettings
from sdseg_app.routes import auth
from sdseg_app.routes.access import Admin, Annotator, Reader
from sdseg_app.routes.errors import tell_bug
from sdseg_app.security.middleware import install_middleware
from sdseg_app.web_files import WEB


def light_app(settings: SecuritySettings) -> FastAPI:
    """One route a role, an upload, frames, a file of a viewer and a bug."""
    app = FastAPI()
    app.include_router(auth.router)

    @app.get("/datastore/")
    def read(user: Reader, image: str = "") -> dict[str, str]:
        return {"user": user.name, "role": user.role.word, "image": image}

    @app.post("/activelearning/random")
    def ask(user: Annotator, body: dict[str, str] | None = None) -> dict[str, str]:
        return {"user": user.name}

    @app.delete("/train/")
    def stop(user: Admin) -> dict[str, str]:
        return {"user": user.name}

    @app.put("/datastore/label")
    def save(user: Annotator, label: Annotated[UploadFile, File()]) -> dict[str, int]:
        return {"size": len(label.file.read())}

    @app.get("/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frame}")
    def frame(user: Reader, study: str, series: str, instance: str, frame: int) -> Response:
        return Response(b"pixels", media_type="application/octet-stream")

    @app.get("/ohif/{path:path}")
    def viewer(user: Reader, path: str) -> Response:
        return Response("/* */", media_type="text/javascript")

    app.mount("/web", StaticFiles(directory=WEB))

    @app.get("/info/")
    def broken(user: Reader) -> None:
        raise RuntimeError("a bug")

    install_middleware(app, settings)
    app.add_exception_handler(Exception, tell_bug)
    return app


@contextmanager
def serve(app: FastAPI, host: str = "127.0.0.1", root_path: str = "", certificate: Path | None = None) -> Iterator[int]:
    """The port on which the app is served, until the block ends; over https with a certificate and its key."""
    listening = socket.create_server((host, 0))
    config = uvicorn.Config(
        app, log_level="critical", root_path=root_path, timeout_graceful_shutdown=1, ssl_certfile=certificate
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server ended"
            time.sleep(0.01)
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listening.close()
