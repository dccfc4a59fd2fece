"""`sdseg bench`: what a slice costs, engine by engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdseg.cli.console import console, progress_bar, quieten_libraries
from sdseg.errors import InputError

RIVALS = ("basic_unet", "dyn_unet")


def bench(
    preset: Annotated[str, typer.Option(help="Size of the model; random weights cost what trained ones do.")] = "small",
    weights: Annotated[Path | None, typer.Option(help="A weights folder instead of a preset.")] = None,
    engines: Annotated[
        str | None, typer.Option(help="Names separated by commas; default: all that are installed here.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each contestant is timed.")] = 5,
    slices: Annotated[int, typer.Option(min=1, help="In a round.")] = 8,
    batch_size: Annotated[int, typer.Option(min=1, help="Slices at a time, but for the baseline's one.")] = 8,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the processor; default: torch's choice.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for table, picture and JSON.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a report that exists.")] = False,
) -> None:
    """Time engines and rivals against the paper's plain loop, in turns, and tell ratios.

    [bold]sdseg bench --preset sd -o speed[/bold]
    """
    quieten_libraries()
    import torch

    from sdseg.bench.contestant import Contestant, baseline
    from sdseg.bench.machine import matmul_peak, this_machine
    from sdseg.bench.report import build_report
    from sdseg.bench.rounds import run_rounds
    from sdseg.engines.engine import PLAIN, engines_for, get_engine
    from sdseg.evaluation.as_markdown import markdown_table
    from sdseg.evaluation.writing import check_folder, write_report
    from sdseg.model.card import ModelCard
    from sdseg.model.device import check_device
    from sdseg.model.presets import get_preset

    check_device(device)
    if output is not None:
        check_folder(output, force)
    preset = ModelCard.load(weights).preset if weights is not None else get_preset(preset).name
    wanted = [name.strip() for name in engines.split(",") if name.strip()] if engines else None
    names = [engine.name for engine in engines_for(device)] if wanted is None else wanted
    if not names:
        raise InputError(f"No engine is named in --engines {engines!r}.")
    ours = [get_engine(name, device).name for name in names if name != PLAIN]
    contestants = [
        baseline(preset, weights),
        *(Contestant(name, preset, weights, name, batch_size=batch_size) for name in ours),
        *(Contestant(name, preset, rival=name, batch_size=batch_size) for name in RIVALS),
    ]
    count = threads or torch.get_num_threads()
    machine = this_machine(device, count)
    torch.set_num_threads(count)
    peaks = {name: matmul_peak(dtype, device) for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16))}
    with progress_bar("bench") as update:
        outcomes = run_rounds(contestants, rounds, slices, device, count, update)
    facts = {"model": str(weights.name) if weights else f"preset {preset}, random weights", "device": device}
    report = build_report(outcomes, machine, peaks, {**facts, "rounds": rounds, "slices a round": slices})
    typer.echo(markdown_table(report.tables[0]))
    if output is not None:
        write_report(report, output)
        console.print(f"The report with its picture is in {output}.")
