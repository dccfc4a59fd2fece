"""Random augmentation of slices, the same geometry for image and mask, by MONAI's transforms."""

from __future__ import annotations

import torch
from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandBiasFieldd,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
)

from sdseg.training.config import AugmentationConfig, StageConfig
from sdseg.training.slices import SliceStack
from sdseg.volume.recipe import Recipe
from sdseg.volume.slices import to_three_channels


def build_augmentation(config: AugmentationConfig, image_size: int) -> Compose:
    """Transforms on {"image": (1, i, j) in [-1, 1], "label": (1, i, j)}; new places are filled with background."""
    both = ["image", "label"]
    shift = config.translate * image_size
    flips = [axis for axis, wanted in enumerate((config.flip_columns, config.flip_rows)) if wanted]
    return Compose(
        [
            *(RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in flips),
            RandAffined(
                both,
                prob=config.probability,
                rotate_range=config.rotate,
                scale_range=(config.scale, config.scale),
                shear_range=(config.shear, config.shear),
                translate_range=(shift, shift),
                mode=("bilinear", "nearest"),
                padding_mode="border",
            ),
            RandBiasFieldd("image", prob=0.3, coeff_range=(0.0, config.bias_field)),
            RandAdjustContrastd("image", prob=config.probability, gamma=config.gamma),
            RandGaussianSmoothd("image", prob=0.2, sigma_x=(0.2, config.blur), sigma_y=(0.2, config.blur)),
            RandGaussianNoised("image", prob=0.5, std=config.noise),
        ]
    )


class BatchSampler:
    """Endless random batches of augmented slices, a pure function of the seed and the number of batches drawn.

    Args:
        stack: all slices.
        batch_size: slices a batch, drawn with replacement.
        augmentation: of `build_augmentation`, or None.
        seed: of choice and augmentation.
    """

    def __init__(self, stack: SliceStack, batch_size: int, augmentation: Compose | None, seed: int) -> None:
        self._stack = stack
        self._batch_size = batch_size
        self._augmentation = augmentation
        self._generator = torch.Generator().manual_seed(seed)
        if augmentation is not None:
            augmentation.set_random_state(seed=seed)

    def draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (batch, 3, i, j) in [-1, 1] and masks (batch, 1, i, j) uint8."""
        chosen = torch.randint(len(self._stack), (self._batch_size,), generator=self._generator).tolist()
        pairs = [self._one(index) for index in chosen]
        images = torch.stack([image for image, _ in pairs])
        return to_three_channels(images), torch.stack([mask for _, mask in pairs])

    def _one(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, mask = self._stack.images[index], self._stack.masks[index]
        if self._augmentation is None:
            return image, mask
        result = self._augmentation({"image": image, "label": mask.float()})
        label = torch.as_tensor(result["label"]).round().to(torch.uint8)
        return torch.as_tensor(result["image"]).clamp(-1, 1), label


def make_sampler(stack: SliceStack, stage: StageConfig, recipe: Recipe, seed: int) -> BatchSampler:
    """The batches of one training stage."""
    return BatchSampler(stack, stage.batch_size, build_augmentation(stage.augmentation, recipe.image_size), seed)


def mask_to_image(masks: torch.Tensor) -> torch.Tensor:
    """(batch, 1, i, j) label values -> (batch, 3, i, j) float32, -1 outside and 1 inside (paper, section 2.1)."""
    return ((masks > 0).float() * 2 - 1).expand(-1, 3, -1, -1)
