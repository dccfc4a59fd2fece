"""Training on from corrections: what is drawn, what comes out, and that it ends in time."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline
from helpers.rivals import save_tiny_rival
from safetensors.torch import load_file

from sdseg.errors import InputError, LabelError
from sdseg.model.weights import load_weights, save_weights, weights_sha256
from sdseg.training.batches import Batches, Share
from sdseg.training.course import Course
from sdseg.training.material import Material
from sdseg.training.retrain import RetrainConfig, retrain
from sdseg.training.retrain_config import RetrainStage
from sdseg.training.slices import SliceStack, load_slices
from sdseg.volume.example import Example
from sdseg.volume.recipe import Recipe

Draw = Callable[..., Example]
LABELS = {"brain": 1}
IGNORED = 255


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Makes a volume of bright discs, and its mask; four slices."""

    def make(name: str, seed: int = 0, bright: float = 100.0, **said: object) -> Example:
        random = np.random.default_rng(seed)
        i, j = np.mgrid[:64, :64]
        centre, radius = random.integers(24, 40, 2), random.integers(10, 18)
        disc = np.repeat(((i - centre[0]) ** 2 + (j - centre[1]) ** 2 < radius**2)[..., None], 4, axis=2)
        image = disc * bright + random.normal(40, 8, disc.shape)
        paths = [tmp_path / f"{name}-{kind}.nii.gz" for kind in ("image", "label")]
        for path, values in zip(paths, (image.astype(np.float32), disc.astype(np.uint8)), strict=True):
            nib.save(nib.Nifti1Image(values, np.eye(4)), path)
        return Example(name, *paths, modality="MR", **said)

    return make


def marked(example: Example, name: str, slices: list[int], value: int) -> Path:
    """A copy of its mask that holds `value` all over in some slices; the axes are turned, so that k is flipped."""
    label = nib.load(example.label)
    values = np.asarray(label.dataobj).copy()
    values[..., slices] = value
    path = example.label.with_name(name)
    turned = np.diag([1.0, 1.0, -1.0, 1.0])
    turned[2, 3] = values.shape[2] - 1
    nib.save(nib.Nifti1Image(np.ascontiguousarray(values[..., ::-1]), turned), path)
    return path


def quick(**changes: object) -> RetrainConfig:
    return RetrainConfig(**{"max_steps": 6, "learning_rate": 1e-3, "batch_size": 2, **changes})  # type: ignore[arg-type]


def tensors(weights: Path) -> dict[str, torch.Tensor]:
    return {
        f"{path.parent.name}.{name}": value
        for path in weights.glob("*/*.safetensors")
        for name, value in load_file(path).items()
    }


def drawn(stack: SliceStack, passes: int) -> list[int]:
    """How often each slice comes in so many passes over all."""
    batches = islice(Batches(stack, None, Share(len(stack)), seed=1).start(), passes)
    indices = torch.tensor([index for batch in batches for index in batch.indices])
    return torch.bincount(indices, minlength=len(stack)).tolist()


def test_unlabelled_slices_are_never_drawn(draw: Draw) -> None:
    """255 where nobody said anything, here in a file with its slices the other way round."""
    example = draw("a")
    label = marked(example, "partly.nii.gz", [0, 2], IGNORED)
    stack = load_slices([replace(example, label=label, ignored=IGNORED)], Recipe(image_size=64), LABELS)
    whole = load_slices([example], Recipe(image_size=64), LABELS)
    assert len(stack) == 2
    assert torch.equal(stack.images, whole.images[[1, 3]])
    assert torch.equal(stack.masks, whole.masks[[1, 3]])


def test_an_example_that_teaches_nothing_is_named_in_the_log(draw: Draw, caplog: pytest.LogCaptureFixture) -> None:
    example = draw("a")
    said = replace(example, label=marked(example, "none.nii.gz", [0, 1, 2, 3], IGNORED), ignored=IGNORED)
    assert len(load_slices([said, example], Recipe(image_size=64), LABELS)) == 4
    (told,) = [record.message for record in caplog.records if record.name == "sdseg.training.slices"]
    assert Path(example.image).name in told


def test_renamed_values_leave_the_unlabelled_ones(draw: Draw) -> None:
    example = draw("a")
    label = marked(example, "partly.nii.gz", [3], IGNORED)
    said = replace(example, label=label, ignored=IGNORED, label_values={1: 1})
    assert len(load_slices([said], Recipe(image_size=64), LABELS)) == 3


def test_a_label_that_speaks_of_no_slice_is_refused(draw: Draw, tmp_path: Path) -> None:
    example = draw("a")
    said = replace(example, label=marked(example, "none.nii.gz", [0, 1, 2, 3], IGNORED), ignored=IGNORED)
    with pytest.raises(LabelError, match="Nobody labelled a slice"):
        retrain(save_tiny_weights(tmp_path / "w"), Material((said,)), tmp_path / "out", quick())


