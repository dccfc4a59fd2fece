"""What the docstring of the presets says they cost."""

import re

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sdseg.model import presets
from sdseg.model.pipeline import build_pipeline
from sdseg.model.presets import get_preset

ROW = re.compile(r"^\| (\w+) +\|(.*)\|$", re.MULTILINE)
DOCUMENTED = {
    name: [float(number) for number in re.findall(r"[\d.]+", rest)] for name, rest in ROW.findall(presets.__doc__ or "")
}


@pytest.mark.parametrize("name", ["sd", "base", "small", "small256"])
def test_cost_of_a_slice(name: str) -> None:
    """Millions of parameters and GFLOP of encoder, U-Net and decoder, then GFLOP of them all; nothing is allocated."""
    preset = get_preset(name)
    with torch.device("meta"), torch.no_grad():
        pipeline = build_pipeline(preset)
        image = torch.zeros(1, 3, preset.image_size, preset.image_size)
        latent = torch.zeros(1, 4, preset.latent_size, preset.latent_size)
        runs = (
            (pipeline.vision_encoder, lambda: pipeline.vision_encoder(image)),
            (pipeline.unet, lambda: pipeline.unet(torch.cat([latent, latent], dim=1), torch.tensor([999]))),
            (pipeline.vae.decoder, lambda: pipeline.vae.decode(latent)),
        )
        measured = []
        for network, run in runs:
            with FlopCounterMode(display=False) as counter:
                run()
            measured += [sum(p.numel() for p in network.parameters()) / 1e6, counter.get_total_flops() / 1e9]
    total = sum(measured[1::2])
    for found, documented in zip([*measured, total], DOCUMENTED[name], strict=True):
        assert found == pytest.approx(documented, abs=0.06)
