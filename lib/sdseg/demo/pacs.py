"""The demonstration with a PACS: images in by C-STORE, SEGs back by C-STORE and by STOW, through a fault and a kill."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pydicom

from sdseg.demo.node import NodeProcess
from sdseg.demo.orthanc import Orthanc
from sdseg.demo.router import Peer, Router
from sdseg.demo.run import empty_own_folder
from sdseg.demo.studies import SmallStudy, StudyMaker
from sdseg.demo.verdict import Expected, Verdict, judge, segs_of
from sdseg.errors import DeliveryError, InputError
from sdseg.serving.launch import free_port

_SECONDS = 600.0
_BOTH = frozenset({"pacs", "web"})

Show = Callable[[str], None]


@dataclass(frozen=True)
class PacsDemoInputs:
    """The sample series, weights that segment it, and how many small studies go with it."""

    series: Path
    weights: Path
    small: int = 4

    def __post_init__(self) -> None:
        for path in (self.series, self.weights):
            if not path.exists():
                raise InputError(f"The demo needs {path}, which is missing; restore it from the repository.")
        if self.small < 0:
            raise InputError(f"{self.small} small studies cannot be sent; give 0 or more.")


@dataclass(frozen=True)
class PacsDemoReport:
    """What the archives list at the end.

    Attributes:
        verdict: what became of each study.
        segs: SEGs that both archives list.
        reasons: of the dead letters, one sentence each.
    """

    verdict: Verdict
    segs: int
    reasons: tuple[str, ...]

    @property
    def line(self) -> str:
        """The closing line."""
        verdict = self.verdict
        return f"pacs-demo studies={verdict.studies} segs={self.segs} lost={len(verdict.lost)} dead={len(verdict.dead)}"


def run_pacs_demo(inputs: PacsDemoInputs, output: Path, show: Show) -> PacsDemoReport:
    """All of it; files go to `output`, which is emptied first.

    Raises:
        SdsegError: a step that failed, in one sentence. Whatever was started is ended in every case.
    """
    empty_own_folder(output)
    output.mkdir(parents=True, exist_ok=True)
    (output / "server.log").touch()  # says that the folder is a demo's
    port = free_port()
    with ExitStack() as running:
        pacs = Orthanc(output / "pacs", "PACS", {"SDSEG": ("127.0.0.1", port)})
        web = Orthanc(output / "web", "WEB")
        archives = {"pacs": running.enter_context(pacs), "web": running.enter_context(web)}
        show(f"Two real archives run: PACS takes C-STORE on port {pacs.dicom_port}, WEB takes STOW at {web.dicomweb}")
        node = NodeProcess(output / "node", _configuration(port, output / "home", inputs.weights, pacs, web))
        running.callback(node.stop)
        node.start()
        node.wait_until_ready()
        show(f"The node answers C-ECHO as SDSEG on port {port}")
        sent = _send(_studies(inputs, output / "studies"), Peer(port), archives, show)
        _disturb(node, web, show)
        verdict = _wait(sent, archives, node, show)
        segs = segs_of(archives)
        found = {seg.sop_uid for seg in segs["pacs"]} & {seg.sop_uid for seg in segs["web"]}
        show(
            f"QIDO: PACS lists {len(segs['pacs'])} SEGs (by C-STORE, storage commitment reported), "
            f"WEB lists {len(segs['web'])} (by STOW), {len(found)} of them the same objects"
        )
        reasons = tuple(str(letter["reason"]) for letter in node.dead_letters().values())
        for reason in reasons:
            show(f"Dead letter: {reason}")
    return PacsDemoReport(verdict, len(found), reasons)


def check(report: PacsDemoReport) -> None:
    """Raise DeliveryError unless everything came to where it should."""
    verdict = report.verdict
    if verdict.lost or verdict.doubled:
        raise DeliveryError(f"Studies {verdict.lost} were lost and {verdict.doubled} doubled; this is a bug.")
    if report.segs != len(verdict.done) or len(verdict.dead) != 1:
        raise DeliveryError(
            f"{report.segs} SEGs are in both archives and {len(verdict.dead)} studies are dead letters, where "
            f"{verdict.studies - 1} and 1 were expected; the reasons are in the folder dead of the node."
        )


def _configuration(port: int, home: Path, weights: Path, pacs: Orthanc, web: Orthanc) -> dict[str, object]:
    return {
        "ae_title": "SDSEG",
        "host": "127.0.0.1",
        "port": port,
        "home": str(home),
        "callers": [{"ae_title": name, "host": "127.0.0.1"} for name in ("ROUTER", "PACS")],
        "quiet_seconds": 3,
        "forced_seconds": 60,
        "minimum_free_mb": 100,
        "retry": {"first_seconds": 1, "longest_seconds": 4, "give_up_after": 30},
        "targets": {
            "pacs": {"address": pacs.dimse, "confirm": "commitment"},
            "web": {"address": web.dicomweb, "confirm": "qido"},
        },
        "rules": [
            {"modality": "MR", "series_description": "*t1*", "weights": str(weights), "targets": ["pacs", "web"]}
        ],
    }


def _studies(inputs: PacsDemoInputs, folder: Path) -> list[Expected]:
    """The sample study, small ones, and one that lost a slice on its way."""
    files = sorted(inputs.series.glob("*.dcm"))
    if not files:
        raise InputError(f"{inputs.series} holds no DICOM files; restore the sample data.")
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in files]
    uids = {str(header.SOPInstanceUID): path for header, path in zip(headers, files, strict=True)}
    sample = SmallStudy(0, str(headers[0].StudyInstanceUID), str(headers[0].SeriesInstanceUID), uids, 0)
    maker = StudyMaker(inputs.series, folder)
    small = [Expected(maker.make(number), _BOTH) for number in range(1, inputs.small + 1)]
    broken = Expected(maker.make(inputs.small + 1, missing=1), frozenset())
    return [Expected(sample, _BOTH), *small, broken]


def _send(sent: list[Expected], node: Peer, archives: dict[str, Orthanc], show: Show) -> list[Expected]:
    """As a hospital's router does: the images into the archives, and to the node."""
    routers = [Router(Peer(archive.dicom_port, archive.ae_title)) for archive in archives.values()]
    for item in sent:
        for router in (*routers, Router(node)):
            router.send(item.study)
        what = f"{len(item.study.files)} images" + ("" if item.study.complete else ", one is missing")
        show(f"Study {item.study.number} ({what}) is sent by C-STORE, and every image was answered with 0x0000")
    return sent


def _disturb(node: NodeProcess, web: Orthanc, show: Show) -> None:
    """An archive that is down for a while, and a node that is killed at its work."""
    web.stop()
    show("WEB is stopped, as for maintenance")
    node.kill()
    show("The node is killed (kill -9) and started again")
    node.start()
    node.wait_until_ready()
    web.start()
    show("WEB is back")


def _wait(sent: list[Expected], archives: dict[str, Orthanc], node: NodeProcess, show: Show) -> Verdict:
    """Until each study has its SEGs or a dead letter; what is missing after ten minutes is lost."""
    end = time.monotonic() + _SECONDS
    told = -1
    while True:
        verdict = judge(sent, segs_of(archives), node.dead_letters())
        settled = verdict.studies - len(verdict.lost)
        if settled != told:
            show(f"{len(verdict.done)} of {verdict.studies} studies have their SEG in both archives")
            told = settled
        if not verdict.lost or time.monotonic() > end:
            return verdict
        if node.exit_code is not None:
            raise DeliveryError(f"The node ended by itself; its log is {node.log}.")
        time.sleep(0.5)
