"""What trains the lite U-Net: it estimates the mask latents that the teacher's estimates."""

from __future__ import annotations

import torch
from torch.nn.functional import l1_loss

from sdseg.distill.bank import ESTIMATE, Bank
from sdseg.distill.learners import Terms, masks_apart, summed
from sdseg.distill.teacher import Teacher
from sdseg.model.lite import LiteDecoder, LiteEncoder, LiteUNet
from sdseg.training.learner import Batch, Learner


class UNetLearner(Learner):
    """The lite U-Net learns the teacher's estimate of the mask latent, and what becomes of it.

    Args:
        unet: to train, on the teacher's device.
        teacher: frozen.
        bank: its answers.
        decoder: frozen lite decoder, through which the masks are compared as well; None for no such term.
        encoder: frozen lite encoder, half of whose slices come by its latents; None: all by the teacher's.
    """

    def __init__(
        self,
        unet: LiteUNet,
        teacher: Teacher,
        bank: Bank,
        decoder: LiteDecoder | None,
        encoder: LiteEncoder | None,
    ) -> None:
        super().__init__()
        self.unet = unet.train().requires_grad_(True)
        self._bank, self._teacher = bank, teacher
        self._parts = (decoder, encoder)  # not modules of its own: they do not learn

    def loss(self, batch: Batch) -> tuple[torch.Tensor, Terms]:
        """Mean distance of the mask latents, and of the masks."""
        bank, indices, device = self._bank, torch.tensor(batch.indices), batch.images.device
        decoder, _ = self._parts
        noise = self._teacher.noises(bank.seeds[indices])
        sample = torch.cat([noise, self._image_latents(batch, indices)], dim=1)
        found = self.unet.estimate(sample, bank.classes[indices].to(device))
        terms = {"mask_latent": l1_loss(found, bank.mask_latents[indices, ESTIMATE].to(device))}
        if decoder is not None:
            terms["mask"] = masks_apart(decoder, found, bank, indices)
        return summed(terms)

    def _image_latents(self, batch: Batch, indices: torch.Tensor) -> torch.Tensor:
        _, encoder = self._parts
        latents = self._bank.image_latents[indices].to(batch.images.device)
        if encoder is None:
            return latents
        with torch.no_grad():
            imitated = encoder(batch.images.float()).float()
        chosen = batch.draws.integers(0, 1).view(-1, 1, 1, 1).to(latents.device)
        return torch.where(chosen == 1, imitated, latents)

    @property
    def averaged(self) -> torch.nn.Module:
        return self.unet

    @property
    def slice_model(self) -> None:
        return None
