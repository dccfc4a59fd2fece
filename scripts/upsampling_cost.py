"""What folding a decoder's upsamplings is worth to each engine that is installed, in turns; prints JSON.

    .venv/bin/python scripts/upsampling_cost.py --preset sd --rounds 5

Random weights, one latent, as many threads as PyTorch takes. int8, which has to be calibrated first, is left out.
"""

import argparse
import json
import statistics
import time

import torch
from tqdm import trange

from sdseg.engines.allocator import keep_large_blocks
from sdseg.engines.engine import engines_for
from sdseg.engines.folding import fold_upsampling
from sdseg.engines.parts import Decoding, Run
from sdseg.engines.speed_up import RUNNERS
from sdseg.model.pipeline import build_pipeline
from sdseg.model.presets import PRESETS, get_preset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    parser.add_argument("--rounds", type=int, default=5, help="after a first that does not count")
    options = parser.parse_args()
    keep_large_blocks()
    pairs = {(engine.backend, engine.autoencoder) for engine in engines_for("cpu") if not engine.calibrated}
    print(json.dumps({f"{b}-{p}": measure(options.preset, b, p, options.rounds) for b, p in sorted(pairs)}, indent=2))


@torch.inference_mode()
def measure(preset: str, backend: str, precision: str, rounds: int) -> dict[str, float]:
    """Medians, milliseconds; `times`: how much quicker the folded one is."""
    runs = {how: run(preset, backend, precision, how == "folded") for how in ("plain", "folded")}
    size = get_preset(preset).image_size // 8
    latent, seconds = torch.randn(1, 4, size, size), {how: list[float]() for how in runs}
    for _ in trange(rounds + 1, unit="round", desc=f"{backend} {precision}"):
        for how, decode in runs.items():
            time.sleep(0.1)  # threads of the one before may still be spinning
            start = time.perf_counter()
            decode(latent)
            seconds[how].append(time.perf_counter() - start)
    plain, folded = (1000 * statistics.median(found[1:]) for found in seconds.values())
    return {"plain": plain, "folded": folded, "times": plain / folded}


def run(preset: str, backend: str, precision: str, folded: bool) -> Run:
    torch.manual_seed(0)
    pipeline = build_pipeline(get_preset(preset))
    decoder = Decoding(pipeline.vae).eval().requires_grad_(False)
    if folded:
        fold_upsampling(decoder)
    latent = torch.zeros(1, 4, pipeline.latent_size, pipeline.latent_size)
    return RUNNERS[backend](decoder, (latent,), precision)


if __name__ == "__main__":
    main()
