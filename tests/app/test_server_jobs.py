"""The queue of a running server: places, progress, cancelling, hanging up, results, and too little memory."""

import json
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import requests
from app.running_server import Image, Server, copy_sample, run_server

FIELDS = {
    "id", "model", "image", "user", "device", "state", "place", "stage", "done", "total", "eta_seconds", "created",
    "started", "ended", "cached", "detail",
}  # fmt: skip
LONG = {"uncertainty": 100}
"""Many noises: an inference that takes long with a model that is small."""
SECONDS = 60


@pytest.fixture(scope="module")
def queue_server(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Server]:
    """Two may wait; its temporary files are its own."""
    home = tmp_path_factory.mktemp("jobs")
    copy_sample(home / "studies" / "patient" / "t1")
    (home / "tmp").mkdir()
    yield from run_server(home, home / "studies", weights, {"queue_length": "2"}, {"TMPDIR": str(home / "tmp")})


@pytest.fixture
def idle(queue_server: Server) -> Iterator[Server]:
    yield queue_server
    for job in _unfinished(queue_server):
        requests.delete(f"{queue_server.url}/jobs/{job['id']}", timeout=SECONDS)
    _until(lambda: not _unfinished(queue_server))


def _unfinished(server: Server) -> list[dict[str, Any]]:
    jobs = server.get("/jobs/").json()
    return [*jobs["waiting"], *jobs["running"]]


def _until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def _start(server: Server, image: Image, params: dict[str, Any] = LONG, **query: str) -> requests.Response:
    output = "uncertainty" if "uncertainty" in params else "json"
    return server.infer(image.uid, params=params, **{"output": output, "background": "true", **query})


def _job(server: Server, id: str) -> dict[str, Any]:
    return dict(server.get(f"/jobs/{id}").json())


def _uploads(server: Server) -> list[Path]:
    return list((server.log.parent / "tmp").glob("sdseg-*/own-*/*/upload*"))


def test_a_second_viewer_is_told_its_place_and_one_too_many_to_come_back(idle: Server, image: Image) -> None:
    started = _start(idle, image)
    assert started.status_code == 202
    assert started.headers["X-SDSeg-Job"] == started.json()["id"]
    running = _until(lambda: (job := _job(idle, started.json()["id"]))["done"] and job)
    assert running.keys() == FIELDS
    assert (running["state"], running["stage"], running["place"]) == ("running", "model", None)
    assert (running["total"], running["image"], running["user"]) == (1400, image.uid, "local")
    waiting = [_start(idle, image, job=f"viewer-{number}").json() for number in (2, 3)]
    assert [(job["state"], job["place"], job["stage"]) for job in waiting] == [
        ("waiting", n, "waiting") for n in (1, 2)
    ]
    assert _until(lambda: _job(idle, running["id"])["eta_seconds"]) > 0
    assert _job(idle, "viewer-2")["eta_seconds"] is None, "no inference of this model was measured yet"

    refused = _start(idle, image)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert "2 inferences wait already" in refused.json()["detail"]
    assert _start(idle, image, job="viewer-2").status_code in (409, 503)
    listed = idle.get("/jobs/").json()
    assert [job["id"] for job in listed["running"]] == [running["id"]]
    assert [job["id"] for job in listed["waiting"]] == ["viewer-2", "viewer-3"]

    left = requests.delete(f"{idle.url}/jobs/viewer-2", timeout=SECONDS).json()
    assert left["state"] == "cancelled"
    assert _job(idle, "viewer-3")["place"] == 1
    again = _start(idle, image, job="viewer-2")
    assert again.status_code == 409 and "choose another id" in again.json()["detail"]
    patient = pydicom.dcmread(next((idle.studies / "patient" / "t1").iterdir())).PatientName
    assert str(patient) not in json.dumps(idle.get("/jobs/").json())


def test_the_result_comes_when_the_job_is_done_and_is_the_same_reply(idle: Server, image: Image) -> None:
    slow = _start(idle, image).json()["id"]
    started = _start(idle, image, {"seed": 7}, output="image", job="picked-up")
    assert idle.get("/jobs/picked-up/result").status_code == 409
    requests.delete(f"{idle.url}/jobs/{slow}", timeout=SECONDS)
    assert started.status_code == 202
    _until(lambda: _job(idle, "picked-up")["state"] == "done")
    kept = idle.get("/jobs/picked-up/result")
    asked = idle.infer(image.uid, params={"seed": 7}, output="image", job="asked-for")
    assert asked.headers["X-SDSeg-Job"] == "asked-for"
    assert kept.content == asked.content
    assert kept.headers["content-type"] == asked.headers["content-type"]
    assert idle.get("/jobs/asked-for/result").content == asked.content
    cancelled = idle.get(f"/jobs/{slow}/result")
    assert cancelled.status_code == 409 and "was cancelled" in cancelled.json()["detail"]


