"""Everything that runs at once: two real Orthancs, a gate before each that can fail, and the node."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults.dimse_gate import DimseGate
from faults.http_gate import HttpGate
from sdseg.demo.node import NodeProcess
from sdseg.demo.orthanc import Orthanc
from sdseg.demo.router import Peer
from sdseg.demo.studies import StudyMaker
from sdseg.serving.launch import free_port

REPOSITORY = Path(__file__).parents[2]
SAMPLE = REPOSITORY / "sample-data"
WEIGHTS = SAMPLE / "weights" / "brain-small"

DIRECT, GATED, WEB = "T1 direct", "T1 gated", "T1 web"
"""Series descriptions; what each should reach is in REACHES."""
REACHES = {
    DIRECT: frozenset({"first"}),
    GATED: frozenset({"first"}),
    WEB: frozenset({"second"}),
    "T1 both": frozenset({"first", "second"}),
}
QUICK = {"quiet_seconds": 1, "forced_seconds": 20, "retry": {"first_seconds": 1, "longest_seconds": 4}}


@dataclass
class World:
    """What `world` starts; the node is not started yet."""

    folder: Path
    node: NodeProcess
    peer: Peer
    first: Orthanc
    second: Orthanc
    dimse: DimseGate
    http: HttpGate
    studies: StudyMaker

    @property
    def archives(self) -> dict[str, Orthanc]:
        """By the names in REACHES."""
        return {"first": self.first, "second": self.second}


def rules(weights: Path = WEIGHTS) -> list[dict[str, Any]]:
    """Which target gets the SEG of which series, by their description."""
    targets = {DIRECT: ["orthanc"], GATED: ["gate"], WEB: ["web"], "T1 both": ["orthanc", "web"]}
    return [
        {"modality": "MR", "series_description": description, "weights": str(weights), "targets": names}
        for description, names in targets.items()
    ]


@contextmanager
def world(
    folder: Path,
    seed: int = 0,
    slices: int = 3,
    settings: Mapping[str, Any] | None = None,
    command: tuple[str, ...] = (),
    forwards: bool = False,
) -> Iterator[World]:
    """Start it all but the node; end it all.

    Args:
        folder: for everything that is written.
        seed, slices: of the studies.
        settings: of the node, in place of the quick ones.
        command: what to put before the node's own.
        forwards: whether the first archive forwards all it gets to the node, be it the node's own.
    """
    node_port, gate_port, web_port = free_port(), free_port(), free_port()
    peer = Peer(node_port)
    with ExitStack() as running:
        script = _forwarding(folder) if forwards else {}
        first = running.enter_context(Orthanc(folder / "first", "FIRST", {"SDSEG": ("127.0.0.1", node_port)}, script))
        second = running.enter_context(Orthanc(folder / "second", "SECOND"))
        gate = running.enter_context(DimseGate(first, Peer(node_port, calling="GATE"), gate_port))
        web = running.enter_context(HttpGate(second, web_port))
        configuration = {
            "ae_title": "SDSEG",
            "host": "127.0.0.1",
            "port": node_port,
            "home": str(folder / "home"),
            "callers": [{"ae_title": name, "host": "127.0.0.1"} for name in ("ROUTER", "FIRST", "GATE")],
            "minimum_free_mb": 10,
            "targets": {
                "orthanc": {"address": first.dimse, "confirm": "commitment"},
                "gate": {"address": gate.dimse, "confirm": "commitment"},
                "web": {"address": web.dicomweb},
            },
            "rules": rules(),
            "device": "cpu",
            "engine": "plain",  # masks are compared voxel by voxel
            **QUICK,
            **(settings or {}),
        }
        node = NodeProcess(folder / "node", configuration, command, {"OMP_NUM_THREADS": "1"})
        running.callback(node.stop)
        maker = StudyMaker(SAMPLE / "dicom", folder / "studies", seed, slices)
        yield World(folder, node, peer, first, second, gate, web, maker)


def _forwarding(folder: Path) -> dict[str, list[str]]:
    """Orthanc's setting for a script that forwards every instance as it comes."""
    script = folder / "forward.lua"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(
        "function OnStoredInstance(instance, tags, metadata, origin) SendToModality(instance, 'sdseg') end\n"
    )
    return {"LuaScripts": [str(script)]}
