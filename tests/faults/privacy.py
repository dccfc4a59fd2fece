"""Where a patient is named who should not be: in logs, reasons, answers."""

from pathlib import Path

from faults.world import World
from sdseg.demo.studies import NAME, PATIENT


def names_in(world: World) -> list[Path]:
    """Logs and dead letters' reasons of the node that name a patient."""
    told = [world.node.log, *world.node.home.glob("dead/*/reason.json"), *world.node.home.glob("**/*.log")]
    return [path for path in told if names_somebody(path.read_text(errors="replace"))]


def names_somebody(text: str) -> bool:
    """Whether it holds a patient's name or id of the studies."""
    return NAME in text or PATIENT in text
