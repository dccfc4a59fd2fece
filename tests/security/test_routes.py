"""No route of the server is open by oversight."""

from functools import lru_cache

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from sdseg_app.routes import install
from sdseg_app.routes.access import Needs
from sdseg_app.security.authentication import OPEN

# Who has no login yet must reach these. Nothing else may ever stand here without a reason in docs/security.md.
WITHOUT_A_ROLE = {
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/logout"),
    ("POST", "/logout"),
    ("GET", "/auth/"),
    ("POST", "/auth/token"),
    ("GET", "/auth/login"),
    ("GET", "/auth/callback"),
    ("GET", "/web/login/{path:path}"),
}
# What a reader may send although it is no GET: it computes or keeps something of his own.
READERS = {
    ("POST", "/infer/{model}"),
    ("POST", "/activelearning/{strategy}"),
    ("PUT", "/session/"),
    ("DELETE", "/session/{session_id}"),
    ("DELETE", "/jobs/{id}"),
}


@lru_cache(maxsize=1)
def roles() -> dict[tuple[str, str], list[str]]:
    """(method, path) -> the roles that its dependencies ask for."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    for part in install._PARTS:
        app.include_router(part.router)
    found = {}
    for context in iter_route_contexts(app.routes):
        dependencies = context.dependant.dependencies  # a mount has none: it would fail here
        needed = [needs.call.role.word for needs in dependencies if isinstance(needs.call, Needs)]
        found.update({(method, context.path): needed for method in context.methods})
    return found


def test_every_route_needs_a_role() -> None:
    assert {route for route, needed in roles().items() if not needed} == WITHOUT_A_ROLE


def test_what_is_open_before_the_routes_is_what_needs_no_role() -> None:
    open_paths = {path for _, path in WITHOUT_A_ROLE}
    assert all(path.startswith(OPEN) for path in open_paths)
    others = {path for _, path in roles()} - open_paths - {"/auth/token/valid"}
    assert not [path for path in others if path.startswith(tuple(f"{start}/" for start in OPEN)) or path in OPEN]


def test_a_reader_changes_nothing() -> None:
    changing = {route for route, needed in roles().items() if route[0] != "GET" and route[0] != "HEAD"}
    weak = {route for route in changing if roles()[route] in (["reader"], [])}
    assert weak - WITHOUT_A_ROLE <= READERS
