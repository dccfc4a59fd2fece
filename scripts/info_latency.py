"""How long GET /info/ takes while the server is idle and while a full-size model runs; prints JSON.

    .venv/bin/python scripts/info_latency.py --seconds 60

Random weights of the paper's size (1.7 GB on disk, about 4 GB of memory) segment the sample study on a real server;
then the inference is cancelled, and how long that takes is told too. With `--scoring background` the server scores
the study for the next image while it is idle.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

SAMPLE = Path(__file__).resolve().parents[1] / "sample-data" / "dicom"


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="sdseg-latency-", dir=options.scratch) as scratch:
        home = Path(scratch)
        _save_random(home / "weights", options.preset)
        print(json.dumps(_measure(home, options), indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="of each of the two measurements")
    parser.add_argument("--interval", type=float, default=0.1, help="seconds between two requests")
    parser.add_argument("--preset", default="sd", help="size of the model")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scoring", choices=("background", "off"), default="off", help="score images while idle")
    parser.add_argument("--studies", default=str(SAMPLE), help="folder or DICOMweb URL; default: the sample")
    parser.add_argument("--scratch", type=Path, help="folder for weights and server; default: the system's")
    return parser.parse_args()


def _save_random(folder: Path, preset: str) -> None:
    """In a process of its own, so that its memory is free again."""
    import multiprocessing

    process = multiprocessing.get_context("spawn").Process(target=_save, args=(folder, preset))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit("The weights could not be made.")


def _save(folder: Path, preset: str) -> None:
    import torch

    from sdseg.model.card import ModelCard
    from sdseg.model.pipeline import build_pipeline
    from sdseg.model.presets import get_preset
    from sdseg.model.weights import save_weights
    from sdseg.volume.recipe import Recipe

    torch.manual_seed(0)
    pipeline = build_pipeline(get_preset(preset))
    card = ModelCard(f"random-{preset}", preset, {"brain": 1}, Recipe(pipeline.image_size))
    save_weights(pipeline, card, folder, torch.float32)


def _measure(home: Path, options: argparse.Namespace) -> dict[str, Any]:
    from sdseg.serving.process import ServerProcess

    conf = [f"weights={home / 'weights'}", f"model_dir={home / 'model'}", f"device={options.device}"]
    conf.append(f"scoring={options.scoring}")
    with ServerProcess(options.studies, home / "server.log", conf) as server:
        image = _first_image(server.url)
        load_before = os.getloadavg()[0]
        idle = _latencies(server.url, options, while_running=None)
        job = _start(server.url, image)
        _await_slices(server.url, job)
        busy = _latencies(server.url, options, while_running=job)
        at_the_end = _job(server.url, job)
        start = time.monotonic()
        requests.delete(f"{server.url}/jobs/{job}", timeout=60).raise_for_status()
        while not _job(server.url, job)["ended"]:
            time.sleep(0.02)
        cancelled = time.monotonic() - start
    return {
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "load_before": round(load_before, 2)},
        "preset": options.preset,
        "device": options.device,
        "idle_ms": idle,
        "under_inference_ms": busy,
        "slices_done_meanwhile": at_the_end["done"],
        "slices": at_the_end["total"],
        "eta_seconds": at_the_end["eta_seconds"],
        "cancelled_after_seconds": round(cancelled, 2),
    }


def _first_image(url: str) -> str:
    objects = requests.get(f"{url}/datastore/", params={"output": "all"}, timeout=60).json()["objects"]
    return str(next(iter(objects)))


def _start(url: str, image: str) -> str:
    reply = requests.post(f"{url}/infer/sdseg", params={"image": image, "background": "true"}, timeout=60)
    reply.raise_for_status()
    return str(reply.json()["id"])


def _await_slices(url: str, job: str) -> None:
    """Until the model runs: loading is over after the first slice."""
    while not (status := _job(url, job))["done"]:
        if status["ended"]:
            sys.exit(f"The inference ended: {status['detail']}")
        time.sleep(0.2)


def _job(url: str, job: str) -> dict[str, Any]:
    return dict(requests.get(f"{url}/jobs/{job}", timeout=60).json())


def _latencies(url: str, options: argparse.Namespace, while_running: str | None) -> dict[str, float]:
    """Milliseconds of one request after the other, on one connection as a browser has."""
    took = []
    end = time.monotonic() + options.seconds
    with requests.Session() as session:
        while time.monotonic() < end:
            start = time.monotonic()
            session.get(f"{url}/info/", timeout=60).raise_for_status()
            took.append((time.monotonic() - start) * 1000)
            time.sleep(options.interval)
    if while_running and _job(url, while_running)["ended"]:
        sys.exit("The inference ended before the measurement; use fewer --seconds.")
    cuts = statistics.quantiles(took, n=20)
    figures = {"median": statistics.median(took), "p95": cuts[-1], "max": max(took)}
    return {"requests": len(took), **{name: round(value, 1) for name, value in figures.items()}}


if __name__ == "__main__":
    main()
