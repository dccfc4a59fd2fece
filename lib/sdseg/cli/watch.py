"""`sdseg watch`: the work of a running server as bars."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn

from sdseg.cli.console import console

_TOKEN = "SDSEG_TOKEN"


def watch(
    server: Annotated[str, typer.Argument(help="Address of the server.")] = "http://127.0.0.1:8000",
    once: Annotated[bool, typer.Option("--once", help="Tell how it stands, and end.")] = False,
) -> None:
    """Show what a server segments and trains: stage, slices or steps, time left, and who waits.

    Where the server has users, the environment variable SDSEG_TOKEN holds a token. Ends with Ctrl-C.
    """
    from sdseg.serving.watching import jobs_events, jobs_now

    token = os.environ.get(_TOKEN, "")
    if once:
        for line in told(jobs_now(server, token)):
            typer.echo(line)
        return
    if not console.is_terminal:
        _write(jobs_events(server, token))
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console) as bars:
        for jobs in jobs_events(server, token):
            _show(bars, jobs)


def _write(events: Iterable[dict[str, Any]]) -> None:
    """Lines instead of bars where nobody looks: in a file or another program."""
    before: list[str] = []
    for jobs in events:
        lines = told(jobs)
        for line in lines if lines != before else ():
            typer.echo(line)
        before = lines


def told(jobs: dict[str, Any]) -> list[str]:
    """A line for each job that runs or waits, and for the training."""
    training = [jobs["training"]] if jobs["training"] else []
    lines = [f"{_name(work)}: {_note(work)}" for work in (*jobs["running"], *jobs["waiting"], *training)]
    return lines or ["Nothing runs, and nobody waits."]


def _show(bars: Progress, jobs: dict[str, Any]) -> None:
    for task in bars.task_ids:
        bars.remove_task(task)
    training = jobs["training"]
    works = [*jobs["running"], *jobs["waiting"], *([training] if training else [])]
    for work in works:
        bars.add_task(_name(work), total=work["total"] or None, completed=work["done"], note=_note(work))
    if not works:
        bars.add_task("Nothing runs, and nobody waits.", total=1, note="")


def _name(work: dict[str, Any]) -> str:
    return f"{work['model']} on {work['image']}" if "image" in work else f"training of {work['model']}"


def _note(work: dict[str, Any]) -> str:
    """What a person wants to know of a job or a training."""
    if work.get("place"):
        parts = [f"place {work['place']} in the queue"]
    else:
        parts = [work["state"], work["stage"], f"{work['done']} of {work['total']}" if work["total"] else ""]
    left = work["eta_seconds"]
    note = ", ".join(part for part in (*parts, "" if left is None else f"about {left:.0f} s left") if part)
    said = [*work.get("remarks", ()), work.get("detail", "")] if "image" not in work else []
    return ". ".join([note, *(sentence for sentence in said if sentence)])
