"""Seconds a step and peak memory of SDSeg's training: `python scripts/measure_training.py --device cuda`.

Random weights and random slices: what is measured does not depend on them.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import islice, product
from multiprocessing import get_context

import torch

from sdseg.model.pipeline import build_pipeline
from sdseg.model.presets import get_preset
from sdseg.training.average import Average
from sdseg.training.batches import Batches, Share
from sdseg.training.learners.sdseg import SDSegLearner
from sdseg.training.optimiser import Optimiser
from sdseg.training.slices import SliceStack
from sdseg.training.stage import DiffusionConfig


def measure(preset: str, batch_size: int, device: str, precision: str, checkpointing: bool, steps: int) -> str:
    """One line of the table: a median over `steps` steps after three more."""
    pipeline = build_pipeline(get_preset(preset)).to(device)
    size = pipeline.image_size
    settings = DiffusionConfig(steps=steps, batch_size=batch_size, learning_rate=1e-5)
    learner = SDSegLearner(pipeline, settings)
    if checkpointing:
        pipeline.unet.enable_gradient_checkpointing()
        pipeline.vision_encoder.enable_gradient_checkpointing()
    optimiser, average = Optimiser(learner, settings, steps), Average(learner.averaged, settings.ema_decay)
    stack = SliceStack(torch.rand(8, 3, size, size) * 2 - 1, torch.randint(0, 2, (8, 1, size, size), dtype=torch.uint8))
    cuda = device.startswith("cuda")
    if cuda:
        torch.cuda.reset_peak_memory_stats()
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "fp32"
    seconds = []
    for step, batch in enumerate(islice(Batches(stack, None, Share(batch_size), 0, device).start(), steps + 3)):
        began = time.perf_counter()
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"):
            loss, _ = learner(batch)
        loss.backward()
        optimiser.step(step)
        average.step()
        if cuda:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    peak = torch.cuda.max_memory_allocated() if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    median = statistics.median(seconds[3:])
    return (
        f"| {preset} | {batch_size} | {precision} | {'yes' if checkpointing else 'no'} "
        f"| {median:.3f} | {1 / median:.2f} | {peak / 2**30:.1f} |"
    )


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--preset", default="sd")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--precision", nargs="+", default=["fp32", "tf32", "bf16"], choices=["fp32", "tf32", "bf16"])
    parser.add_argument("--steps", type=int, default=10)
    options = parser.parse_args()
    print(torch.cuda.get_device_name(options.device) if options.device.startswith("cuda") else "CPU", torch.__version__)
    print("| preset | batch | precision | activations recomputed | s a step | steps/s | peak GiB |")
    print("|---|---|---|---|---|---|---|")
    # A process for each row: what a process used at most never falls again.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as one_at_a_time:
        for precision, checkpointing in product(options.precision, (False, True)):
            arguments = (options.preset, options.batch_size, options.device, precision, checkpointing, options.steps)
            print(one_at_a_time.submit(measure, *arguments).result(), flush=True)


if __name__ == "__main__":
    main()
