"""`sdseg models judge`: weights of any origin against those that are served."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sdseg.cli.console import progress_bar
from sdseg.cli.models_options import Model, ModelDir, user
from sdseg.cli.open_registry import open_registry


def judge(
    weights: Annotated[Path, typer.Argument(help="Weights folder, e.g. of `sdseg train --from-datastore`.")],
    model_dir: ModelDir,
    model: Model = "sdseg",
    studies: Annotated[
        str | None, typer.Option("--studies", help="The server's archive or folder; default: the one that it noted.")
    ] = None,
    promote: Annotated[bool, typer.Option("--promote", help="Serve them if they are not worse.")] = False,
    margin: Annotated[
        float, typer.Option(min=0, max=1, help="By how much Dice they may be worse on any structure.")
    ] = 0.01,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
) -> None:
    """Judge weights by the patients whom the server keeps out of training, and keep them with the judgement.

    [bold]sdseg models judge runs/more/weights --model-dir model --promote[/bold]
    """
    registry = open_registry(model_dir, model)
    from sdseg.corrections.offline import material_of
    from sdseg.model.card import ModelCard
    from sdseg.registry.challenge import Challenge, Rules

    labels = ModelCard.load(weights).labels
    validation = material_of(model_dir, studies, labels).validation
    rules = Rules("judged" if promote else "never", margin, device, seed, user())
    with progress_bar("judging") as update:

        def told(**_known: Any) -> None:
            """The outcome says it all."""

        challenge = Challenge(
            registry, validation, rules, told, lambda stage, done, total: update(done, total or None, stage)
        )
        outcome = challenge.settle(weights, {"by": rules.by})
    typer.echo(outcome.sentence, err=True)
    typer.echo(f"accepted={outcome.judgement is not None and outcome.judgement.accepted}")
    typer.echo(f"promoted={outcome.promoted}")
    typer.echo(f"weights={outcome.entry.name}")
