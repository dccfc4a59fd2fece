"""What trains the lite parts: they answer as the teacher did."""

from __future__ import annotations

import torch
from torch.nn.functional import l1_loss

from sdseg.distill.bank import ESTIMATE, KINDS, Bank
from sdseg.distill.teacher import Teacher
from sdseg.model.lite import LiteDecoder, LiteEncoder
from sdseg.training.learner import Batch, Learner

_NEAR = 0.1  # width of the step between outside and inside, on the scale of -1 to 1, that counts as undecided

Terms = dict[str, torch.Tensor]


class DecoderLearner(Learner):
    """The lite decoder learns what the full one makes of latents of masks, of estimates and of disturbed ones.

    Args:
        decoder: to train, on the teacher's device.
        bank: the teacher's answers.
    """

    def __init__(self, decoder: LiteDecoder, bank: Bank) -> None:
        super().__init__()
        self.decoder = decoder.train().requires_grad_(True)
        self._bank = bank

    def loss(self, batch: Batch) -> tuple[torch.Tensor, Terms]:
        """How far the masks are apart, as values and as decisions."""
        indices, kinds = torch.tensor(batch.indices), batch.draws.integers(0, KINDS - 1)
        device = batch.images.device
        latents = self._bank.mask_latents[indices, kinds].to(device)
        wanted = self._bank.decoded_masks(indices, kinds).to(device)
        found = self.decoder.decode(latents / self.decoder.config.scaling_factor).sample[:, :1]
        terms = mask_terms(found, wanted)
        return terms["value"] + terms["decision"], {name: term.detach() for name, term in terms.items()}

    @property
    def averaged(self) -> torch.nn.Module:
        return self.decoder

    @property
    def slice_model(self) -> None:
        return None


class EncoderLearner(Learner):
    """The lite encoder learns the teacher's image latent and what the frozen U-Net makes of it.

    Args:
        encoder: to train, on the teacher's device.
        teacher: frozen.
        bank: its answers.
        decoder: frozen lite decoder, through which the masks are compared as well; None for no such term.
        through: pass the U-Net; else the image latent alone is compared.
    """

    def __init__(
        self, encoder: LiteEncoder, teacher: Teacher, bank: Bank, decoder: LiteDecoder | None, through: bool
    ) -> None:
        super().__init__()
        self.encoder = encoder.train().requires_grad_(True)
        self._bank, self._teacher, self._through = bank, teacher, through
        self._parts = (decoder,)  # not a module of its own: it does not learn
        self._deviation = bank.image_latents.std(dim=(0, 2, 3), keepdim=True).clamp(min=1e-6)

    def loss(self, batch: Batch) -> tuple[torch.Tensor, Terms]:
        """Mean distance of the image latents, in their standard deviations, of the mask latents, and of the masks."""
        indices, device = torch.tensor(batch.indices), batch.images.device
        found = self.encoder(batch.images.float()).float()
        wanted = self._bank.image_latents[indices].to(device)
        terms = {"image_latent": ((found - wanted) / self._deviation.to(device)).abs().mean()}
        if self._through:
            terms |= self._beyond(found, indices, device)
        return summed(terms)

    def _beyond(self, image_latents: torch.Tensor, indices: torch.Tensor, device: torch.device) -> Terms:
        bank, decoder = self._bank, self._parts[0]
        noise = self._teacher.noises(bank.seeds[indices])
        estimates = self._teacher.estimates(image_latents, noise, bank.classes[indices].to(device))
        terms = {"mask_latent": l1_loss(estimates, bank.mask_latents[indices, ESTIMATE].to(device))}
        if decoder is not None:
            terms["mask"] = masks_apart(decoder, estimates, bank, indices)
        return terms

    @property
    def averaged(self) -> torch.nn.Module:
        return self.encoder

    @property
    def slice_model(self) -> None:
        return None


def summed(terms: Terms) -> tuple[torch.Tensor, Terms]:
    """The loss that weighs all terms alike, and the terms to be told."""
    return torch.stack(list(terms.values())).sum(), {name: term.detach() for name, term in terms.items()}


def masks_apart(decoder: LiteDecoder, estimates: torch.Tensor, bank: Bank, indices: torch.Tensor) -> torch.Tensor:
    """How far what the lite decoder makes of estimates is from what the teacher made of its own, see `mask_terms`."""
    wanted = bank.decoded_masks(indices, torch.full_like(indices, ESTIMATE)).to(estimates.device)
    masks = decoder.decode(estimates / decoder.config.scaling_factor).sample[:, :1]
    both = mask_terms(masks, wanted)
    return both["value"] + both["decision"]


def mask_terms(found: torch.Tensor, wanted: torch.Tensor) -> Terms:
    """How far masks are apart, (batch, 1, i, j), `wanted` in [-1, 1], `found` about that.

    "value": mean absolute difference; "decision": one less the soft Dice of the decisions, a slice each.
    """
    inside, target = torch.sigmoid(found / _NEAR), torch.sigmoid(wanted / _NEAR)
    overlap = (inside * target).sum(dim=(1, 2, 3))
    total = (inside.square() + target.square()).sum(dim=(1, 2, 3))
    return {"value": l1_loss(found, wanted), "decision": (1 - (2 * overlap + 1) / (total + 1)).mean()}
