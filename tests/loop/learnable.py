"""Weights that take the dark for what is wanted: a few dozen steps teach them to find the bright disc."""

from pathlib import Path

import numpy as np
import torch
from helpers.models import tiny_card, tiny_pipeline

from sdseg.model.weights import save_weights
from sdseg.training.learners.autoencoder import measure_scaling_factor
from sdseg.training.mask_image import mask_to_image
from sdseg.training.retrain import train_on
from sdseg.training.retrain_config import RetrainConfig
from sdseg.training.slices import SliceStack

_STEPS, _BATCH = 120, 4


def save_learnable_weights(folder: Path) -> Path:
    """Tiny weights with an autoencoder that was trained on discs, and a little training of the rest."""
    pipeline = tiny_pipeline(prediction_type="sample")
    vae = pipeline.vae.train().requires_grad_(True)
    optimiser = torch.optim.AdamW(vae.parameters(), 5e-3)
    falling = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=_STEPS)
    random = np.random.default_rng(0)
    for _ in range(_STEPS):
        target = mask_to_image(_discs(random, _BATCH, 32))
        posterior = vae.encode(target).latent_dist
        mode = posterior.mode()
        decoded = vae.decode(mode + 0.05 * torch.randn_like(mode)).sample
        loss = (decoded - target).abs().mean() + 1e-5 * posterior.kl().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        falling.step()
    vae.eval().requires_grad_(False)
    vae.register_to_config(scaling_factor=measure_scaling_factor(vae, _discs(random, 24, 64)))
    train_on(pipeline, _wrong_way_round(random), RetrainConfig(max_steps=12, learning_rate=2e-3))
    save_weights(pipeline, tiny_card(), folder, torch.float32)
    return folder


def _wrong_way_round(random: np.random.Generator) -> SliceStack:
    """Bright discs, around which everything is labelled."""
    i, j = np.mgrid[:64, :64]
    images, masks = [], []
    for _ in range(16):
        centre, radius = random.uniform(22, 42, 2), random.uniform(9, 15)
        distance = np.hypot(i - centre[0], j - centre[1])
        image = np.where(distance < radius, 0.8, -0.7) + random.normal(0, 0.08, distance.shape)
        images.append(np.repeat(np.clip(image, -1, 1)[None], 3, axis=0))
        masks.append((distance >= radius)[None])
    return SliceStack(torch.tensor(np.array(images)).float(), torch.tensor(np.array(masks)).to(torch.uint8))


def _discs(random: np.random.Generator, number: int, size: int) -> torch.Tensor:
    """(number, 1, size, size) uint8."""
    i, j = np.mgrid[:size, :size]
    centres, radii = random.uniform(0, size, (number, 2)), random.uniform(size / 5, size / 2, number)
    found = [(i - a) ** 2 + (j - b) ** 2 < r**2 for (a, b), r in zip(centres, radii, strict=True)]
    return torch.tensor(np.array(found)[:, None]).to(torch.uint8)
