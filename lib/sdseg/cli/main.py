"""The `sdseg` command: one sub-command a module, user errors as one line."""

from __future__ import annotations

import sys

import typer

from sdseg import __version__
from sdseg.cli import (
    batch,
    bench,
    demo,
    distill,
    engines,
    evaluate,
    models,
    node,
    segment,
    send,
    serve,
    simulate,
    structures,
    token,
    train,
    watch,
    weights,
)
from sdseg.errors import EmptySegmentationError, SdsegError
from sdseg.quick_start import leave_out_extras

EXIT_ERROR = 1
EXIT_EMPTY = 3

app = typer.Typer(
    name="sdseg",
    help="One-step Stable-Diffusion segmentation (SDSeg) of medical images: DICOM in, DICOM SEG out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("segment")(segment.segment)
app.command("batch")(batch.batch)
app.command("train")(train.train)
app.command("distill")(distill.distill)
app.command("evaluate")(evaluate.evaluate)
app.command("serve")(serve.serve)
app.command("watch")(watch.watch)
app.command("demo")(demo.demo)
app.command("bench")(bench.bench)
app.command("engines")(engines.engines)
app.command("simulate")(simulate.simulate)
app.command("send")(send.send)
app.command("structures")(structures.structures)
app.add_typer(weights.app, name="weights")
app.add_typer(models.app, name="models")
app.add_typer(node.app, name="node")
app.add_typer(token.app, name="token")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """One-step Stable-Diffusion segmentation (SDSeg) of medical images: DICOM in, DICOM SEG out."""


def main() -> None:
    """Run the command line; what a user can mend becomes one line on stderr and exit code 1 (3: nothing found)."""
    leave_out_extras()
    try:
        app()
    except EmptySegmentationError as error:
        typer.echo(f"sdseg: {error}", err=True)
        sys.exit(EXIT_EMPTY)
    except SdsegError as error:
        typer.echo(f"sdseg: {error}", err=True)
        sys.exit(EXIT_ERROR)
    except OSError as error:  # a full disk, a folder without write permission: the machine's state, not a bug
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"sdseg: {where}{error.strerror or error}.", err=True)
        sys.exit(EXIT_ERROR)


if __name__ == "__main__":
    main()
