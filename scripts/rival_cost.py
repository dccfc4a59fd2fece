"""The table of docs/rivals.md: parameters and FLOPs of each rival for a binary slice, counted without computing.

A multiplication with its addition counts as two; convolutions and matrix products are counted, as torch does.
"""

import torch
from torch.utils.flop_counter import FlopCounterMode

from sdseg.rivals import RIVALS, build_rival

SIZES = (128, 256)
SAMPLING = {"10 × 1": 10, "50 × 25": 50 * 25}  # steps × samples


def cost(kind: str, image_size: int, preset: str) -> tuple[float, float]:
    """Million parameters, and GFLOP of one pass of the network over one slice."""
    network = build_rival(kind, image_size, preset=preset).network.eval().to("meta")
    image, mask = (torch.zeros(1, channels, image_size, image_size, device="meta") for channels in (3, 1))
    inputs = (image, mask, torch.zeros(1, device="meta")) if RIVALS[kind].diffuses else (image,)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(*inputs)
    return network.num_parameters() / 1e6, counter.get_total_flops() / 1e9


def main() -> None:
    """Print the table, in Markdown."""
    columns = [f"{what} at {size}²" for size in SIZES for what in ("M parameters", "GFLOP")]
    print(f"| network | preset | passes a slice | {' | '.join(columns)} |")
    print(f"|---|---|---|{'---|' * len(columns)}")
    for kind, rival in RIVALS.items():
        for preset in (name for name in rival.presets if name != "tiny"):
            costs = [cost(kind, size, preset) for size in SIZES]
            for name, passes in (SAMPLING if rival.diffuses else {"1": 1}).items():
                figures = " | ".join(f"{parameters:.1f} | {flops * passes:,.1f}" for parameters, flops in costs)
                print(f"| `{kind}` | {preset} | {name} | {figures} |")


if __name__ == "__main__":
    main()
