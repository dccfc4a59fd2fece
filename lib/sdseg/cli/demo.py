"""`sdseg demo`: the whole way on the sample study, with nothing to set up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdseg.cli.console import REPOSITORY, SAMPLE_WEIGHTS, console, quieten_libraries


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results; emptied first.")] = Path(
        "demo-output"
    ),
    weights: Annotated[Path, typer.Option(help="Weights folder.")] = SAMPLE_WEIGHTS,
) -> None:
    """Serve the sample MR, press "auto-segment" over HTTP, store and read back the DICOM SEG, print its Dice."""
    quieten_libraries()
    from sdseg.demo.run import DemoInputs, run_demo

    sample = REPOSITORY / "sample-data"
    inputs = DemoInputs(sample / "dicom", sample / "reference" / "S1_brain.nii.gz", weights)
    report = run_demo(inputs, output.resolve(), console.print)
    typer.echo(
        f"demo dice={report.facts['dice']:.4f} seg={report.facts['seg']} "
        f"report={output.resolve() / 'report.json'} montage={output.resolve() / 'montage.png'}"
    )
