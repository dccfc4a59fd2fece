"""Which cases to show, and their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from monai.transforms import Compose

from sdseg.evaluation.cases import load_case
from sdseg.evaluation.contestants import Contestant
from sdseg.evaluation.pictures import draw_cases, draw_reverse_process
from sdseg.evaluation.plan import Plan
from sdseg.evaluation.records import Metric
from sdseg.evaluation.report import Picture
from sdseg.evaluation.score_book import ScoreBook
from sdseg.evaluation.view import largest_slice, view_case
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.sampling import ReverseStep
from sdseg.volume.example import Example
from sdseg.volume.slices import to_slices, to_three_channels

_MOST_COLUMNS = 10


def ranked_cases(book: ScoreBook, model: str) -> list[tuple[str, float]]:
    """(case, Dice) from worst to best, of the mean of structures where there are several; without unscored cases."""
    scores = book.select(model, book.structures[-1], book.levels[0], Metric.DICE)
    dice = [(score.case, score.value) for score in scores if score.value is not None]
    return sorted(dice, key=lambda pair: (pair[1], pair[0]))


def choose_cases(ranked: Sequence[tuple[str, float]]) -> dict[str, tuple[str, float]]:
    """Worst, median and best, each case once; of one case alone "case"."""
    if len(ranked) < 2:
        return dict(zip(["case"], ranked, strict=False))
    places = {"best": len(ranked) - 1, "median": (len(ranked) - 1) // 2, "worst": 0}
    names = {place: name for name, place in places.items()}  # of one place the last name stays
    return {names[place]: ranked[place] for place in sorted(names)}


def cases_picture(
    key: str,
    contestant: Contestant,
    examples: Sequence[Example],
    labels: Mapping[str, int],
    book: ScoreBook,
    plan: Plan,
) -> Picture | None:
    """Worst, median and best case of a model; None where no case has a score."""
    by_id = {example.id: example for example in examples}
    rows = []
    for name, (case_id, dice) in choose_cases(ranked_cases(book, contestant.name)).items():
        seen = view_case(contestant, load_case(by_id[case_id], labels), plan.seed, plan.batch_size)
        place = f"\nslice {seen.slice + 1} of {seen.slices}" if seen.slices > 1 else ""
        rows.append((f"{name}\n{case_id[:24]}{place}\nDice {dice:.3f}", seen))
    if not rows:
        return None
    names = sorted(labels, key=lambda name: labels[name])
    caption = (
        f"Worst, median and best case of {contestant.name} by {book.structures[-1]} Dice of each "
        f"{book.levels[0].value}; of a volume the slice with most of the reference."
    )
    return Picture(key, f"Cases of {contestant.name}", caption, draw_cases(rows, names))


def reverse_picture(key: str, contestant: Contestant, example: Example, plan: Plan) -> Picture | None:
    """What the latents decode to on the way from noise to mask; None for a model that has no such way."""
    model = contestant.base_model
    if not isinstance(model, SDSegPipeline):
        return None
    data = Compose(contestant.segmenter.card.recipe.training_transforms(example))({"image": example.image})
    label = data["label"].numpy()[0]
    wanted = label > 0 if model.classes is None else label == 1
    number = largest_slice(wanted)
    image = to_three_channels(to_slices(data["image"])[number : number + 1])
    traced = model.trace(image, plan.seed, plan.compared_steps)
    drawn = [(s.timestep, decoded(model, s.noisy_latent), decoded(model, s.clean_latent)) for s in thinned(traced)]
    shown = ((image[0].permute(2, 1, 0) + 1) / 2).clamp(0, 1).numpy()
    several = "" if model.classes is None else ", for the first structure"
    caption = (
        f"{contestant.name} on {example.id}{several}, {len(traced)} DDIM steps, seed {plan.seed}. Above: the noisy "
        "latent, decoded. Below: the estimate of the clean latent made from it, decoded; the first of these is what "
        "the single step gives."
    )
    return Picture(
        key, f"Reverse process of {contestant.name}", caption, draw_reverse_process(shown, drawn, wanted[..., number].T)
    )


def thinned(steps: Sequence[ReverseStep]) -> list[ReverseStep]:
    """At most as many as a picture has room for, evenly spaced, and the last."""
    stride = -(-(len(steps) - 1) // (_MOST_COLUMNS - 1)) or 1
    kept = list(steps[:-1:stride])
    return [*kept, steps[-1]]


@torch.inference_mode()
def decoded(model: SDSegPipeline, latent: torch.Tensor) -> npt.NDArray[np.float32]:
    """(rows, columns) in [0, 1] of the first structure, from a scaled latent (1 or classes, 4, ...)."""
    wanted = latent[:1] if model.classes is None else latent[1:2]
    image = ((model.decode_mask_latent(wanted).float() + 1) / 2).clamp(0, 1)
    return image.mean(dim=1)[0].T.cpu().numpy()
