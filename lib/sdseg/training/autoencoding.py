"""Stage one as part of a run: train the autoencoder, then measure the scale of its mask latents."""

from __future__ import annotations

from itertools import islice

from diffusers import AutoencoderKL

from sdseg.training.batches import Batches, Share
from sdseg.training.draws import seed_of
from sdseg.training.engine import Engine
from sdseg.training.learners.autoencoder import AutoencoderLearner, measure_scaling_factor
from sdseg.training.slices import SliceStack
from sdseg.training.stage import AutoencoderConfig

STAGE = "autoencoder"
_MASKS = 32  # the authors take one batch; a few more make the scale less a matter of luck


def autoencoder_stage(
    engine: Engine, vae: AutoencoderKL, stack: SliceStack, config: AutoencoderConfig | None
) -> AutoencoderKL:
    """Train `vae` in place, unless there is no `config` for it, and set its `scaling_factor` by masks of the run."""
    if config is not None:
        engine.train(STAGE, AutoencoderLearner(vae, config), stack, config)
    vae.eval().requires_grad_(False)
    # As they are: the scale is then the same whether stage one was trained now or before.
    sample = Batches(stack.labelled(), None, Share(_MASKS), seed_of(engine.seed, 3), engine.processes.device)
    (batch,) = islice(sample.start(), 1)
    vae.register_to_config(scaling_factor=measure_scaling_factor(vae, batch.masks))
    return vae
