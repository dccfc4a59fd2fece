"""A long run of the node among faults: `make soak`. docs/faults.md says what is tried.

Runs the modules of tests/faults, which `make test` runs for three minutes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from sdseg.cli.console import progress_bar
from sdseg.errors import SdsegError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


def main() -> int:
    """Show a bar on stderr, the closing line on stdout; 0 only if nothing was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=100, help="of the node, at most")
    parser.add_argument("--minutes", type=float, help="begin no further study after so many")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn: studies, kills, faults")
    parser.add_argument("--output", type=Path, help="folder for everything; else a temporary one, kept on failure")
    options = parser.parse_args()
    folder = options.output or Path(tempfile.mkdtemp(prefix="sdseg-soak-"))
    try:
        sound = soak(options, folder.resolve())
    except SdsegError as error:
        print(f"soak: {error}", file=sys.stderr)
        sound = False
    if sound and options.output is None:
        shutil.rmtree(folder)
    else:
        print(f"Everything is in {folder}", file=sys.stderr)
    return 0 if sound else 1


def soak(options: argparse.Namespace, folder: Path) -> bool:
    """Whether nothing was lost or doubled, and no name was logged."""
    from faults.campaign import Campaign
    from faults.privacy import names_in
    from faults.world import world

    seconds = None if options.minutes is None else options.minutes * 60
    with world(folder, seed=options.seed) as here, progress_bar("studies") as update:
        outcome = Campaign(here, options.studies, options.kills, options.seed, seconds, update).run()
        here.node.stop()
        named = names_in(here)
    for name, count in sorted(outcome.met.items()):
        print(f"{count:6d} requests: {name}", file=sys.stderr)
    for path in named:
        print(f"A patient is named in {path}", file=sys.stderr)
    print(f"{outcome.seconds:.0f} s, {outcome.taken_up} dead letters were taken up again", file=sys.stderr)
    print(f"soak {outcome.line}")
    return outcome.is_sound and not named


if __name__ == "__main__":
    sys.exit(main())