def test_corrected_slices_are_drawn_three_times_as_often(draw: Draw) -> None:
    example = draw("a", weight=0.5)
    changed = marked(replace(example, label=zeros(example)), "changed.nii.gz", [1], 7)
    stack = load_slices([replace(example, changed=changed)], Recipe(image_size=64), LABELS, corrected_weight=3.0)
    assert stack.weights is not None
    assert stack.weights.tolist() == [0.5, 1.5, 0.5, 0.5]
    counts = drawn(stack, 300)
    assert [abs(count - 1200 * part) <= 3 for count, part in zip(counts, (1 / 6, 1 / 2, 1 / 6, 1 / 6), strict=True)]
    assert abs(counts[1] - 600) <= 3
    assert sum(counts) == 1200


def zeros(example: Example) -> Path:
    path = example.label.with_name("zeros.nii.gz")
    nib.save(nib.Nifti1Image(np.zeros((64, 64, 4), np.uint8), np.eye(4)), path)
    return path


def test_equal_weights_change_nothing(draw: Draw) -> None:
    plain = load_slices([draw("a"), draw("b", 1)], Recipe(image_size=64), LABELS)
    assert plain.weights is None
    same = SliceStack(plain.images, plain.masks, torch.full((8,), 0.1))
    orders = [
        [batch.indices for batch in islice(Batches(stack, None, Share(3), 5).start(), 20)] for stack in (plain, same)
    ]
    assert orders[0] == orders[1]


