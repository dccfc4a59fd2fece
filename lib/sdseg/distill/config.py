"""How long and on what the lite parts learn."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sdseg.training.stage import AugmentationConfig, StageConfig, Strict

Part = Literal["decoder", "encoder", "unet"]
Stage = Literal["decoder", "imitation", "encoder", "unet"]
STAGES: dict[Part, tuple[Stage, ...]] = {
    "decoder": ("decoder",),
    "encoder": ("imitation", "encoder"),
    "unet": ("unet",),
}
"""The stages that make each part: the encoder imitates the teacher's latent first, which costs no pass of the U-Net,
and learns then what the U-Net makes of it."""

_STEPS: dict[Stage, int] = {"decoder": 3000, "imitation": 6000, "encoder": 2000, "unet": 4000}
_SHARES: dict[Stage, float] = {"decoder": 0.2, "imitation": 0.2, "encoder": 0.4, "unet": 0.2}  # of the minutes
_RATES: dict[Stage, float] = {"decoder": 1e-3, "imitation": 1e-3, "encoder": 5e-4, "unet": 1e-3}
BANK_SHARE = 0.15  # of the minutes, for what the teacher is asked


class DistillConfig(Strict):
    """One distillation.

    Attributes:
        parts: which are made.
        minutes: in all, of which each stage gets its share; None: as many steps as usual.
        effort: with no `minutes`, so many times the usual number of steps.
        slices: augmented slices the teacher is asked about; the parts learn from these.
        batch_size: slices a step.
        augmentation: of these slices; None: as the teacher was trained, as far as its card tells, over wider ranges.
        noises: the seeds of the noise, 0 to `noises` - 1, for which encoder and U-Net learn; half of the slices
            have seed 0.
        seed: of everything random.
    """

    parts: tuple[Part, ...] = ("decoder", "encoder", "unet")
    minutes: float | None = Field(default=None, gt=0)
    effort: float = Field(default=1.0, gt=0)
    slices: int = Field(default=1024, ge=4)
    batch_size: int = Field(default=8, gt=0)
    augmentation: AugmentationConfig | None = None
    noises: int = Field(default=8, ge=1)
    seed: int = 0

    @model_validator(mode="after")
    def _check(self) -> DistillConfig:
        if not self.parts or len(set(self.parts)) != len(self.parts):
            raise ValueError(f"parts must name decoder, encoder, unet or some of them, each once, not {self.parts}")
        if self.batch_size > self.slices:
            raise ValueError(f"a batch of {self.batch_size} needs at least as many slices, not {self.slices}")
        return self

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In their order."""
        return tuple(stage for part in STAGES if part in self.parts for stage in STAGES[part])

    def stage(self, name: Stage) -> StageConfig:
        """Steps and rates of one stage; nothing is augmented in it, since the teacher was asked before."""
        given = (
            {"minutes": self._minutes(name)} if self.minutes else {"steps": max(1, round(_STEPS[name] * self.effort))}
        )
        steps = given.get("steps", _STEPS[name])
        return StageConfig.model_validate(
            {
                **given,
                "batch_size": self.batch_size,
                "learning_rate": _RATES[name],
                "warmup_steps": min(100, int(steps) // 10),
                "schedule": "cosine",
                "weight_decay": 0.01,
                "ema_decay": 0.998,
                "augmentation": unchanged(),
            }
        )

    def _minutes(self, name: Stage) -> float:
        whole = sum(_SHARES[stage] for stage in self.stages)
        return (self.minutes or 0) * (1 - BANK_SHARE) * _SHARES[name] / whole


def unchanged() -> AugmentationConfig:
    """No augmentation at all."""
    return AugmentationConfig(probability=0, flip_rows=False, flip_columns=False, noise=0, bias_field=0, blur=0)