def test_a_running_job_is_cancelled_between_two_slices(idle: Server, image: Image) -> None:
    before = len(idle.segs())
    id = _start(idle, image, {**LONG, "save_seg": True}).json()["id"]
    _until(lambda: _job(idle, id)["done"])
    requests.delete(f"{idle.url}/jobs/{id}", timeout=SECONDS)
    ended = _until(lambda: (job := _job(idle, id))["ended"] and job)
    assert (ended["state"], ended["detail"]) == ("cancelled", "Cancelled.")
    assert ended["done"] < ended["total"]
    assert len(idle.segs()) == before


def test_who_hangs_up_leaves_the_queue_and_nothing_behind(idle: Server, image: Image, tmp_path: Path) -> None:
    before = len(idle.segs())
    volume = tmp_path / "head.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.ones((30, 30, 4), np.int16), np.eye(4)), volume)
    blocking = _start(idle, image).json()["id"]
    saving = {"data": {"params": json.dumps({"save_seg": True})}}
    sending = {"files": {"file": ("head.nii.gz", volume.read_bytes())}}
    for query, form in (({"image": image.uid, "job": "left-1"}, saving), ({"job": "left-2"}, sending)):
        with pytest.raises(requests.ReadTimeout):
            requests.post(f"{idle.url}/infer/sdseg", params=query, timeout=2, **form)  # type: ignore[arg-type]
    assert _uploads(idle), "they lie elsewhere"
    for id in ("left-1", "left-2"):
        left = _until(lambda id=id: (job := _job(idle, id)).get("ended") and job)
        assert (left["state"], left["started"]) == ("cancelled", None)
    _until(lambda: not _uploads(idle))
    requests.delete(f"{idle.url}/jobs/{blocking}", timeout=SECONDS)

    # And one that runs already.
    with pytest.raises(requests.ReadTimeout):
        form = {"params": json.dumps({**LONG, "save_seg": True})}
        requests.post(f"{idle.url}/infer/sdseg", params={"image": image.uid, "job": "gone"}, data=form, timeout=2)
    _until(lambda: _job(idle, "gone").get("state") == "cancelled")
    assert len(idle.segs()) == before


