"""PUT, GET, HEAD and DELETE /session/: images sent ahead, and what hostile uploads must not do."""

import gzip
import io
import resource
import stat
import struct
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import nibabel
import numpy as np
import psutil
import pytest
import requests
from app.running_server import Image, Server

from sdseg.volume.volume_files import read


def put(server: Server, *files: tuple[str, bytes], **query: str) -> requests.Response:
    parts = [("files", file) for file in files]
    return requests.put(f"{server.url}/session/", params=query, files=parts or None, timeout=60)


def slices(image: Image) -> list[tuple[str, bytes]]:
    paths = [Path(str(dataset.filename)) for dataset in image.series.datasets]  # type: ignore[attr-defined]
    return [(path.name, path.read_bytes()) for path in paths]


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def volume(shape: tuple[int, int, int] = (20, 24, 6), noise: bool = True) -> bytes:
    """A NIfTI file, not compressed."""
    random = np.random.default_rng(0).integers(0, 500, shape) if noise else np.zeros(shape)
    return bytes(nibabel.Nifti1Image(random.astype(np.int16), np.diag([-1.0, 1.0, 2.0, 1.0])).to_bytes())


def on_disk(server: Server) -> list[Path]:
    """What lies in the folder of the server's sessions, and what uploads left in the temporary one."""
    return sorted(path for path in (server.log.parent / "sessions").rglob("*") if path.is_file())


@contextmanager
def nothing_kept(server: Server) -> Iterator[None]:
    before = on_disk(server)
    yield
    assert on_disk(server) == before


SENT: dict[str, Callable[[Image], tuple[list[tuple[str, bytes]], dict[str, str]]]] = {
    "files of a series": lambda image: (slices(image), {}),
    "files without suffix": lambda image: ([(f"IM{n}", data) for n, (_, data) in enumerate(slices(image))], {}),
    "names that repeat": lambda image: ([("I", data) for _, data in slices(image)], {}),
    "names that lead out": lambda image: ([(f"../../{n}.dcm", data) for n, data in slices(image)], {}),
    "ZIP of a series": lambda image: ([("a.zip", zipped(*slices(image)))], {"uncompress": "true"}),
    "ZIP with folders and what discs carry": lambda image: (
        [
            (
                "disc",
                zipped(
                    ("DICOMDIR", b"\0" * 128 + b"DICM" + b"\0" * 20),
                    ("README.TXT", b"hello"),
                    ("__MACOSX/a/._1.dcm", b"x"),
                    (".DS_Store", b"x"),
                    ("a/", b""),
                    *((f"a\\b/{name}", data) for name, data in slices(image)),
                ),
            )
        ],
        {"uncompress": "true"},
    ),
}


@pytest.mark.parametrize("kind", SENT)
def test_a_series_is_kept_and_segmented(server: Server, image: Image, kind: str) -> None:
    files, query = SENT[kind](image)
    reply = put(server, *files, **query)
    assert reply.status_code == 200, reply.text
    session = reply.json()["session_id"]
    assert reply.json()["session_info"]["image"] == "series"
    of_session = server.infer(session_id=session, output="image")
    assert of_session.ok, of_session.text
    assert of_session.content == server.infer(image.uid, output="image").content
    assert requests.delete(f"{server.url}/session/{session}", timeout=60).ok


def test_a_volume_is_kept_told_fetched_and_removed(server: Server, tmp_path: Path) -> None:
    with nothing_kept(server):
        made = put(server, ("Smith^John.NII", volume())).json()
        session, info = made["session_id"], made["session_info"]
        assert len(session) == 32, "128 random bits"
        assert (info["name"], info["image"], info["meta"], info["expiry"]) == (session, "image.nii", {}, 3600)
        address = f"{server.url}/session/{session}"
        assert requests.get(address, timeout=60).json() == info
        assert requests.head(address, timeout=60).status_code == 200
        back = requests.get(address, params={"image": "true"}, timeout=60)
        assert back.content == volume()
        assert f'filename="{session}.nii"' in back.headers["content-disposition"]
        assert server.infer("any name", session_id=session, output="json").json()["label_names"] == {"brain": 1}
        assert "Smith" not in "".join(map(str, on_disk(server)))
        assert requests.delete(address, timeout=60).json()["name"] == session
        for gone in (requests.get, requests.head, requests.delete):
            assert gone(address, timeout=60).status_code == 404
        assert server.infer(session_id=session).status_code == 404


