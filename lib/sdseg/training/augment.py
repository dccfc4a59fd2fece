"""Random augmentation of slices, the same geometry for image and mask, by MONAI's transforms."""

from __future__ import annotations

from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandBiasFieldd,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
)

from sdseg.training.stage import AugmentationConfig


def build_augmentation(config: AugmentationConfig, image_size: int) -> Compose | None:
    """Transforms on {"image": (1 or 3, i, j) in [-1, 1], "label": (1, i, j)}; None where nothing is asked for.

    New places are filled with what lies at the border.
    """
    both = ["image", "label"]
    shift = config.translate * image_size
    steps = [
        RandFlipd(both, prob=0.5, spatial_axis=axis)
        for axis, wanted in enumerate((config.flip_columns, config.flip_rows))
        if wanted
    ]
    if config.probability:
        affine = RandAffined(
            both,
            prob=config.probability,
            rotate_range=config.rotate,
            scale_range=(config.scale, config.scale),
            shear_range=(config.shear, config.shear),
            translate_range=(shift, shift),
            mode=("bilinear", "nearest"),
            padding_mode="border",
        )
        steps += [affine, RandAdjustContrastd("image", prob=config.probability, gamma=config.gamma)]
    if config.bias_field:
        steps.append(RandBiasFieldd("image", prob=0.3, coeff_range=(0.0, config.bias_field)))
    if config.blur:
        sigma = (min(0.2, config.blur), config.blur)
        steps.append(RandGaussianSmoothd("image", prob=0.2, sigma_x=sigma, sigma_y=sigma))
    if config.noise:
        steps.append(RandGaussianNoised("image", prob=0.5, std=config.noise))
    return Compose(steps) if steps else None