def test_what_the_model_knows_gets_its_share_of_the_draws(
    draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rounds: in the second, the first's label and the replayed one share three draws in ten."""
    seen: list[SliceStack] = []
    train = Course.run
    monkeypatch.setattr(Course, "run", lambda course: (seen.append(course.stack), train(course))[1])
    first, second, older = draw("a"), draw("b", 1), draw("c", 2)
    champion = save_tiny_weights(tmp_path / "w")
    one = retrain(champion, Material((first,)), tmp_path / "one", quick(max_steps=1))
    retrain(one.weights, Material((first, second), replay=(older,)), tmp_path / "two", quick(max_steps=1))
    assert seen[0].weights is None
    assert seen[1].weights is not None
    new = load_slices([second], Recipe(image_size=64), LABELS)
    assert torch.equal(seen[1].images[:4], new.images), "the new one comes first"
    counts = drawn(seen[1], 100)
    assert abs(sum(counts[:4]) - 840) <= 1
    assert abs(sum(counts[4:]) - 360) <= 1


def test_validation_patients_are_not_looked_at(draw: Draw, tmp_path: Path) -> None:
    judging = Example("j", tmp_path / "nowhere.nii.gz", tmp_path / "nowhere.nii.gz")
    result = retrain(save_tiny_weights(tmp_path / "w"), Material((draw("a"),), (judging,)), tmp_path / "out", quick())
    assert result.steps == 6


def test_retraining_on_corrections_improves_the_model(draw: Draw, tmp_path: Path) -> None:
    """Real training on two corrected volumes: their masks are estimated better afterwards."""
    examples = [draw(name, seed) for name, seed in (("c", 2), ("d", 3))]
    corrected = tuple(replace(example, changed=example.label) for example in examples)
    champion = save_tiny_weights(tmp_path / "w")
    result = retrain(champion, Material(corrected), tmp_path / "out", quick(max_steps=40, learning_rate=2e-3))
    stack = load_slices(examples, Recipe(image_size=64), LABELS)
    before, after = (latent_error(folder, stack) for folder in (champion, result.weights))
    assert after < 0.85 * before


@torch.no_grad()
def latent_error(weights: Path, stack: SliceStack) -> float:
    """Mean |z0 - estimate| at the step of inference: the decoder of a tiny model is random, its latents are not."""
    from sdseg.training.learners.sdseg import SDSegLearner
    from sdseg.training.stage import DiffusionConfig

    settings = DiffusionConfig(steps=1, learning_rate=1, timesteps=(999, 999), noise_weight=0)
    learner = SDSegLearner(load_weights(weights), settings).eval()
    (batch,) = islice(Batches(stack, None, Share(len(stack)), seed=3).start(), 1)
    return float(learner(batch)[1]["latent"])


@pytest.mark.parametrize("classes", [None, 3])
def test_other_kinds_of_models_learn_too(classes: int | None, draw: Draw, tmp_path: Path) -> None:
    if classes is None:
        champion = save_tiny_rival(tmp_path / "w")
    else:
        champion = tmp_path / "w"
        save_weights(tiny_pipeline(classes=classes), tiny_card(("brain", "liver")), champion)
    result = retrain(champion, Material((draw("a"),)), tmp_path / "out", quick(max_steps=2))
    before, after = tensors(champion), tensors(result.weights)
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == ({"network"} if classes is None else {"unet", "vision_encoder"})


def test_the_card_tells_of_it(draw: Draw, tmp_path: Path) -> None:
    champion = save_tiny_weights(tmp_path / "w")
    result = retrain(champion, Material((draw("a"), draw("b", 1))), tmp_path / "out", quick(val_split=0.5))
    training = json.loads((result.weights / "sdseg.json").read_text())["training"]
    assert training["parent_sha256"] == weights_sha256(champion)
    assert training["finetuned_steps"] == result.steps
    assert training["retrained"]["examples"] == {"new": 1, "old": 0, "early_stop": 1, "left_out": 0}
    assert len(training["learnt"]) == 1
    assert str(tmp_path) not in json.dumps(training)
    assert result.val_dice.keys() == {"before", "after"}


def test_early_stopping_takes_the_best_weights(draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dice that rises to the second validation and falls then: it stops, and what was best then comes out."""
    scores = iter([0.1, 0.5, 0.7, 0.6, 0.6, 0.6, 0.6])
    monkeypatch.setattr("sdseg.training.early_stop.mean_dice", lambda *_, **__: next(scores))
    settings = quick(max_steps=60, validate_every=2, patience=2, val_split=0.5, max_epochs=100)
    champion, material = save_tiny_weights(tmp_path / "w"), Material((draw("a"), draw("b", 1)))
    result = retrain(champion, material, tmp_path / "out", settings)
    assert (result.stopped, result.steps) == ("early", 8)
    assert result.val_dice == {"before": 0.1, "after": 0.7}
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "validation_dice" in line] == [0, 2, 4, 6, 8]
    # The same training, left alone until the step that was best.
    scores = iter([0.1, 0.5, 0.7])
    kept: list[dict[str, torch.Tensor]] = []

    def watch(stage: RetrainStage, done: int, total: int) -> None:
        if stage == "train" and done == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("sdseg.training.early_stop.mean_dice", lambda *_, **__: next(scores))
    with pytest.raises(KeyboardInterrupt):
        retrain(champion, material, tmp_path / "again", settings, watch=watch)
    (state,) = (tmp_path / "again" / "checkpoints").iterdir()
    kept.append(load_file(state / "state.safetensors"))
    best = {name: value for name, value in kept[0].items() if name.startswith("look 0/")}
    found = tensors(result.weights)
    assert best
    for name, value in best.items():
        assert torch.equal(found[name.removeprefix("look 0/")], value.half()), name


def test_patients_are_not_divided(draw: Draw, tmp_path: Path) -> None:
    """Three patients with two images each: early stopping keeps out whole ones."""
    train = tuple(draw(f"{group}{n}", ord(group) + n, group=group) for group in "xyz" for n in (0, 1))
    result = retrain(save_tiny_weights(tmp_path / "w"), Material(train), tmp_path / "out", quick(val_split=0.4))
    told = json.loads((result.weights / "sdseg.json").read_text())["training"]["retrained"]["examples"]
    assert (told["new"], told["early_stop"]) == (4, 2)


def test_a_rate_of_nothing_is_refused() -> None:
    for wrong in ({"minutes": 0.0}, {"batch_size": 0}, {"val_split": 1.0}, {"patience": 0}, {"adapters": "x"}):
        with pytest.raises(InputError, match=f"^{next(iter(wrong))} must be .*, not {next(iter(wrong.values()))}"):
            RetrainConfig(**wrong)  # type: ignore[arg-type]


class Clock:
    """Time that goes by only where the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("slower", [1.0, 8.0])
def test_the_budget_is_kept(slower: float, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes on a clock of our own: two to load, a step of four seconds, from half way on `slower` times that."""
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    steps: list[int] = []

    def watch(stage: RetrainStage, done: int, total: int) -> None:
        if stage == "prepare":
            clock.now += 30
        elif stage == "validate" and done == total:
            clock.now += 10
        elif stage == "train":
            steps.append(total)
            clock.now += 4 if clock.now < 1300 else 4 * slower

    settings = quick(max_steps=100_000, max_epochs=100_000, minutes=10, val_split=0.5, patience=1000)
    material = Material((draw("a"), draw("b", 1)))
    result = retrain(save_tiny_weights(tmp_path / "w"), material, tmp_path / "out", settings, watch=watch)
    assert result.stopped == "minutes"
    assert 1450 < clock.now <= 1600
    assert result.steps >= 20
    assert abs(steps[-1] - result.steps) <= 4, "the estimate has come close to what it was"


def test_a_slow_preparation_tells_nothing_of_the_steps(
    draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)

    def watch(stage: RetrainStage, done: int, total: int) -> None:
        clock.now += 120 if stage == "prepare" else 4

    settings = quick(max_steps=100_000, max_epochs=100_000, minutes=10)
    result = retrain(save_tiny_weights(tmp_path / "w"), Material((draw("a"),)), tmp_path / "o", settings, watch=watch)
    assert 45 <= result.steps <= 60
    assert clock.now <= 1600


def test_too_few_minutes_are_told(draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)

    def watch(stage: RetrainStage, done: int, total: int) -> None:
        clock.now += 100

    with pytest.raises(InputError, match=r"^1 minutes were over before the training could begin"):
        retrain(
            save_tiny_weights(tmp_path / "w"), Material((draw("a"),)), tmp_path / "o", quick(minutes=1), watch=watch
        )
