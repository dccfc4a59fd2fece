"""`sdseg simulate`: does asking for uncertain images beat asking at random, on data whose truth is known?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdseg.cli.console import progress_bar, quieten_libraries


def simulate(
    config: Annotated[
        str, typer.Option("--config", "-c", help="Training configuration: a YAML file, or the name of a preset.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for rounds, table and picture.")],
    root: Annotated[Path | None, typer.Option(help="Folder of the configuration's data set.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Begin with this weights folder instead of an untrained model.")
    ] = None,
    autoencoder: Annotated[
        Path | None, typer.Option(help="Use this diffusers AutoencoderKL folder instead of training one.")
    ] = None,
    start: Annotated[int, typer.Option(help="Images labelled before the first model.")] = 10,
    ask: Annotated[int, typer.Option(help="Images asked for in each round.")] = 10,
    rounds: Annotated[int, typer.Option(help="How often.")] = 4,
    seeds: Annotated[int, typer.Option(min=1, help="So many seeds, from 0 on.")] = 3,
    strategy: Annotated[
        list[str] | None,
        typer.Option(help="random, sdseg_uncertainty or uncertainty_alone; repeat. Default: the first two."),
    ] = None,
    first_steps: Annotated[int, typer.Option(help="Steps of the first model's training.")] = 500,
    steps: Annotated[int, typer.Option(help="Steps of each retraining.")] = 150,
    batch_size: Annotated[int, typer.Option(help="Slices a step.")] = 8,
    learning_rate: Annotated[float, typer.Option(help="Of each retraining.")] = 5e-4,
    replay_share: Annotated[float, typer.Option(help="Share of a retraining's draws from earlier rounds.")] = 0.3,
    candidates: Annotated[
        int | None, typer.Option(help="Choose among so many images of the pool, drawn at random; default: all.")
    ] = None,
    noises: Annotated[int, typer.Option(help="Over how many the uncertainty is measured.")] = 5,
    painting_speed: Annotated[
        float, typer.Option(help="Voxels that an annotator paints in a minute: an assumption, see docs/simulation.md.")
    ] = 2000.0,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Play an annotator: label a few images, train, ask for more, correct them with the truth, retrain, measure.

    Images are the slices of the configuration's training examples; its validation examples measure every model. Each
    round is kept: the same command goes on where it was stopped, and more rounds, seeds or strategies may be added.
    docs/simulation.md says how to read [bold]OUTPUT/report.md[/bold].
    """
    quieten_libraries()
    from sdseg.simulation.plan import Plan
    from sdseg.simulation.simulation import Beginning, Simulation
    from sdseg.simulation.writing import write_report
    from sdseg.training.config import with_changes
    from sdseg.training.presets import find_config

    plan = Plan(
        start=start,
        ask=ask,
        rounds=rounds,
        seeds=tuple(range(seeds)),
        strategies=tuple(strategy or ("random", "sdseg_uncertainty")),
        first_steps=first_steps,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        replay_share=replay_share,
        candidates=candidates,
        noises=noises,
        painting_speed=painting_speed,
    )
    chosen = with_changes(find_config(config), root=root)
    simulation = Simulation(chosen, plan, output, Beginning(autoencoder, weights), device)
    with progress_bar("rounds") as update:
        simulation.run(update, after=lambda: write_report(simulation.book, plan))
    typer.echo(f"report={write_report(simulation.book, plan)}")
