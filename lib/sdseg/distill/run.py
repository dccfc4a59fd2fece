"""A whole distillation: images, the teacher's answers, stages, weights folder - and going on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from sdseg.distill.bank import Bank, ask_teacher, bank_seed
from sdseg.distill.config import BANK_SHARE, DistillConfig, Stage
from sdseg.distill.folder import DistillFolder
from sdseg.distill.material import Material, load_material
from sdseg.distill.measure import measure
from sdseg.distill.pupils import Pupils
from sdseg.distill.teacher import Teacher
from sdseg.distill.writing import write_weights
from sdseg.errors import InputError
from sdseg.model.card import ModelCard
from sdseg.model.kinds import lite_folder
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.weights import load_weights, weights_sha256
from sdseg.training.augment import build_augmentation
from sdseg.training.batches import Batches, Share
from sdseg.training.engine import Engine
from sdseg.training.journal import Journal, Progress
from sdseg.training.loop import TrainingStopped
from sdseg.training.processes import Processes
from sdseg.training.stage import AugmentationConfig

_LINES = 25  # steps a line of the log
_CHECKPOINT = 250


@dataclass(frozen=True)
class DistillOptions:
    """What the result does not depend on.

    Attributes:
        device: torch device.
        resume: go on where the run in the output folder stopped, if there is one.
        should_stop: asked after every step.
    """

    device: str = "cpu"
    resume: bool = False
    should_stop: Callable[[], bool] = field(default=lambda: False)


def distill(
    weights: Path,
    output: Path,
    data: str,
    root: Path | None,
    config: DistillConfig,
    options: DistillOptions | None = None,
    progress: Progress | None = None,
) -> Path:
    """Make lite parts for `weights`; returns the new weights folder, `output / "weights"`: the same and the parts.

    Args:
        weights: of a trained SDSeg; not changed.
        output: folder; holds no result yet, unless it is this one and to be resumed.
        data, root: see `load_material`.
        config: how long.
        options: device and the like.
        progress: see `Journal`.

    Raises:
        WeightsError: the weights are unusable or no SDSeg's, or the result cannot be saved.
        InputError, LabelError: an image is unusable, or `output` is taken.
        TrainingStopped: asked to; the state is saved.
    """
    options = options or DistillOptions()
    pipeline = load_weights(weights, options.device, kind=SDSegPipeline)
    folder = DistillFolder(output)
    with folder.held():
        folder.check_free(options.resume)
        return _Distillation(weights, pipeline, folder, config, options, progress).run(data, root)


class _Distillation:
    """One call of `distill`."""

    def __init__(
        self,
        weights: Path,
        pipeline: SDSegPipeline,
        folder: DistillFolder,
        config: DistillConfig,
        options: DistillOptions,
        progress: Progress | None,
    ) -> None:
        self._weights, self._folder, self._config, self._options = weights, folder, config, options
        self._card, self._sha256 = ModelCard.load(weights), weights_sha256(weights)
        self._teacher = Teacher(pipeline)
        self._progress = progress or (lambda stage, step, steps, means: None)
        self._steps: dict[str, int] = {}
        self._pupils = Pupils(self._teacher, weights, config.parts, config.seed)

    def run(self, data: str, root: Path | None) -> Path:
        material = load_material(data, root, self._card, lambda n, of: self._progress("images", n, of, {}))
        identity = {
            "teacher_sha256": self._sha256,
            "config": self._config.model_dump(mode="json", exclude={"minutes"}),
            "data": {**material.told, "sha256": material.sha256},
        }
        self._folder.begin(identity, self._config.stages[-1], self._options.resume)
        if self._folder.weights.exists():
            return self._folder.weights
        engine = self._engine()
        bank = self._folder.bank() or self._ask(material)
        for stage in self._config.stages:
            self._train(engine, stage, bank)
        engine.journal.close()
        self._save(material)
        return self._folder.weights

    def _engine(self) -> Engine:
        return Engine(
            Processes(self._options.device),
            Journal(self._folder.log, self._progress, _LINES),
            self._folder.checkpoints,
            seed=self._config.seed,
            checkpoint_every=_CHECKPOINT,
            should_stop=self._options.should_stop,
        )

    def _ask(self, material: Material) -> Bank:
        """The teacher's answers, kept until the run is done."""
        config, began = self._config, time.monotonic()
        until = (config.minutes or 0) * 60 * BANK_SHARE
        augmentation = build_augmentation(self._augmentation(), self._card.recipe.image_size)
        share = Share(config.batch_size)
        batches = Batches(material.train, augmentation, share, bank_seed(config.seed), self._options.device)

        def enough(count: int) -> bool:
            self._progress("teacher", min(count, config.slices), config.slices, {})
            if self._options.should_stop():
                raise TrainingStopped("Stopped while the teacher was asked; --resume asks it anew.")
            return bool(until) and time.monotonic() - began > until

        bank = ask_teacher(self._teacher, batches.start(), config.slices, config.noises, material.labelled, enough)
        self._folder.keep_bank(bank)
        return bank

    def _augmentation(self) -> AugmentationConfig:
        """As given, or the teacher's own, or the usual, widened: the teacher answers whatever it is shown, and what
        its pupils imitate over wide ranges they know on scanners that it was not trained on either."""
        if self._config.augmentation:
            return self._config.augmentation
        before = self._card.training.get("config")
        diffusion = before.get("diffusion") if isinstance(before, dict) else None
        told = diffusion.get("augmentation") if isinstance(diffusion, dict) else None
        own = AugmentationConfig.model_validate(told) if isinstance(told, dict) else AugmentationConfig()
        return own.widened

    def _train(self, engine: Engine, stage: Stage, bank: Bank) -> None:
        """Train one stage, unless it was trained before the run was interrupted."""
        part = self._pupils.of(stage)
        steps = self._folder.finished(stage, part)
        if steps is None:
            steps = engine.train(stage, self._pupils.learner(stage, bank), bank.stack(), self._config.stage(stage))
            self._folder.keep(stage, part, steps)
        self._steps[stage] = steps

    def _save(self, material: Material) -> None:
        made, stack = self._pupils.made, material.held_out or material.train
        measured = measure(self._teacher.pipeline, made, stack, material.labelled)
        told = {
            "teacher_sha256": self._sha256,
            "config": self._config.model_dump(mode="json"),
            "data": material.told,
            "steps": self._steps,
            "parameters": {lite_folder(name): sum(p.numel() for p in part.parameters()) for name, part in made.items()},
            ("held_out" if material.held_out else "seen"): measured,
            "software": {name: version(name) for name in ("sdseg", "torch")},
        }
        card = replace(self._card, training={**self._card.training, "distilled": told})
        write_weights(
            self._weights, {lite_folder(name): part for name, part in made.items()}, card, self._folder.weights
        )
        self._folder.clean()


def check_output(output: Path, weights: Path) -> None:
    """Raise InputError where the output would lie in the weights themselves."""
    if output.resolve() == weights.resolve() or weights.resolve() in output.resolve().parents:
        raise InputError(f"The output {output} lies in the weights {weights}: choose another folder.")