def test_a_series_comes_back_as_one_file_on_its_grid(server: Server, image: Image, tmp_path: Path) -> None:
    session = put(server, *slices(image)).json()["session_id"]
    back = server.get(f"/session/{session}", image="true")
    (tmp_path / "back.nrrd").write_bytes(back.content)
    values, grid = read(tmp_path / "back.nrrd")
    assert (values == image.series.pixels().transpose(2, 1, 0)).all()
    np.testing.assert_allclose(grid.affine, image.series.affine, atol=1e-6)


def test_a_missing_slice_is_told_when_it_matters(server: Server, image: Image) -> None:
    files = slices(image)
    session = put(server, ("a.zip", zipped(*files[:5], *files[6:])), uncompress="true").json()["session_id"]
    refused = server.infer(session_id=session)
    assert refused.status_code == 422
    assert "slice" in refused.json()["detail"]
    assert str(server.log.parent) not in refused.text


def test_a_session_ends_when_it_is_not_used(server: Server) -> None:
    with nothing_kept(server):
        session = put(server, ("a.nii", volume()), expiry="1").json()["session_id"]
        folders = [path for path in on_disk(server) if session in str(path)]
        assert len(folders) == 1
        end = time.monotonic() + 30
        while folders[0].exists():  # the server itself removes it: nobody asks
            assert time.monotonic() < end
            time.sleep(0.05)
        assert server.get(f"/session/{session}").status_code == 404


def link(target: str) -> tuple[zipfile.ZipInfo, bytes]:
    entry = zipfile.ZipInfo("link.dcm")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry, target.encode()


def encrypted() -> bytes:
    """The flag of encryption set in both headers of the one entry."""
    content = bytearray(zipped(("a.nii", volume())))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def lying() -> bytes:
    """Its table of contents says ten bytes, its data hold many more."""
    content = bytearray(zipped(("a.nii", bytes(2**22))))
    start = content.index(b"PK\x01\x02") + 24
    content[start : start + 4] = struct.pack("<I", 10)
    return bytes(content)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "name upwards": lambda: zipped(("../../evil.nii", volume())),
    "name upwards inside": lambda: zipped(("a/../../evil.nii", volume())),
    "name upwards on Windows": lambda: zipped(("a\\..\\..\\evil.nii", volume())),
    "absolute name": lambda: zipped((f"{gettempdir()}/evil.nii", volume())),
    "drive": lambda: zipped(("C:/evil.nii", volume())),
    "link": lambda: zipped(link("/etc/passwd")),
    "link to a folder and a file in it": lambda: zipped(link(gettempdir()), ("link.dcm/evil.nii", volume())),
    "ZIP in the ZIP": lambda: zipped(("a.nii", volume()), ("more.zip", zipped(("b.nii", volume())))),
    "ZIP in the ZIP by another name": lambda: zipped(("more.nii", zipped(("b.nii", volume())))),
    "encrypted": encrypted,
    "bomb": lambda: zipped(*((f"{n}.dcm", bytes(2**24)) for n in range(12))),
    "table of contents that lies": lying,
    "damaged": lambda: zipped(("a.nii", volume()))[:-40],
    "damaged data": lambda: zipped(("a.nii", volume())).replace(volume()[400:440], b"\xff" * 40)[:200] + b"PK",
    "no ZIP": lambda: volume(),
    "nothing": lambda: b"",
    "empty": lambda: zipped(),
    "no image in it": lambda: zipped(("notes.txt", b"hello")),
    "two volumes": lambda: zipped(("a.nii", volume()), ("b.nii", volume())),
    "unusual method": lambda: zipped(("a.nii", volume()), method=zipfile.ZIP_BZIP2),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_zip_leaves_nothing(server: Server, kind: str) -> None:
    with nothing_kept(server):
        reply = put(server, ("a.zip", HOSTILE[kind]()), uncompress="true")
        assert reply.status_code == 422, reply.text
        assert reply.json()["detail"].endswith(".")
        assert "evil" not in reply.text, "names in a ZIP may tell a patient's"
    assert not list(Path(gettempdir()).glob("evil*"))


