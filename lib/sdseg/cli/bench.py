"""`sdseg bench`: what a slice, a series, a training step and a start cost, against the plain way in the same run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdseg.cli.console import REPOSITORY, SAMPLE_WEIGHTS, console, progress_bar, quieten_libraries
from sdseg.errors import InputError

SAMPLE_SERIES = REPOSITORY / "sample-data" / "dicom"


def bench(
    preset: Annotated[str, typer.Option(help="Size of the model; random weights cost what trained ones do.")] = "small",
    weights: Annotated[
        Path | None, typer.Option(help="A weights folder instead of a preset; for --whole and --start the sample's.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Series or volume to run on, with --weights; for --whole and --start the sample series."),
    ] = None,
    engines: Annotated[
        str | None, typer.Option(help="Names separated by commas; default: all that are installed here.")
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="From the series on disk to the SEG on disk.")] = False,
    train: Annotated[bool, typer.Option("--train", help="Training steps instead, against a plain loop.")] = False,
    start: Annotated[bool, typer.Option("--start", help="Import, server and first inference instead.")] = False,
    batch_sizes: Annotated[
        str | None, typer.Option(help="Throughput and latency at these batch sizes instead, such as 1,8,64.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 where something aimed at is missed.")] = False,
    rounds: Annotated[int | None, typer.Option(min=1, help="How often each is timed; 5, of sd on a CPU 3.")] = None,
    slices: Annotated[
        int | None, typer.Option(min=1, help="In a round; with --train, steps; 8, of sd on a CPU 4.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Slices at a time, but for the baseline's one; 8, and 4 with --train.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the processor; default: torch's choice.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for table, picture and JSON.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a report that exists.")] = False,
) -> None:
    """Time engines and rivals against the paper's plain loop, in turns, and tell ratios.

    [bold]sdseg bench --preset sd -o speed[/bold]
    """
    quieten_libraries()
    if sum((whole, train, start, batch_sizes is not None)) > 1:
        raise InputError("Only one of --whole, --train, --start and --batch-sizes can be measured at a time.")
    sizes = _numbers(batch_sizes) if batch_sizes is not None else []
    import torch

    from sdseg.bench import modes
    from sdseg.bench.plan import Plan, usual_effort
    from sdseg.evaluation.as_markdown import markdown_table
    from sdseg.evaluation.writing import check_folder, write_report
    from sdseg.model.device import check_device

    check_device(device)
    if output is not None:
        check_folder(output, force)
    if whole or start:
        weights, images = weights or SAMPLE_WEIGHTS, images or SAMPLE_SERIES
    wanted = None if engines is None else tuple(filter(None, map(str.strip, engines.split(","))))
    size, count = batch_size or (4 if train else 8), threads or torch.get_num_threads()
    usual = usual_effort(preset, weights, device)
    plan = Plan(preset, weights, images, wanted, rounds or usual[0], slices or usual[1], size, count, device)
    with progress_bar("bench") as update:
        if whole:
            report, bars = modes.whole(plan, update)
        elif train:
            report, bars = modes.training(plan, update)
        elif start:
            report, bars = modes.starts(plan, update)
        elif sizes:
            report, bars = modes.sweep(plan, sizes, update)
        else:
            report, bars = modes.slices(plan, update)
    typer.echo("\n\n".join(markdown_table(table) for table in report.tables))
    if output is not None:
        write_report(report, output)
        console.print(f"The report is in {output}.")
    missed = [bar for bar in bars if not bar.is_met]
    if check and missed:
        told = "; ".join(f"{bar.what} {bar.value:.4g}, wanted {bar.wanted}" for bar in missed)
        raise InputError(f"{len(missed)} of {len(bars)} aims are missed: {told}.")


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"--batch-sizes takes numbers separated by commas, such as 1,8,64, not {text[:80]!r}.")
    return [int(part) for part in parts]
