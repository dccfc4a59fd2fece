"""Weights are promoted, rolled back and withdrawn under a running server, by HTTP and by command."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from app.running_server import Image, Server, copy_sample, run_server
from helpers.forked import run_program
from helpers.models import save_tiny_weights

from sdseg.model.weights import weights_sha256
from sdseg.registry.registry import ModelRegistry


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("models")
    copy_sample(home / "studies" / "patient" / "t1")
    yield from run_server(home, home / "studies", weights)


@pytest.fixture(scope="module")
def registry(server: Server) -> ModelRegistry:
    """As another process sees it."""
    return ModelRegistry(server.model_dir / "sdseg")


@pytest.fixture(scope="module")
def challengers(registry: ModelRegistry, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """SHA-256 of two that a training left."""
    home = tmp_path_factory.mktemp("made")
    return [registry.add(save_tiny_weights(home / str(seed), seed), None, {"steps": seed}).sha256 for seed in (1, 2)]


def command(server: Server, *arguments: str) -> tuple[int, str]:
    """Exit code and output of `sdseg models`."""
    ended = run_program("sdseg.cli.main", "models", *arguments, cwd=server.model_dir.parent)
    return ended.returncode, ended.stdout or ended.stderr  # on stderr a bar as well


def used(server: Server, image: Image, **params: Any) -> str:
    """The weights that the next inference names."""
    reply = server.infer(image.uid, params=params, output="json")
    assert reply.status_code == 200, reply.text
    sha256: str = reply.json()["weights_sha256"]
    return sha256


def served(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/models/sdseg").json()
    return found


def test_promoting_under_a_stream_of_requests_drops_none(
    server: Server, image: Image, challengers: list[str], weights: Path
) -> None:
    base = weights_sha256(weights)
    assert used(server, image) == base == served(server)["served_sha256"]
    seen: list[tuple[int, str]] = []
    over = threading.Event()

    def ask() -> None:
        seed = 0
        while not over.is_set():
            seed += 1  # else it is answered from what is kept
            reply = server.infer(image.uid, params={"seed": seed}, output="json")
            seen.append((reply.status_code, reply.json().get("weights_sha256", reply.text)))

    asking = threading.Thread(target=ask)
    asking.start()
    switches = []
    try:
        for name in (challengers[0], challengers[1], challengers[0]):
            reply = server.post("/models/sdseg/promote", {"name": name[:12], "reason": "tried"})
            assert reply.status_code == 200, reply.text
            switches.append(used(server, image, seed=10_000))
    finally:
        over.set()
        asking.join()
    assert switches == [challengers[0], challengers[1], challengers[0]], "the next request uses it"
    assert seen and {status for status, _ in seen} == {200}
    assert {sha256 for _, sha256 in seen} <= {base, *challengers}
    for _ in range(3):
        last = server.post("/models/sdseg/rollback").json()
    assert last["served_sha256"] == base == used(server, image)
    assert server.post("/models/sdseg/rollback").status_code == 409


def test_a_command_beside_the_server(server: Server, image: Image, challengers: list[str], weights: Path) -> None:
    place = ("--model-dir", str(server.model_dir))
    code, text = command(server, "promote", challengers[0][:10], *place, "--reason", "by hand", "--json")
    assert code == 0 and json.loads(text)["state"] == "champion"
    assert used(server, image) == challengers[0]
    code, text = command(server, "list", *place, "--json")
    states = {entry["name"]: entry["state"] for entry in json.loads(text)["entries"]}
    assert states == {challengers[0][:16]: "champion", challengers[1][:16]: "retired", "base": "retired"}
    assert states == {entry["name"]: entry["state"] for entry in served(server)["entries"]}
    code, text = command(server, "show", challengers[0][:10], *place)
    assert code == 0 and "by hand" in text and challengers[0] in text
    code, text = command(server, "rollback", *place)
    assert code == 0 and "base is served from now on." in text and used(server, image) == weights_sha256(weights)
    code, text = command(server, "promote", "ffff", *place)
    assert code == 1 and text.startswith("sdseg: There are no weights 'ffff' here")
    code, text = command(server, "list", "--model-dir", str(server.model_dir / "nowhere"))
    assert code == 1 and len(text.splitlines()) == 1


def test_the_segs_of_withdrawn_weights_are_listed(server: Server, image: Image, challengers: list[str]) -> None:
    bad, good = challengers
    server.post("/models/sdseg/promote", {"name": good})
    server.post("/models/sdseg/promote", {"name": bad})
    filed = server.infer(image.uid, params={"save_seg": True}, output="json")
    assert filed.status_code == 200, filed.text
    told = server.post("/models/sdseg/withdraw", {"name": bad, "reason": "misses lesions"}).json()
    assert told["served_sha256"] == good == used(server, image)
    server.infer(image.uid, params={"save_seg": True}, output="json")
    again = server.post("/models/sdseg/promote", {"name": bad})
    assert again.status_code == 409 and "misses lesions" in again.json()["detail"]
    uids = {str(pydicom.dcmread(path).SOPInstanceUID) for path in server.segs()}
    assert len(uids) == 2
    (found,) = server.get("/models/sdseg/segmentations", weights=bad).json()
    (other,) = server.get("/models/sdseg/segmentations", weights=good[:16]).json()
    assert {found["sop_uid"], other["sop_uid"]} == uids and found["weights_sha256"] == bad
    assert found["study_uid"] == image.series.study_instance_uid and found["structures"] == ["brain"]
    code, text = command(server, "segs", bad[:16], "--studies", str(server.studies), "--json")
    assert code == 0 and json.loads(text) == [found]
    assert server.get("/models/sdseg/segmentations", weights="c" * 64).json() == []
    assert server.post("/models/sdseg/promote", {"name": bad, "again": True}).json()["served_sha256"] == bad


def test_a_damaged_champion_does_not_stop_the_server(server: Server, image: Image, registry: ModelRegistry) -> None:
    champion = registry.champion()
    before = served(server)
    assert before["served"] == champion.name and before["state"] == ""
    path = registry.folder(champion.name) / "unet" / "diffusion_pytorch_model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    sha256 = used(server, image, seed=77)
    now = served(server)
    assert sha256 == now["served_sha256"] != champion.sha256
    assert now["champion"] == champion.name != now["served"]
    assert champion.name in now["state"] and str(server.model_dir) not in json.dumps(now)
    assert server.get("/models/").json()[0]["state"] == now["state"]
    assert server.post("/models/sdseg/promote", {"name": champion.name}).status_code == 409
    assert server.get("/status/").status_code == 200 and server.get("/info/").status_code == 200
    path.write_bytes(content)
    assert used(server, image, seed=78) == champion.sha256 and served(server)["state"] == ""


def test_mistakes_are_one_sentence(server: Server) -> None:
    replies = {
        "/models/liver": 404,
        "/models/sdseg/segmentations": 422,
        "/models/sdseg/segmentations?weights=xyz": 422,
    }
    for path, status in replies.items():
        reply = server.get(path)
        assert reply.status_code == status and isinstance(reply.json()["detail"], str), path
    assert server.post("/models/sdseg/promote", {"name": "ffff"}).status_code == 404
    assert server.post("/models/sdseg/promote", {}).status_code == 422
    assert server.post("/models/sdseg/withdraw", {"name": "base"}).status_code == 409
