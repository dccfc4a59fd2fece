"""The teacher's answers to augmented slices, asked for once: a step of the pupils then costs no pass of the teacher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from sdseg.distill.teacher import Teacher
from sdseg.durable import replacing
from sdseg.errors import InputError
from sdseg.training.draws import seed_of
from sdseg.training.learner import Batch
from sdseg.training.slices import SliceStack

KINDS = 3  # of latents a slice: the mask's, the U-Net's estimate, a disturbed one
ESTIMATE = 1  # among them
_LEVELS = 127.0  # decoded masks are kept as bytes
_MOST_NOISE = 0.5  # of a disturbed latent, in standard deviations of the latents


@dataclass(frozen=True)
class Bank:
    """One entry a slice, all on the CPU.

    Attributes:
        images: (slices, 1 or 3, i, j) float16 in [-1, 1], augmented.
        image_latents: (slices, 4, rows, columns) float32, of the teacher's encoder.
        classes: (slices,) int64, the class the estimate is of.
        seeds: (slices,) int64, of the noise of the estimate.
        mask_latents: (slices, KINDS, 4, rows, columns) float32, scaled.
        decoded: (slices, KINDS, i, j) int8, what the teacher decodes them to, times 127.
    """

    images: torch.Tensor
    image_latents: torch.Tensor
    classes: torch.Tensor
    seeds: torch.Tensor
    mask_latents: torch.Tensor
    decoded: torch.Tensor

    def __len__(self) -> int:
        return len(self.images)

    def stack(self) -> SliceStack:
        """The images, for the training loop; what it says of masks is not looked at."""
        return SliceStack(self.images, torch.zeros_like(self.images[:, :1], dtype=torch.uint8))

    def decoded_masks(self, indices: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        """(batch, 1, i, j) float32 in [-1, 1]."""
        return (self.decoded[indices, kinds].float() / _LEVELS)[:, None]

    def save(self, path: Path) -> None:
        """Whole or not at all. Raises OSError."""
        with replacing(path) as stream:
            stream.write(save({field.name: getattr(self, field.name).contiguous() for field in fields(self)}))

    @classmethod
    def load(cls, path: Path) -> Bank:
        """Raises InputError: it is damaged."""
        try:
            return cls(**load_file(path))
        except (OSError, TypeError, SafetensorError) as error:
            raise InputError(f"{path} is damaged ({error}); remove it, and the teacher is asked again.") from error


def ask_teacher(
    teacher: Teacher,
    batches: Iterator[Batch],
    slices: int,
    noises: int,
    labelled: bool,
    enough: Callable[[int], bool],
) -> Bank:
    """Take augmented batches until there are `slices`, or `enough` says so (called with the number that there are).

    Args:
        teacher: to be asked.
        batches: of augmented slices.
        slices: how many.
        noises: seeds of the noise, 0 to `noises` - 1.
        labelled: whether the masks of the batches mean something.
        enough: asked after every batch.
    """
    parts: list[dict[str, torch.Tensor]] = []
    count = 0
    while count < slices and not (parts and enough(count)):
        batch = next(batches)
        parts.append(_answers(teacher, batch, noises, labelled))
        count += len(batch.images)
    return Bank(**{name: torch.cat([part[name] for part in parts]).cpu()[:slices] for name in parts[0]})


@torch.no_grad()
def _answers(teacher: Teacher, batch: Batch, noises: int, labelled: bool) -> dict[str, torch.Tensor]:
    draws, device = batch.draws, teacher.pipeline.device
    # Half of them with the usual noise, which nearly everybody uses.
    seeds = draws.integers(0, noises - 1) * draws.integers(0, 1)
    classes = _classes(teacher, batch, labelled).to(device)
    image_latents = teacher.image_latents(batch.images)
    estimates = teacher.estimates(image_latents, teacher.noises(seeds), classes)
    masks = _masks_of(batch, classes, labelled, teacher, estimates)
    real = teacher.mask_latents(masks) if teacher.encodes_masks else estimates
    shape = estimates.shape[1:]
    part = draws.integers(0, 100).view(-1, 1, 1, 1).to(device) / 100
    noise = draws.normal(*shape).to(device) * draws.integers(0, 100).view(-1, 1, 1, 1).to(device) / 100
    mixed = part * real + (1 - part) * estimates.roll(1, dims=0)
    disturbed = mixed + _MOST_NOISE * noise  # scaled latents have about the standard deviation 1
    latents = torch.stack([real, estimates, disturbed], dim=1)
    decoded = torch.stack([teacher.decoded(latents[:, kind]) for kind in range(KINDS)], dim=1)
    grey = bool((batch.images == batch.images[:, :1]).all())
    return {
        "images": (batch.images[:, :1] if grey else batch.images).half(),
        "image_latents": image_latents,
        "classes": classes,
        "seeds": seeds,
        "mask_latents": latents,
        "decoded": (decoded[:, :, 0] * _LEVELS).round().to(torch.int8),
    }


def _classes(teacher: Teacher, batch: Batch, labelled: bool) -> torch.Tensor:
    """One id a slice: of the classes that are there, or of any where nobody labelled; 0 is the whole foreground."""
    if teacher.classes is None:
        return torch.zeros(len(batch.images), dtype=torch.int64)
    if not labelled:
        return batch.draws.integers(0, teacher.classes - 1)
    present = [[0, *(value for value in mask.unique().tolist() if value)] for mask in batch.masks]
    return batch.draws.choice(present)


def _masks_of(
    batch: Batch, classes: torch.Tensor, labelled: bool, teacher: Teacher, estimates: torch.Tensor
) -> torch.Tensor:
    """(batch, 1, i, j): the labelled mask of the class, or what the teacher finds."""
    if not labelled:
        return (teacher.decoded(estimates) > 0).to(torch.uint8)
    wanted = classes.view(-1, 1, 1, 1)
    return torch.where(wanted == 0, batch.masks > 0, batch.masks == wanted).to(torch.uint8)


def bank_seed(seed: int) -> int:
    """Of the order, augmentation and draws of a bank."""
    return seed_of(seed, int.from_bytes(b"bank", "big"))
