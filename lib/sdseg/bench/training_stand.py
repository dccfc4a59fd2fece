"""Training steps a second: the paper's loop written plainly, and this project's."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from sdseg.evaluation.memory import resident_peak
from sdseg.evaluation.probe import synchronise
from sdseg.model.pipeline import SDSegPipeline, build_pipeline
from sdseg.model.presets import get_preset
from sdseg.training.augment import build_augmentation
from sdseg.training.average import Average
from sdseg.training.batches import Batches, Share
from sdseg.training.learners.sdseg import SDSegLearner
from sdseg.training.optimiser import Optimiser
from sdseg.training.slices import SliceStack
from sdseg.training.stage import AugmentationConfig, DiffusionConfig

PLAIN_LOOP, OURS = "plain loop", "sdseg train"
_RATE, _DECAY = 4e-5, 0.9999


@dataclass(frozen=True)
class TrainingContestant:
    """Attributes: name: `PLAIN_LOOP` or another; preset; batch_size; precision: of ours, fp32, tf32 or bf16."""

    name: str
    preset: str
    batch_size: int
    precision: str = "fp32"


class TrainingStand(ABC):
    """Trains a model with random weights on random slices.

    Args:
        contestant: who.
        device: torch device.
    """

    def __init__(self, contestant: TrainingContestant, device: str) -> None:
        torch.manual_seed(0)
        self.contestant, self.device = contestant, torch.device(device)
        preset = get_preset(contestant.preset)
        self.pipeline: SDSegPipeline = build_pipeline(preset).to(device)
        self.pipeline.vae.eval().requires_grad_(False)
        size, count = preset.image_size, 4 * contestant.batch_size
        masks = torch.zeros(count, 1, size, size, dtype=torch.uint8)
        masks[:, :, size // 4 : size // 2, size // 4 : size // 2] = 1
        self.stack = SliceStack(torch.rand(count, 1, size, size) * 2 - 1, masks)

    def run(self, steps: int) -> float:
        """Seconds a step of `steps` steps."""
        synchronise(self.device)
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        synchronise(self.device)
        return (time.perf_counter() - start) / steps

    def memory(self) -> int:
        """Bytes held at most: of torch on a GPU, else of the process."""
        return torch.cuda.max_memory_allocated(self.device) if self.device.type == "cuda" else resident_peak()

    @abstractmethod
    def step(self) -> None:
        """One batch forward and backward, and one move of the weights."""


class PlainTraining(TrainingStand):
    """As the paper describes it (section 2.1, equations 5 to 8), in float32, the average one tensor after the other."""

    def __init__(self, contestant: TrainingContestant, device: str) -> None:
        super().__init__(contestant, device)
        learning = [*self.pipeline.unet.parameters(), *self.pipeline.vision_encoder.parameters()]
        self._optimiser = torch.optim.AdamW(learning, lr=_RATE)
        self._average = [parameter.detach().clone() for parameter in self.pipeline.unet.parameters()]
        self._kept = self.pipeline.scheduler.alphas_cumprod.to(device)

    def step(self) -> None:
        """See `TrainingStand`."""
        pipeline, chosen = self.pipeline, torch.randint(0, len(self.stack), (self.contestant.batch_size,))
        images = self.stack.images[chosen].expand(-1, 3, -1, -1).to(self.device)
        masks = self.stack.masks[chosen].expand(-1, 3, -1, -1).to(self.device).float() * 2 - 1
        with torch.no_grad():
            latent = pipeline.vae.encode(masks).latent_dist.sample() * pipeline.vae.config.scaling_factor
        noise = torch.randn_like(latent)
        timesteps = torch.randint(0, len(self._kept), (len(latent),), device=self.device)
        kept = self._kept[timesteps].view(-1, 1, 1, 1)
        noisy = kept.sqrt() * latent + (1 - kept).sqrt() * noise
        predicted = pipeline.unet(torch.cat([noisy, pipeline.vision_encoder(images)], dim=1), timesteps)
        estimate = (noisy - (1 - kept).sqrt() * predicted) / kept.sqrt()
        loss = (predicted - noise).abs().mean() + (estimate - latent).abs().mean()
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        with torch.no_grad():
            for average, parameter in zip(self._average, pipeline.unet.parameters(), strict=True):
                average.mul_(_DECAY).add_(parameter, alpha=1 - _DECAY)


class OurTraining(TrainingStand):
    """The parts of `sdseg.training.loop`, with its batches, in the precision that is asked for."""

    def __init__(self, contestant: TrainingContestant, device: str) -> None:
        super().__init__(contestant, device)
        flips = AugmentationConfig(
            probability=0.0, flip_rows=True, flip_columns=True, noise=0.0, bias_field=0.0, blur=0.0
        )
        config = DiffusionConfig(
            steps=1_000_000, batch_size=contestant.batch_size, learning_rate=_RATE, augmentation=flips
        )
        self._learner = SDSegLearner(self.pipeline, config)
        self._optimiser = Optimiser(self._learner, config, config.steps)
        self._average = Average(self._learner.averaged, config.ema_decay)
        augmentation = build_augmentation(flips, self.stack.images.shape[-1])
        self._batches = Batches(self.stack, augmentation, Share(config.batch_size), 0, self.device, 0).start(0)
        self._steps = 0
        if self.device.type == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = contestant.precision != "fp32"

    def step(self) -> None:
        """See `TrainingStand`."""
        bf16 = self.contestant.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            loss, _ = self._learner(next(self._batches))
        loss.backward()
        self._optimiser.step(self._steps)
        self._average.step()
        self._steps += 1


def open_stand(contestant: TrainingContestant, device: str) -> TrainingStand:
    """The stand of a contestant."""
    kind = PlainTraining if contestant.name == PLAIN_LOOP else OurTraining
    return kind(contestant, device)
