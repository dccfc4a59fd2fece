"""The stability table (paper, table 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sdseg.evaluation.cases import load_case
from sdseg.evaluation.contestants import Contestant
from sdseg.evaluation.plan import Plan, Update
from sdseg.evaluation.report import Cell, Table
from sdseg.evaluation.runs import predict_runs
from sdseg.evaluation.similarity import SMALLEST_FOR_MS_SSIM, Similarity
from sdseg.evaluation.stability import KINDS, StabilityCounter
from sdseg.volume.example import Example

LEVELS = ("data set", "instance")
MEASURES = ("LPIPS", "PSNR", "SSIM", "MS-SSIM")
NOT_COMPUTED = "not computed"


def stability_table(
    contestants: Sequence[Contestant],
    examples: Sequence[Example],
    labels: Mapping[str, int],
    plan: Plan,
    lpips: Similarity | None,
    progress: Update,
) -> Table:
    """One row a model, level and kind of prediction; `lpips` measures LPIPS, or None."""
    counters = [StabilityCounter(lpips) for _ in contestants]
    seeds = range(plan.seed, plan.seed + plan.runs)
    for done, example in enumerate(examples):
        case = load_case(example, labels)
        for number, contestant in enumerate(contestants):
            progress(done * len(contestants) + number, len(examples) * len(contestants), example.id)
            counters[number].add(predict_runs(contestant, case, seeds, plan.batch_size))
    progress(len(examples) * len(contestants), len(examples) * len(contestants), "")
    rows = [row for c, counter in zip(contestants, counters, strict=True) for row in _rows(c.name, counter)]
    columns = ("model", "level", "on", *MEASURES, "Dice between runs", "SD of Dice")
    return Table("stability", "Stability", columns, tuple(rows), _notes(plan, counters[0]))


def _rows(name: str, counter: StabilityCounter) -> list[tuple[Cell, ...]]:
    deviations = dict(zip(LEVELS, counter.dice_deviation, strict=True))
    rows: list[tuple[Cell, ...]] = []
    for level in LEVELS:
        for kind in KINDS:
            measured: list[Cell] = [counter.measure(kind, measure, level) for measure in MEASURES]
            if counter.lpips is None:
                measured[0] = NOT_COMPUTED
            segmentation = kind == KINDS[0]
            between = counter.dice_between_runs if segmentation and level == "instance" else None
            rows.append((name, level, kind, *measured, between, deviations[level] if segmentation else None))
    return rows


def _notes(plan: Plan, counter: StabilityCounter) -> tuple[str, ...]:
    lpips = (
        f"LPIPS: package lpips, AlexNet, weights {plan.lpips_weights.name}."
        if plan.lpips_weights
        else "LPIPS is not computed: the weights of its backbone are not shipped; name them with --lpips-weights."
    )
    return (
        f"{plan.runs} runs with the noises of the seeds {plan.seed} to {plan.seed + plan.runs - 1}, on the "
        f"{counter.images} images (slices) whose reference holds a structure; each run against the first, as in the "
        "authors' notebook. Seg: the binary mask; Score: the probability; of any structure, peak 1, on the image's own "
        "pixels.",
        "data set: a run's predictions for all images against the first run's, PSNR from the error over all of them, "
        "then the mean over the runs. instance: the runs of one image against its first, then the mean over the "
        f"images, without pairs of which one mask is empty ({counter.left_out} of the first model's) and, for PSNR, "
        "without identical ones.",
        "The paper gives LPIPS on the level of the data set, the others on that of the instance.",
        lpips,
        f"PSNR (dB) is – where all runs are identical, MS-SSIM where all images are smaller than "
        f"{SMALLEST_FOR_MS_SSIM} pixels.",
        "Dice between runs: of the masks of a case, mean over all pairs of runs, then over the cases. SD of Dice: "
        "standard deviation over the runs of the Dice against the reference, of the data set's mean and of one case.",
    )
