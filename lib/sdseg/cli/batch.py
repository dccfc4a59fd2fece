"""`sdseg batch`: a whole archive in, a SEG for every series that the weights are made for."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdseg.cli.console import SAMPLE_WEIGHTS, console, progress_bar, quieten_libraries
from sdseg.delivery.target import Confirmation

if TYPE_CHECKING:
    from sdseg.batch.crew import Crew
    from sdseg.batch.order import Order
    from sdseg.batch.record import Record
    from sdseg.batch.run import Run
    from sdseg.batch.sources import Sources


def batch(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Folders, list files (a folder or UID a line), DICOMweb addresses.", show_default=False),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for results, journal and report; the same one continues.")
    ] = Path("batch-output"),
    studies: Annotated[
        str, typer.Option(help="Folder or http://host/dicom-web: all of it, or where the UIDs of list files are.")
    ] = "",
    query: Annotated[
        list[str] | None, typer.Option(help="Keyword=value for DICOMweb, such as StudyDate=20260101-20260131.")
    ] = None,
    send: Annotated[
        str | None, typer.Option("--send", help="Deliver every SEG too: http(s)://, dicom://AET@host:port or a folder.")
    ] = None,
    confirm: Annotated[Confirmation | None, typer.Option(help="How an arrival is confirmed, see sdseg send.")] = None,
    weights: Annotated[Path, typer.Option(help="Weights folder.")] = SAMPLE_WEIGHTS,
    engine: Annotated[str, typer.Option(help="Who works: local (processes) or ray (a cluster).")] = "local",
    address: Annotated[str, typer.Option(help="Of the Ray cluster: auto, host:port, or local for one of its own.")] = (
        "auto"
    ),
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes or actors; else one to four cores or one a GPU.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores of each worker.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda (every GPU) or cuda:N.")] = "cpu",
    compute: Annotated[str, typer.Option(help="Inference engine: auto, plain, or a name from docs/engines.md.")] = (
        "auto"
    ),
    decoder: Annotated[str, typer.Option(help="full or lite.")] = "full",
    encoder: Annotated[str, typer.Option(help="full or lite.")] = "full",
    unet: Annotated[str, typer.Option(help="full or lite.")] = "full",
    seed: Annotated[int, typer.Option(help="Of the noise: the same seed gives the same mask.")] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="Slices at a time; does not change the result.")] = 8,
    attempts: Annotated[int, typer.Option(min=1, help="Of a series whose worker ends or whose archive is away.")] = 5,
    retry: Annotated[int, typer.Option(min=0, help="Further attempts of a delivery, with longer pauses.")] = 5,
    time_limit: Annotated[
        float, typer.Option(min=1, help="Seconds after which a series that does not end has its worker killed.")
    ] = 3600,
) -> None:
    """Segment every image series of an archive that the weights are made for.

    Started again with the same output folder, it continues: nothing is lost and nothing made twice, however the first
    start ended. Exit code 1 when any series failed; report.json, report.md and report.html say which, and why.

    [bold]sdseg batch /archive -o results[/bold]
    [bold]sdseg batch --studies http://pacs/dicom-web --query Modality=MR -o results --send http://pacs/dicom-web[/bold]
    """
    quieten_libraries()
    from sdseg.batch.crew import Crew
    from sdseg.batch.order import Order
    from sdseg.batch.sources import Sources
    from sdseg.delivery.open import open_target
    from sdseg.delivery.retry import Retries
    from sdseg.engines.speed import Speed
    from sdseg.errors import DeliveryError, SetupError

    started = time.monotonic()
    speed = Speed(compute, decoder, encoder, unet)
    crew = Crew(engine, workers, threads, device, speed, address, time_limit)
    crew.check()
    named = Sources(tuple(sources or ()), studies, tuple(query or ()))
    target = None if send is None else open_target(send, confirm=confirm)
    if target is not None:
        try:
            target.check()
        except SetupError:
            raise
        except DeliveryError as error:
            console.print(f"{error} It may come back while the first series is segmented.")
    order = Order.of(weights, speed, seed, batch_size)
    how = {"target": target, "retries": Retries(times=retry), "attempts": attempts}
    with target if isinstance(target, AbstractContextManager) else nullcontext():  # it may listen
        _carry_out(named, order, crew, output, started, **how)


def _carry_out(named: Sources, order: Order, crew: Crew, output: Path, started: float, **how: Any) -> None:
    from sdseg.batch.home import Home
    from sdseg.batch.journal import Journal
    from sdseg.batch.run import Run

    home = Home(output)
    with home.opened():
        journal = Journal(home.journal)
        run = Run(home, journal, order, mark=str(home.mark().absolute()), **how)
        with progress_bar("files") as update:
            records = run.plan(named.find(lambda files: update(files, None)))
        try:
            _segment(run, records, crew)
        finally:
            _tell(records, named, order, crew, output, time.monotonic() - started)
            journal.close()
    if any(record.fate == "failed" for record in records):
        raise typer.Exit(1)


def _segment(run: Run, records: list[Record], crew: Crew) -> None:
    if not run.unfinished(records):
        return
    with crew.pool(run.order.weights, run.order.weights_sha256) as pool, progress_bar("series") as update:
        run.carry_out(records, pool, lambda done, total: update(done, total))


def _tell(records: list[Record], named: Sources, order: Order, crew: Crew, output: Path, seconds: float) -> None:
    """Report and summary line; what failed first, on the screen too."""
    from sdseg.batch.facts import facts_of
    from sdseg.batch.report import build_report, count
    from sdseg.evaluation.writing import write_report

    write_report(build_report(records, facts_of(named, order, crew), seconds), output)
    for record in records:
        if record.fate == "failed":
            typer.echo(f"sdseg: {record.found.series_uid or 'a series'}: {record.sentence}", err=True)
    counts = " ".join(f"{fate}={number}" for fate, number in count(records).items())
    delivered = f" delivered={sum(record.delivered for record in records)}" if any(r.delivered for r in records) else ""
    typer.echo(f"{counts}{delivered} seconds={seconds:.1f}")
    typer.echo(f"report={output / 'report.html'}")
