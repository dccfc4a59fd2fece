"""Peak memory of a segmentation by the number of slices: prints the table of docs/memory.md.

    .venv/bin/python scripts/peak_memory.py                       # 100 and 1,000 slices of 512 x 512: 1.2 GB of disk
    .venv/bin/python scripts/peak_memory.py --slices 40 240 --side 128

Every figure is of a process of its own, by tests/memory/peak.py.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


def main() -> None:
    from memory.measuring import CT, MR, Bench, Way

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--side", type=int, default=512, help="rows and columns of a slice")
    parser.add_argument("--window", choices=("range", "percentile"), default="range", help="as for CT, or as for MR")
    parser.add_argument("--scratch", type=Path, help="folder for series and results; default: the system's")
    asked = parser.parse_args()
    ways: tuple[Way, ...] = ("files", "server")
    print("| slices | files to SEG | the server's job |\n|---|---|---|", flush=True)
    for slices in asked.slices:
        with tempfile.TemporaryDirectory(prefix="sdseg-memory-", dir=asked.scratch) as scratch:
            bench = Bench(Path(scratch), asked.side, CT if asked.window == "range" else MR)
            peaks = [f"{bench.peak(slices, way)[0] / 1e6:,.0f} MB" for way in ways]
        print(f"| {slices:,} | {' | '.join(peaks)} |", flush=True)


if __name__ == "__main__":
    main()
