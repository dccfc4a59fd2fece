"""SDSeg's training: the paper's noise and latent terms, and an optional term on the decoded mask."""

from __future__ import annotations

import torch

from sdseg.errors import WeightsError
from sdseg.model.mask_decoder import MaskDecoder
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.schedule import estimate_clean_latent, estimate_noise
from sdseg.training.learner import Batch, Learner
from sdseg.training.learners.latents import MaskLatents
from sdseg.training.stage import DiffusionConfig

Terms = dict[str, torch.Tensor]


class SDSegLearner(Learner):
    """U-Net and vision encoder learn, the autoencoder is frozen (paper, equations 5 to 8).

    A class-conditional model learns one class of each slice, drawn from those present; class 0 is the whole
    foreground, as in the authors' code.

    Args:
        pipeline: on its device, `vae.config.scaling_factor` measured.
        config: the timesteps drawn and the weights of the terms.
        frozen_encoder: the vision encoder does not learn (ablation).

    Raises:
        WeightsError: the pipeline has no mask encoder.
    """

    def __init__(self, pipeline: SDSegPipeline, config: DiffusionConfig, frozen_encoder: bool = False) -> None:
        super().__init__()
        if isinstance(pipeline.vae, MaskDecoder):
            raise WeightsError("These weights are for inference only: they lack the mask encoder, so train others.")
        self.unet = pipeline.unet.train().requires_grad_(True)
        self.vision_encoder = pipeline.vision_encoder.train(not frozen_encoder).requires_grad_(not frozen_encoder)
        pipeline.vae.eval().requires_grad_(False)
        self._pipeline = pipeline
        self._config = config
        self._latents = MaskLatents(pipeline.vae, keep=not config.augmentation.moves)

    @property
    def averaged(self) -> torch.nn.Module:
        return self.unet

    @property
    def slice_model(self) -> SDSegPipeline:
        return self._pipeline

    def loss(self, batch: Batch) -> tuple[torch.Tensor, Terms]:
        """The weighted loss and its terms; the estimate and the terms in float32."""
        classes = self._draw_classes(batch)
        masks = _of_class(batch.masks, classes)
        keys = list(zip(batch.indices, [0] * len(masks) if classes is None else classes.tolist(), strict=True))
        latent = self._latents.sample(masks, keys, batch.draws)
        noise = batch.draws.normal(*latent.shape[1:]).to(latent.device)
        timesteps = batch.draws.integers(*self._config.timesteps).to(latent.device)
        scheduler = self._pipeline.scheduler
        noisy = scheduler.add_noise(latent, noise, timesteps)
        image_latent = self.vision_encoder(batch.images).float()
        predicted = self.unet(torch.cat([noisy, image_latent], dim=1), timesteps, classes).float()
        estimate = estimate_clean_latent(scheduler, noisy, predicted, timesteps)
        if scheduler.config.prediction_type != "epsilon":
            predicted = estimate_noise(scheduler, noisy, estimate, timesteps)
        return self._weigh(
            {"noise": (predicted - noise).abs().mean(), "latent": (estimate - latent).abs().mean()}, estimate, masks
        )

    def _weigh(self, terms: Terms, estimate: torch.Tensor, masks: torch.Tensor) -> tuple[torch.Tensor, Terms]:
        config = self._config
        weights = {"noise": config.noise_weight, "latent": config.latent_weight, "mask": config.mask_weight}
        if config.mask_weight:
            decoded = self._pipeline.decode_mask_latent(estimate).float()
            terms["mask"] = soft_dice_loss(((decoded.mean(dim=1, keepdim=True) + 1) / 2).clamp(0, 1), masks)
        loss = torch.stack([weights[name] * term for name, term in terms.items() if weights[name]]).sum()
        return loss, {name: term.detach() for name, term in terms.items()}

    def _draw_classes(self, batch: Batch) -> torch.Tensor | None:
        if self._pipeline.classes is None:
            return None
        present = [[0, *(value for value in mask.unique().tolist() if value)] for mask in batch.masks]
        return batch.draws.choice(present).to(batch.masks.device)


def _of_class(masks: torch.Tensor, classes: torch.Tensor | None) -> torch.Tensor:
    """(batch, 1, i, j): 1 where a mask holds its class, or anything for class 0."""
    if classes is None:
        return (masks > 0).to(torch.uint8)
    wanted = classes.view(-1, 1, 1, 1)
    return torch.where(wanted == 0, masks > 0, masks == wanted).to(torch.uint8)


def soft_dice_loss(probability: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """1 - soft Dice, the mean over (batch, 1, i, j), where both empty count as alike."""
    wanted = (masks > 0).float()
    overlap = (probability * wanted).sum(dim=(1, 2, 3))
    total = probability.sum(dim=(1, 2, 3)) + wanted.sum(dim=(1, 2, 3))
    return (1 - (2 * overlap + 1) / (total + 1)).mean()