def large_volume() -> bytes:
    """The header of 2048 x 1024 x 1024 voxels, and too few of them."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape((2048, 1024, 1024))
    return gzip.compress(header.binaryblock + bytes(2**20))


ODD: dict[str, tuple[list[tuple[str, bytes]], dict[str, str]]] = {
    "no file": ([], {}),
    "a text": ([("notes.txt", b"hello")], {}),
    "a NRRD that names a file of the server": (
        [("a.nrrd", b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: /etc/passwd\n\n")],
        {},
    ),
    "a volume of 2 GB in some kilobytes": ([("a.nii.gz", large_volume())], {}),
    "no name": ([("x", b"hello")], {}),
    "a ZIP without uncompress": ([("a.zip", zipped(("a.nii", volume())))], {}),
    "two volumes": ([("a.nii", volume()), ("b.nii", volume())], {}),
    "two ZIPs": ([("a.zip", zipped()), ("b.zip", zipped())], {"uncompress": "true"}),
    "an expiry in the past": ([("a.nii", volume())], {"expiry": "-1"}),
    "an expiry that is no number": ([("a.nii", volume())], {"expiry": "soon"}),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_image_leaves_nothing(server: Server, kind: str) -> None:
    files, query = ODD[kind]
    with nothing_kept(server):
        reply = put(server, *files, **query)
        assert reply.status_code == 422, reply.text
        assert reply.json()["detail"]


def test_a_text_in_place_of_a_file_is_refused(server: Server) -> None:
    assert requests.put(f"{server.url}/session/", data={"files": "hello"}, timeout=60).status_code == 422
    assert requests.put(f"{server.url}/session/", json={"files": []}, timeout=60).status_code == 422
    broken = {"content-type": "multipart/form-data; boundary=x"}
    reply = requests.put(f"{server.url}/session/", data=b"--x\r\nno", headers=broken, timeout=60)
    assert reply.status_code in (400, 422)


@pytest.mark.parametrize("session", ["x", "0" * 32, "..%2F..%2Fetc", "%00", "own-x", "%2e%2e"])
def test_ids_that_nobody_was_given_are_unknown(server: Server, session: str) -> None:
    for method in ("GET", "HEAD", "DELETE"):
        assert requests.request(method, f"{server.url}/session/{session}", timeout=60).status_code == 404


def process_of(server: Server) -> psutil.Process:
    """The one that listens."""
    port = int(server.url.rpartition(":")[2])
    for child in psutil.Process().children(recursive=True):
        if any(one.laddr.port == port for one in child.net_connections() if one.status == psutil.CONN_LISTEN):
            return child
    raise AssertionError(f"nobody listens at {server.url}")


def test_a_full_disk_is_told_and_leaves_nothing(server: Server) -> None:
    """The kernel refuses the server's writes beyond a size (RLIMIT_FSIZE): for a program the same as a full disk."""
    process = process_of(server)
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    large = volume((256, 256, 90))  # 12 MB; the log of the server stays below the limit
    with nothing_kept(server):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (8 * 2**20, before[1]))
        try:
            spooled = put(server, ("a.nii", large))
            unpacked = put(server, ("a.zip", zipped(("a.nii", volume((256, 256, 90), noise=False)))), uncompress="true")
        finally:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)
        for reply in (spooled, unpacked):
            assert reply.status_code == 507, reply.text
            assert "disk" in reply.json()["detail"]
    assert put(server, ("a.nii", large)).ok, "and goes on"


def test_many_at_once_get_their_own(server: Server) -> None:
    found: dict[int, str] = {}

    def send(number: int) -> None:
        data = volume((8, 8, 2 + number))
        session = put(server, ("a.nii", data)).json()["session_id"]
        found[number] = session if server.get(f"/session/{session}", image="true").content == data else ""

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({*found.values()} - {""}) == 8
