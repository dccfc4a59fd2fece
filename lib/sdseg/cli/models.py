"""`sdseg models`: which trained weights there are, which are served, and taking them in and out of service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from sdseg.cli.console import console, progress_bar, quieten_libraries
from sdseg.cli.models_judge import judge
from sdseg.cli.models_options import Json, Model, ModelDir, Name, Reason, user
from sdseg.cli.open_registry import open_registry

if TYPE_CHECKING:
    from sdseg.registry.entry import Entry
    from sdseg.registry.registry import ModelRegistry

app = typer.Typer(help="List, show, judge, promote, roll back and withdraw trained weights.", no_args_is_help=True)

app.command("judge")(judge)


@app.command("list")
def list_(model_dir: ModelDir, model: Model = "sdseg", as_json: Json = False) -> None:
    """List all weights: the newest first, at last the base, which is served when none of the others is.

    [bold]sdseg models list --model-dir model[/bold]
    """
    registry = open_registry(model_dir, model)
    if as_json:
        _print_json({"state": registry.state(), "entries": [entry.to_dict() for entry in registry.entries()]})
        return
    from rich.console import Console

    Console().print(_table(registry.entries()))
    _tell_state(registry)


@app.command("show")
def show(name: Name, model_dir: ModelDir, model: Model = "sdseg", as_json: Json = False) -> None:
    """Show one of them: where it comes from, how it was judged, and what happened to it."""
    registry = open_registry(model_dir, model)
    entry = registry.find(name)
    events = registry.history_of(entry.name)
    if as_json:
        _print_json({**entry.to_dict(), "history": events})
        return
    from sdseg.judging.report import as_markdown

    told = {"weights": entry.sha256, "state": entry.state, "note": entry.note, "trained from": entry.parent}
    told |= {"came": entry.made, "promoted": entry.promoted, **{str(k): v for k, v in entry.facts.items()}}
    for key, value in told.items():
        if value not in (None, "", {}, []):
            typer.echo(f"{key}: {value}")
    for event in events:
        who = f" by {event['by']}" if event.get("by") else ""
        why = f": {event['reason']}" if event.get("reason") else ""
        typer.echo(f"{event['at']} {event['event']}{who}{why}")
    if entry.judgement:
        typer.echo(f"\n{as_markdown(entry.judgement)}", nl=False)


@app.command("promote")
def promote(
    name: Name,
    model_dir: ModelDir,
    model: Model = "sdseg",
    reason: Reason = "",
    again: Annotated[bool, typer.Option("--again", help="Also where they were withdrawn.")] = False,
    as_json: Json = False,
) -> None:
    """Serve these weights from now on; a running server does so at its next request."""
    registry = open_registry(model_dir, model)
    _tell_served(registry, registry.promote(name, user(), reason, although_withdrawn=again), as_json)


@app.command("rollback")
def rollback(model_dir: ModelDir, model: Model = "sdseg", reason: Reason = "", as_json: Json = False) -> None:
    """Serve the weights again that were served before, at last the base."""
    registry = open_registry(model_dir, model)
    _tell_served(registry, registry.rollback(user(), reason), as_json)


@app.command("withdraw")
def withdraw(
    name: Name, model_dir: ModelDir, model: Model = "sdseg", reason: Reason = "", as_json: Json = False
) -> None:
    """Never serve these weights again; if they are served now, those before them are. Nothing is deleted."""
    registry = open_registry(model_dir, model)
    entry = registry.withdraw(name, user(), reason)
    if not as_json:
        typer.echo(f"{entry.name} is withdrawn; `sdseg models segs {entry.name}` lists what it made.")
    _tell_served(registry, registry.champion(), as_json)


@app.command("segs")
def segs(
    weights: Annotated[str, typer.Argument(help="Beginning of the SHA-256, known here or not.")],
    studies: Annotated[str, typer.Option("--studies", help="Folder of DICOM files, or DICOMweb address.")],
    as_json: Json = False,
) -> None:
    """List the DICOM SEGs in an archive that these weights made, also those that a person edited afterwards.

    Login and TLS files as for [bold]sdseg send[/bold]. No names of patients are shown.

    [bold]sdseg models segs 3fa29b1c --studies http://127.0.0.1:8042/dicom-web[/bold]
    """
    quieten_libraries()
    from sdseg.delivery.credentials import Credentials
    from sdseg.pacs.archive import is_server, open_archive
    from sdseg.registry.made_by import segmentations_by

    archive = open_archive(studies, Credentials.from_environment().session() if is_server(studies) else None)
    with progress_bar("SEG series") as update:
        found = list(segmentations_by(archive, weights, update))
    if as_json:
        _print_json([each.to_dict() for each in found])
        return
    for each in found:
        edited = " edited" if each.edited else ""
        typer.echo(f"{each.made} study {each.study_uid} series {each.series_uid} instance {each.sop_uid}{edited}")
    typer.echo(f"{len(found)} SEG{'' if len(found) == 1 else 's'} by {weights}")


@app.command("sync")
def sync(model_dir: ModelDir, model: Model = "sdseg") -> None:
    """Tell MLflow what it does not know yet, and serve what has its alias "champion".

    MLFLOW_TRACKING_URI says where it is.
    """
    registry = open_registry(model_dir, model)
    from sdseg.registry.mlflow_mirror import mlflow_of
    from sdseg.registry.mlflow_sync import bring_together

    mirror = mlflow_of(registry.models_dir)
    followed = bring_together(registry, mirror, user())
    typer.echo(f"MLflow knows all weights ({mirror.model}).")
    if followed is not None:
        typer.echo(f"{followed.name} is served from now on, as MLflow's alias champion says.")


def _table(entries: list[Entry]) -> Table:
    table = Table("weights", "state", "made", "promoted", "judged", box=None)
    for entry in entries:
        judged = "" if entry.judgement is None else "accepted" if entry.judgement.accepted else "not accepted"
        state = f"[bold]{entry.state}[/bold]" if entry.state == "champion" else entry.state
        table.add_row(entry.name, state, entry.made[:16], (entry.promoted or "")[:16], judged)
    return table


def _tell_served(registry: ModelRegistry, entry: Entry, as_json: bool) -> None:
    if as_json:
        _print_json(entry.to_dict())
    else:
        typer.echo(f"{entry.name} is served from now on.")
        _tell_state(registry)


def _tell_state(registry: ModelRegistry) -> None:
    if state := registry.state():
        console.print(f"[yellow]{state}")


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2))