def _events(server: Server, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and data of each Server-Sent Event."""
    with requests.get(f"{server.url}{path}", stream=True, timeout=SECONDS) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in stream.iter_lines(decode_unicode=True):
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)


def test_events_follow_a_job_to_its_end(idle: Server, image: Image) -> None:
    assert idle.get("/jobs/nobody/events").status_code == 404
    id = _start(idle, image, {"uncertainty": 6}).json()["id"]
    names, jobs = zip(*_events(idle, f"/jobs/{id}/events"), strict=True)
    assert set(names) == {"job"}
    assert [job["state"] for job in jobs[:-1]] == ["running"] * (len(jobs) - 1)
    assert (jobs[-1]["state"], jobs[-1]["id"]) == ("done", id)
    seen = [job["done"] for job in jobs if job["stage"] == "model"]
    assert seen == sorted(seen)
    (name, first), *_ = _events(idle, f"/jobs/{id}/events")
    assert (name, first["state"]) == ("job", "done"), "who comes late is told how it ended"


def test_events_tell_of_all_jobs(idle: Server, image: Image) -> None:
    events = _events(idle, "/jobs/events")
    name, first = next(events)
    assert name == "jobs"
    assert first.keys() == {"running", "waiting", "recent", "training"}
    id = _start(idle, image, {"uncertainty": 2}).json()["id"]
    assert any(job["id"] == id for _, seen in events for job in seen["recent"])


def test_a_repeated_question_is_answered_from_what_is_kept(queue_server: Server, image: Image) -> None:
    server = queue_server
    params = {"seed": 31, "save_seg": True}
    first, again = (server.infer(image.uid, params=params, output="json").json() for _ in range(2))
    assert (first["cached"], again["cached"]) == (False, True)
    told = [
        {key: value for key, value in reply.items() if key not in ("cached", "latencies")} for reply in (first, again)
    ]
    assert told[0] == told[1], "provenance and the filed SEG are those of the first"
    assert server.get("/jobs/").json()["recent"][0]["cached"]
    fresh, kept = (server.infer(image.uid, params={"seed": 31}, output="dicom_seg").content for _ in range(2))
    one, other = (pydicom.dcmread(BytesIO(content)) for content in (fresh, kept))
    assert one.SOPInstanceUID == other.SOPInstanceUID
    for other_question in ({"seed": 32}, {"seed": 31, "uncertainty": 1, "save_seg": True}):
        assert not server.infer(image.uid, params=other_question, output="json").json()["cached"]
    packed = server.infer(image.uid, params={"seed": 31, "result_extension": ".nii.gz"}, output="image")
    assert packed.content[:2] == b"\x1f\x8b", "kept is the mask, not its file"

    for entry in (server.model_dir / "jobs" / "results").iterdir():
        entry.write_bytes(entry.read_bytes()[:-7])
    assert not server.infer(image.uid, params=params, output="json").json()["cached"], "what is damaged is made anew"
    assert server.infer(image.uid, params=params, output="json").json()["cached"]


def test_a_series_that_changed_or_grew_is_noticed(queue_server: Server, image: Image, tmp_path: Path) -> None:
    server = queue_server
    (tmp_path / "t1").mkdir()
    for source in (server.studies / "patient" / "t1").iterdir():
        shutil.copy(source, tmp_path / "t1")
    series = sorted((server.studies / "patient" / "t1").iterdir())

    def ask() -> tuple[bool, bytes]:
        return (
            server.infer(image.uid, output="json").json()["cached"],
            server.infer(image.uid, output="image").content,
        )

    ask()
    cached, before = ask()
    assert cached
    # One slice is replaced under its name, in the same size and at the same time.
    stamp, dataset = series[7].stat(), pydicom.dcmread(series[7])
    dataset.PixelData = dataset.pixel_array[::-1].tobytes()
    dataset.save_as(series[7])
    os.utime(series[7], ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert series[7].stat().st_size == stamp.st_size
    cached, replaced = ask()
    assert not cached
    assert replaced != before
    shutil.copy(tmp_path / "t1" / series[7].name, series[7])
    assert ask() == (True, before)

    grown = tmp_path / "grown.dcm"
    shutil.move(series[-1], grown)

    def voxels() -> bytes:
        return server.infer(image.uid, output="image").content.partition(b"\n\n")[2]

    columns, rows, slices = image.mask().shape
    _until(lambda: len(voxels()) == columns * rows * (slices - 1))  # the folder is looked at every two seconds
    shutil.move(grown, series[-1])
    _until(lambda: len(voxels()) == columns * rows * slices)
    assert ask() == (True, before)


def test_too_little_memory_is_told_and_the_next_request_works(
    queue_server: Server, image: Image, tmp_path: Path
) -> None:
    server = queue_server
    assert server.infer(image.uid, output="json").ok
    huge = tmp_path / "huge.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((700, 700, 400), np.uint8), np.eye(4)), huge)
    used = int(Path(f"/proc/{server.pid}/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.prlimit(server.pid, resource.RLIMIT_AS)
    resource.prlimit(server.pid, resource.RLIMIT_AS, (used + 10**9, before[1]))
    try:
        short = server.infer(file=huge, output="json")
        assert short.status_code == 503, short.text
        assert "too little free memory" in short.json()["detail"]
        assert int(short.headers["Retry-After"]) > 0
        assert server.infer(image.uid, params={"seed": 99}, output="json").ok
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_AS, before)
    assert server.get("/jobs/").json()["recent"][1]["state"] == "failed"


def test_a_server_that_is_asked_to_end_does(queue_server: Server, image: Image) -> None:
    """Last: whoever watches, and whatever runs."""
    _start(queue_server, image)
    events = _events(queue_server, "/jobs/events")
    next(events)
    os.kill(queue_server.pid, signal.SIGTERM)
    assert [name for name, _ in events][-1] == "jobs", "and then the stream ends"
    _until(lambda: _has_ended(queue_server))


def _has_ended(server: Server) -> bool:
    try:
        return Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
