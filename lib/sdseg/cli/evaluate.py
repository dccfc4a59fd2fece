"""`sdseg evaluate`: how well models do on images whose masks are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sdseg.cli.console import SAMPLE_WEIGHTS, progress_bar, quieten_libraries
from sdseg.errors import InputError


def evaluate(
    image: Annotated[Path | None, typer.Argument(help="DICOM folder, NIfTI, NRRD or picture.")] = None,
    reference: Annotated[
        Path | None, typer.Argument(help="Mask on the image's grid: NIfTI, NRRD or DICOM SEG.")
    ] = None,
    weights: Annotated[list[Path] | None, typer.Option(help="Weights folder; several for a data set.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="JSON file for the figures of one image; folder for a data set's report."),
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set, e.g. kvasir-seg, btcv, pairs, volumes.")] = None,
    root: Annotated[Path | None, typer.Option(help="Folder of the data set.")] = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Option of the data set, value in YAML.", metavar="KEY=VALUE")
    ] = None,
    tables: Annotated[
        str, typer.Option(help="all, or some of accuracy,efficiency,stability,convergence,reverse,ablation.")
    ] = "accuracy",
    name: Annotated[list[str] | None, typer.Option(help="Name of each weights folder in the report.")] = None,
    seed: Annotated[int, typer.Option(help="Of the noise and the bootstrap.")] = 0,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Of the reverse process; default each model's own, one for SDSeg.")
    ] = None,
    step_counts: Annotated[str, typer.Option(help="Numbers of steps of the convergence curve.")] = "1,2,5,10,20,50",
    runs: Annotated[int, typer.Option(min=2, help="Noises which the stability is measured with.")] = 10,
    rounds: Annotated[int, typer.Option(min=1, help="Of the timing.")] = 5,
    batch_size: Annotated[int, typer.Option(min=1, help="Slices at a time; does not change the masks.")] = 8,
    tolerance: Annotated[float, typer.Option(help="Of the surface Dice: mm for volumes, else pixels.")] = 2.0,
    lpips_weights: Annotated[
        Path | None, typer.Option(help='State dict of lpips.LPIPS(net="alex"), for the stability table.')
    ] = None,
    modality: Annotated[str | None, typer.Option(help="DICOM Modality of one image whose file does not say.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    engine: Annotated[
        str, typer.Option(help="How the networks are run: plain, auto, or a name that `sdseg engines` lists.")
    ] = "plain",
    decoder: Annotated[str, typer.Option(help="full, or the lite one of `sdseg distill`.")] = "full",
    encoder: Annotated[str, typer.Option(help="full, or the lite one of `sdseg distill`.")] = "full",
    unet: Annotated[str, typer.Option(help="full, or the lite one of `sdseg distill`.")] = "full",
    force: Annotated[bool, typer.Option("--force", help="Replace a report that exists.")] = False,
) -> None:
    """Score models on images whose masks are known: one image, or a whole data set with tables and pictures.

    [bold]sdseg evaluate IMAGE REFERENCE[/bold] prints the volume Dice of each structure.
    Dice = 2 |P and R| / (|P| + |R|) over all voxels of the volume, on the image's own voxel grid; where neither
    holds the structure there is no score.

    [bold]sdseg evaluate --dataset kvasir-seg --root FOLDER --split validation --weights A --weights B -o REPORT[/bold]
    writes report.md, report.csv, report.html and report.json: docs/evaluation.md says what is in them.
    """
    quieten_libraries()
    from sdseg.engines.speed import Speed

    speed = Speed(engine, decoder, encoder, unet)
    folders = weights or [SAMPLE_WEIGHTS]
    if dataset is None:
        if image is None or reference is None:
            raise InputError("Give an image and its reference mask, or a data set with --dataset and --root.")
        if len(folders) > 1 or steps not in (None, 1):
            raise InputError("One image is scored with one weights folder and one step; give a data set for more.")
        evaluate_image(image, reference, folders[0], output, seed, modality, device, speed)
        return
    if image is not None or modality is not None:
        raise InputError(f"An image, its reference and its --modality are given without --dataset {dataset}.")
    if root is None or output is None:
        raise InputError("A data set needs its folder (--root) and a folder for the report (--output).")

    from sdseg.engines.speed import PLAIN_SPEED
    from sdseg.evaluation.plan import Plan, parse_tables
    from sdseg.evaluation.writing import check_folder

    if speed != PLAIN_SPEED and (tables != "accuracy" or steps not in (None, 1)):
        raise InputError(
            "Only the accuracy of one step is measured with another engine or lite parts; leave them plain and "
            "full for other tables and more steps."
        )

    plan = Plan(
        tables=parse_tables(tables),
        seed=seed,
        steps=steps,
        batch_size=batch_size,
        tolerance=tolerance,
        rounds=rounds,
        runs=runs,
        step_counts=parse_counts(step_counts),
        lpips_weights=lpips_weights,
    )
    check_folder(output, force)
    evaluate_dataset(
        dataset, root, split, parse_settings(setting or ()), folders, name or (), plan, output, device, speed
    )


def evaluate_image(
    image: Path,
    reference: Path,
    weights: Path,
    output: Path | None,
    seed: int,
    modality: str | None,
    device: str,
    speed: Any,
) -> None:
    """Print the volume Dice of each structure of one image."""
    from sdseg.evaluation.score import score_image
    from sdseg.inference.segmenter import Segmenter
    from sdseg.volume.load import check_exists

    check_exists(image)
    check_exists(reference)
    segmenter = Segmenter.load(weights, device, speed)
    with progress_bar("slices") as update:
        scores = score_image(segmenter, image, reference, modality=modality, seed=seed, progress=update)
    for structure, dice in scores.items():
        typer.echo(f"{structure} dice={'none' if dice is None else format(dice, '.4f')}")
    if output:
        figures = {
            "image": str(image),
            "reference": str(reference),
            "weights_sha256": segmenter.weights_sha256,
            "engine": segmenter.speed.engine,
            **segmenter.speed.parts,
            "seed": seed,
            "volume_dice": scores,
        }
        output.write_text(json.dumps(figures, indent=2) + "\n")


def evaluate_dataset(
    dataset: str,
    root: Path,
    split: str,
    settings: dict[str, Any],
    folders: Sequence[Path],
    names: Sequence[str],
    plan: Any,
    output: Path,
    device: str,
    speed: Any,
) -> None:
    """Write the report on a split of a data set and print its tables."""
    from sdseg.datasets import open_dataset
    from sdseg.evaluation.as_markdown import markdown_rows
    from sdseg.evaluation.contestants import load_contestants
    from sdseg.evaluation.harness import Evaluation
    from sdseg.evaluation.writing import write_report

    data = open_dataset(dataset, root, **settings)
    examples = data.examples(split)
    contestants = load_contestants(folders, data.labels, names, device, speed)
    output.mkdir(parents=True, exist_ok=True)  # now, not after hours
    about = {"name": dataset, "split": split, "root": str(root), "settings": settings, "notes": data.notes}
    report = Evaluation(contestants, examples, data.labels, plan, about, progress_bar).report()
    write_report(report, output)
    for table in report.tables:
        typer.echo(f"{table.title}\n{markdown_rows(table)}\n")
    typer.echo(f"report={output / 'report.html'}")


def parse_counts(text: str) -> tuple[int, ...]:
    """ "1,2,5" -> (1, 2, 5).

    Raises:
        InputError: something else.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--step-counts takes whole numbers such as 1,2,5, not '{text}'.") from error


def parse_settings(texts: Sequence[str]) -> dict[str, Any]:
    """ "key=value" with YAML values -> keyword arguments.

    Raises:
        InputError: one of them is something else.
    """
    import yaml

    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        try:
            found[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"--set takes KEY=VALUE with a YAML value, not '{text}'.") from error
        if not equals or not key.strip():
            raise InputError(f"--set takes KEY=VALUE, not '{text}'.")
    return found
