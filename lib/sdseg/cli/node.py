"""`sdseg node`: the DICOM listener that segments and delivers."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sdseg.node.status import Status

app = typer.Typer(help="DICOM listener that segments what it receives and delivers the result.")
Config = Annotated[Path, typer.Option("--config", "-c", help="The node's YAML file; docs/node.md explains it.")]


@app.callback(invoke_without_command=True)
def node(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The node's YAML file.")] = None,
) -> None:
    """Receive images by C-STORE, segment them, deliver the SEG and make sure that it arrived.

    Runs in the foreground until SIGTERM or Ctrl-C; the log goes to stderr, one JSON object a line.

    [bold]sdseg node --config node.yaml[/bold]
    """
    if context.invoked_subcommand is not None:
        return
    if config is None:
        raise typer.BadParameter("give the node's YAML file", param_hint="--config")
    run(config)


def run(path: Path) -> None:
    """Run the node that `path` describes."""
    import os
    import sys

    from sdseg.node.config_file import load_config
    from sdseg.node.logs import set_up_logs
    from sdseg.node.node import Node

    running = Node(load_config(path))
    set_up_logs()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop())
    well = running.run()
    sys.stderr.flush()
    # Not sys.exit: a delivery that hangs in a socket must not hold up the end.
    os._exit(0 if well else 1)


@app.command()
def status(
    config: Config, as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False
) -> None:
    """Show the queue, dead letters and the disk, while the node runs or not."""
    from sdseg.node.config_file import load_config
    from sdseg.node.home import Home
    from sdseg.node.ledger import Ledger
    from sdseg.node.status import take_status

    home = Home(load_config(config).home)
    ledger = Ledger(home.ledger)
    taken = take_status(ledger, home)
    ledger.close()
    typer.echo(json.dumps(taken.to_dict(), indent=2) if as_json else _as_text(taken))


@app.command()
def retry(
    config: Config, series: Annotated[str, typer.Argument(help="SeriesInstanceUID of a dead letter, or all.")]
) -> None:
    """Take dead letters up again."""
    from sdseg.node.config_file import load_config
    from sdseg.node.home import Home
    from sdseg.node.ledger import Ledger
    from sdseg.node.retrying import retry_series

    ledger = Ledger(Home(load_config(config).home).ledger)
    taken = retry_series(ledger, None if series == "all" else series)
    ledger.close()
    typer.echo(f"taken up again: {taken}")


@app.command()
def check(config: Config) -> None:
    """Check the file, the weights and whether every target answers."""
    from sdseg.errors import DeliveryError
    from sdseg.node.check import check_node
    from sdseg.node.config_file import load_config

    failures = 0
    for what, error in check_node(load_config(config)):
        typer.echo(f"{what}: {error or 'ok'}")
        failures += error is not None
    if failures:
        raise DeliveryError(f"{failures} of the node's parts cannot be used, see above.")


def _as_text(taken: Status) -> str:
    lines = [f"{state}: {count}" for state, count in taken.series.items()]
    lines += [f"instances: {taken.instances}", f"disk free: {taken.disk_free_bytes / 1e6:.0f} MB"]
    for target, states in taken.deliveries.items():
        lines.append(f"to {target}: " + ", ".join(f"{count} {state}" for state, count in states.items()))
    for item in taken.queue:
        about = f"{item.instances} instances, {item.age_seconds:.0f} s old"
        lines.append(f"{item.series_instance_uid} {item.state} ({about}): {item.next}")
    lines += [f"dead since {item.since}: {item.series_instance_uid}: {item.reason}" for item in taken.dead_letters]
    return "\n".join(lines)
