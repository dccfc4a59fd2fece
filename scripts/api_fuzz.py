"""schemathesis against a real server, for as long as one likes: docs/api.md.

Starts a server on a copy of the sample series, with tiny random weights, and sends it what its /openapi.json allows
and what it does not. Fails when an answer is not as published, is a 5xx, or leaves a traceback in the log.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


def main() -> int:
    """Show what schemathesis tells on stderr if something is wrong, one line of JSON on stdout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, default=10_000, help="of each operation in the fuzzing phase, at most")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--output", type=Path, help="folder for everything; else a temporary one, kept on failure")
    options = parser.parse_args()
    folder = options.output or Path(tempfile.mkdtemp(prefix="sdseg-fuzz-"))
    sound = run(options, folder.resolve())
    if sound and options.output is None:
        shutil.rmtree(folder)
    else:
        print(f"Everything is in {folder}", file=sys.stderr)
    return 0 if sound else 1


def run(options: argparse.Namespace, folder: Path) -> bool:
    """Whether all answers were as published."""
    from app.running_server import copy_sample, run_server
    from helpers.api_fuzz import fuzz
    from helpers.models import save_tiny_weights

    copy_sample(folder / "studies" / "patient" / "t1")
    weights = save_tiny_weights(folder / "brain-tiny")
    limits = ("--max-time", str(round(options.minutes * 60)), "-n", str(options.examples))
    for server in run_server(folder, folder / "studies", weights):
        image = next(iter(server.get("/datastore/", output="all").json()["objects"]))
        known = {"model": "sdseg", "strategy": "random", "tag": "final", "id": image, "image": image, "label": image}
        outcome = fuzz(
            server.url, known, folder / "report", "--phases", options.phases, "--seed", str(options.seed), *limits
        )
        alive = server.get("/info/").ok
    tracebacks = server.log.read_text(errors="replace").count("Traceback (most recent call last)")
    print(outcome.line)
    sound = alive and not outcome.failures and not tracebacks
    if not sound:
        print(outcome.told, file=sys.stderr)
        print(f"The server answers: {alive}; tracebacks in {server.log}: {tracebacks}", file=sys.stderr)
    return sound


if __name__ == "__main__":
    sys.exit(main())
