"""Asking a running server for the next image: two people, scores made in the background, labels and rejections."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from app.running_server import Server, run_server
from selection.bench import save_study, series_of

from sdseg.dicom.series import load_series
from sdseg.volume.labelmap import save_labelmap
from sdseg_app.routes.activelearning import _annotator
from sdseg_app.security.users import LOCAL, Role, User

NAMES = ("a", "b", "c", "d")
LABELS = [{"name": "brain", "idx": 1}]


@pytest.fixture(scope="module")
def next_server(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("next")
    for name in NAMES:
        save_study(home / "studies", name)
    save_study(home / "studies", "gap", slices=4)
    (home / "studies" / "gap" / "1.dcm").unlink()
    yield from run_server(home, home / "studies", weights, {"scoring_noises": "2"})


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Name -> image id, the one with a gap too."""
    folder = tmp_path_factory.mktemp("names")
    return {name: series_of(save_study(folder, name)) for name in (*NAMES, "gap")}


def ask(server: Server, client: str, strategy: str = "first") -> dict[str, Any]:
    reply = server.post(f"/activelearning/{strategy}", {"client_id": client})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def give_back(server: Server, image: str, client: str) -> requests.Response:
    return requests.delete(f"{server.url}/activelearning/reservation/{image}", params={"client_id": client}, timeout=60)


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def told(server: Server) -> dict[str, dict[str, Any]]:
    """Image -> what the server knows of it."""
    objects: dict[str, Any] = server.get("/datastore/", output="all").json()["objects"]
    return {image: known["image"]["info"] for image, known in objects.items()}


def test_slicer_is_told_the_strategies(next_server: Server) -> None:
    strategies = next_server.get("/info/").json()["strategies"]
    assert set(strategies) == {"random", "first", "sdseg_uncertainty"}
    assert all(one["description"] for one in strategies.values())


def test_people_who_ask_at_once_get_different_studies_and_give_them_back(
    next_server: Server, images: dict[str, str]
) -> None:
    people = [f"person{n}" for n in range(5)]
    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(lambda person: ask(next_server, person, "random"), people))
    assert {one["id"] for one in found} == set(images.values())
    assert all(one["reserved_until"] > "2020" for one in found)
    assert {one["id"] for one in found if "path" not in one} == {images["gap"]}, "which is no volume"
    assert ask(next_server, "late") == {}, "all are taken"
    assert ask(next_server, people[0])["id"] == found[0]["id"], "his own comes again"
    for person, one in zip(people, found, strict=True):
        assert give_back(next_server, one["id"], "late").status_code == 404
        assert give_back(next_server, one["id"], person).json() == {"image": one["id"]}
        again = give_back(next_server, one["id"], person)
        assert again.status_code == 404
        assert "not reserved for you" in again.json()["detail"]
    assert ask(next_server, "late")["id"] in images.values()


def test_everything_is_scored_while_nobody_asks_and_the_unreadable_series_is_last(
    next_server: Server, images: dict[str, str]
) -> None:
    readable = {images[name] for name in NAMES}
    wait_for(lambda: {image for image, info in told(next_server).items() if "uncertainty:sdseg" in info} == readable)
    wait_for(lambda: f"{images['gap']} is not scored" in next_server.log.read_text())
    mine = [ask(next_server, "late", "sdseg_uncertainty") for _ in range(5)]
    scored = [one for one in mine if one.get("uncertainty") is not None]
    assert len(scored) >= 3, "but for the one that was his already"
    order = [one["id"] for one in mine]
    assert order.index(images["gap"]) >= 3
    weights = next_server.get("/model/info/sdseg").json()["checksum"].removeprefix("SHA256:")
    assert told(next_server)[images["a"]]["uncertainty:sdseg"]["weights_sha256"] == weights


def test_a_label_a_rejection_and_nothing_left(next_server: Server, images: dict[str, str], tmp_path: Path) -> None:
    for name in NAMES:
        series = load_series(next_server.studies / name)
        slices, rows, columns = series.geometry.shape
        mask = np.zeros((columns, rows, slices), np.uint8)
        mask[3:9, 4:11, 1] = 1
        save_labelmap(mask, series.affine, tmp_path / "label.nrrd")
        saved = next_server.save_label(images[name], tmp_path / "label.nrrd", label_info=LABELS)
        assert saved.ok, saved.text
        assert images[name] != ask(next_server, "late")["id"]
    assert ask(next_server, "new") == {}, "what is left is reserved"
    assert ask(next_server, "late", "sdseg_uncertainty")["id"] == images["gap"]
    rejected = next_server.post(f"/review/{images['c']}", {"verdict": "reject", "reason": "The left side is missing."})
    assert rejected.ok, rejected.text
    assert ask(next_server, "new", "sdseg_uncertainty")["id"] == images["c"], "asked for again"
    assert ask(next_server, "third") == {}


def test_a_strange_client_id_is_no_trouble(next_server: Server) -> None:
    for strange in ({"a": [1]}, 7, "x" * 5000, "\0'; DROP TABLE reservations", None, [], "ä" * 70):
        assert next_server.post("/activelearning/first", {"client_id": strange}).status_code == 200
        reply = requests.post(
            f"{next_server.url}/activelearning/first",
            json={"client_id": strange, "annotator": "late", "strategy": "oracle", "reserve": False},
            timeout=60,
        )
        assert reply.status_code == 200
    assert give_back(next_server, "../../x", "y").status_code == 404
    assert give_back(next_server, "nobody", "y" * 3000).status_code == 404


def test_users_count_by_their_name_whatever_the_client_says() -> None:
    assert _annotator(User("ann", Role.ANNOTATOR), "bob") == "ann"
    assert _annotator(LOCAL, "bob") == "bob"
    assert _annotator(LOCAL, None) == _annotator(LOCAL, "") == "local"
