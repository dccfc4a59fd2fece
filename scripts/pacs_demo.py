"""The demonstration with a real PACS: `make pacs-demo`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sdseg.cli.console import REPOSITORY, SAMPLE_WEIGHTS
from sdseg.demo.pacs import PacsDemoInputs, check, run_pacs_demo
from sdseg.errors import SdsegError


def main() -> int:
    """Show the steps on stderr, the closing line on stdout; 0 only if every study is where it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo-output/pacs"), help="folder, emptied first")
    parser.add_argument("--weights", type=Path, default=SAMPLE_WEIGHTS)
    parser.add_argument("--small", type=int, default=4, help="small studies besides the sample study")
    options = parser.parse_args()
    try:
        inputs = PacsDemoInputs(REPOSITORY / "sample-data" / "dicom", options.weights, options.small)
        report = run_pacs_demo(inputs, options.output.resolve(), lambda text: print(text, file=sys.stderr, flush=True))
        print(report.line, flush=True)
        check(report)
    except SdsegError as error:
        print(f"pacs-demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
