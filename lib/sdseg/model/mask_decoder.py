"""The autoencoder without its encoder, which only a training needs: 34 of the paper's 413 million parameters."""

from __future__ import annotations

from functools import wraps
from typing import Any, NoReturn

from diffusers import AutoencoderKL
from diffusers.models.modeling_utils import ModelMixin

from sdseg.errors import WeightsError


class MaskDecoder(AutoencoderKL, ModelMixin):
    """An `AutoencoderKL` of the same configuration that decodes latents and encodes nothing.

    (A pipeline finds `from_pretrained` through the name `ModelMixin` in this module.)
    """

    # diffusers reads the names of the configuration off the signature.
    @wraps(AutoencoderKL.__init__)  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.encoder, self.quant_conv

    @classmethod
    def of(cls, vae: AutoencoderKL) -> MaskDecoder:
        """The decoding half of `vae`: a copy in evaluation mode."""
        decoder = cls.from_config(vae.config)
        kept = {key: tensor for key, tensor in vae.state_dict().items() if not key.startswith(("encoder.", "quant_"))}
        decoder.load_state_dict(kept)
        return decoder.eval().requires_grad_(False)

    def encode(self, *_: Any, **__: Any) -> NoReturn:
        """There is nothing to encode with.

        Raises:
            WeightsError: always.
        """
        raise WeightsError(
            "These weights were saved for inference only, without the mask encoder, and cannot be trained; "
            "take the weights that they were made from."
        )
