"""A server that learns, among faults: it answers with the last good weights, loses no label, and says what happened."""

import random
import resource
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import requests
from helpers.models import save_tiny_weights

from faults.site import LABELS, TRAINING, Site, kept_files, site, until

pytestmark = pytest.mark.slow
SENTENCE = "."  # ends one


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    weights = save_tiny_weights(tmp_path_factory.mktemp("weights") / "brain-tiny")
    with site(tmp_path_factory.mktemp("site"), weights, patients=4) as made:
        yield made


def limit_files(process: int, size: int | None) -> None:
    """The kernel refuses the process, and those it starts, any file above `size` bytes (EFBIG): a full disk."""
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def finish(here: Site) -> None:
    """A training can be started, or gone on with, and comes to its end; its weights are served."""
    before = here.served()["served_sha256"]
    here.train()
    ended = here.ended()
    assert ended["state"] == "done", ended["detail"]
    assert here.served()["served_sha256"] == ended["challenger_sha256"] != before
    here.check()


def kill_training_in(here: Site, stage: str) -> bool:
    """kill -9 of the training as soon as it says that it is in `stage`; whether it was reached."""
    how = "judged" if stage == "judge" else "always"
    here.train(seed=random.Random(stage).randrange(1000), promote=how)
    until(lambda: here.training_process() is not None)
    process = here.training_process()
    assert process is not None

    def reached() -> bool:
        seen = here.stats()
        mine = seen.get("pid") == process.pid
        return not process.is_running() or (mine and seen.get("stage") == stage and seen.get("state") == "running")

    until(reached, pause=0.001)
    alive = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    if alive:
        process.kill()
    return alive


@pytest.mark.parametrize(
    "stage",
    [
        "train",
        "judge",
        pytest.param("prepare", marks=pytest.mark.long),
        pytest.param("publish", marks=pytest.mark.long),
    ],
)
def test_kill_9_of_a_training(here: Site, stage: str) -> None:
    before = here.served()["served_sha256"]
    killed = kill_training_in(here, stage)
    ended = here.ended()
    assert killed or stage == "publish", f"the stage {stage} was not seen"
    if killed:
        assert ended["state"] == "failed" and ended["detail"].endswith(SENTENCE), ended
        if stage != "publish":
            assert here.served()["served_sha256"] == before
    here.check()


def test_a_training_that_was_killed_goes_on_and_ends(here: Site) -> None:
    finish(here)


def test_kill_9_of_the_server_in_a_training(here: Site) -> None:
    before = here.served()["served_sha256"]
    here.train(seed=7)
    until(lambda: here.stats().get("stage") == "train" and here.stats().get("done", 0) > 2)
    here.kill()
    here.start()
    told = here.told()
    assert told["state"] in ("failed", "stopped") and told["detail"].endswith(SENTENCE), told
    assert here.served()["served_sha256"] == before
    here.check()


def uploads_and_a_kill(here: Site, delay: float) -> None:
    """Labels are uploaded one after the other while the server is killed; those acknowledged are there afterwards."""
    image = [*here.patients][2]
    here.label(image)
    acknowledged: list[Path] = []
    files = [here.draw(image, shift) for shift in range(1, 40)]

    def upload() -> None:
        for file in files:
            try:
                if not here.server.save_label(image, file, label_info=LABELS).ok:
                    return
            except requests.RequestException:
                return
            acknowledged.append(file)

    before = kept_files(here.home)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(upload)
        until(lambda: len(acknowledged) >= 1 or running.done())
        until(lambda: running.done() or delay <= 0 or len(acknowledged) > delay)
        here.kill()
        running.result()
    here.start()
    after = kept_files(here.home)
    assert before.items() <= after.items(), "a label that was kept is gone or changed"
    # The last that was acknowledged, or the one after it, which was kept when nobody could be told any more.
    kept = here.mask(image)
    assert any(np.array_equal(kept, here.truth(image, len(acknowledged) + more)) for more in (0, 1))
    here.labels[image] = here.given_out(image)
    here.check()


@pytest.mark.parametrize("delay", [0, pytest.param(3, marks=pytest.mark.long), pytest.param(9, marks=pytest.mark.long)])
def test_kill_9_in_a_label_upload(here: Site, delay: int) -> None:
    uploads_and_a_kill(here, delay)


def test_a_full_disk_while_a_label_is_saved(here: Site) -> None:
    image = next(iter(here.patients))
    before = kept_files(here.home)
    file = here.draw(image, 5)
    limit_files(here.program.pid, 0)
    try:
        reply = here.server.save_label(image, file, label_info=LABELS)
        assert reply.status_code in (503, 507) and reply.json()["detail"].endswith(SENTENCE), reply.text
        assert here.server.get("/datastore/label", label=image, tag="final").ok
    finally:
        limit_files(here.program.pid, None)
    assert kept_files(here.home) == before
    here.check()


def test_a_full_disk_while_a_challenger_is_saved(here: Site) -> None:
    """Statistics and log find room, weights do not."""
    before = here.served()["served_sha256"]
    limit_files(here.program.pid, 200_000)
    try:
        here.train(seed=11, name="no-room", resume=False)
        ended = here.ended()
    finally:
        limit_files(here.program.pid, None)
    assert ended["state"] == "failed" and ended["detail"].endswith(SENTENCE), ended
    assert "could not be written" in ended["detail"] or "disk" in ended["detail"], ended
    assert here.served()["served_sha256"] == before
    here.check()


def test_two_trainings_asked_for_at_once(here: Site) -> None:
    def ask(_: int) -> int:
        return here.server.post("/train/sdseg", {**TRAINING, "name": "twice", "max_steps": 5}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(ask, range(4))) == [200, 429, 429, 429]
    assert here.ended()["state"] == "done"
    here.check()


@pytest.mark.parametrize("damage", ["truncated", "missing", "flipped byte"])
def test_a_damaged_champion(here: Site, damage: str) -> None:
    champion = here.served()
    assert champion["state"] == "" and champion["champion"] != "base", champion
    folder = here.models / champion["champion"]
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    shutil.copy2(file, here.home / "backup")
    content = bytearray(file.read_bytes())
    if damage == "missing":
        file.unlink()
    elif damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    reply = here.server.infer(next(iter(here.patients)), output="json")
    assert reply.ok, reply.text
    served = here.served()
    assert served["served"] != champion["champion"]
    assert reply.json()["weights_sha256"] == served["served_sha256"]
    assert champion["champion"] in served["state"] and served["state"].endswith(SENTENCE)
    shutil.copy2(here.home / "backup", file)
    assert here.served()["served"] == champion["champion"] and here.served()["state"] == ""
    here.check()


def test_a_label_for_a_deleted_image(here: Site) -> None:
    """What is gone cannot be labelled, and does not keep the others from being trained on."""
    image = [*here.patients][3]
    here.label(image)
    file = here.draw(image, 3)
    shutil.rmtree(here.home / "studies" / here.patients[image].patient_id)
    del here.labels[image]
    until(lambda: here.server.save_label(image, file, label_info=LABELS).status_code == 404)
    reply = here.server.save_label(image, file, label_info=LABELS)
    assert reply.json()["detail"].endswith(SENTENCE), reply.text
    here.train(name="deleted", max_steps=5, resume=False)
    ended = here.ended()
    assert ended["state"] == "done", ended["detail"]
    assert ended["remarks"], "the label that was left out is told"
    here.check()
