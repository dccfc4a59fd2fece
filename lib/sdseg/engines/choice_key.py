"""For what a choice holds: this machine, these libraries, networks of these sizes."""

from __future__ import annotations

import hashlib
import json
import os
from importlib.metadata import PackageNotFoundError, version

import torch

from sdseg import __version__
from sdseg.engines.engine import ENGINES
from sdseg.model.pipeline import SDSegPipeline
from sdseg.processor import cpu_info, cpu_name

_FORMAT = 1
_SWITCHES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "CUDA_VISIBLE_DEVICES")


def choice_key(pipeline: SDSegPipeline, device: str) -> str:
    """The same for all weights of the same sizes; another on another machine or with another library."""
    what = {
        "format": _FORMAT,
        "sdseg": __version__,
        "libraries": {name: _version(name) for name in sorted({m for e in ENGINES.values() for m in e.modules})},
        "processor": processor(device),
        "threads": torch.get_num_threads(),
        "device": device,
        "switches": {name: os.environ.get(name) for name in _SWITCHES},
        "sizes": _sizes(pipeline),
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def processor(device: str) -> str:
    """The name of the processor, or of the GPU, and what it can do."""
    if device.startswith("cuda"):
        return f"{torch.cuda.get_device_name(device)} {torch.cuda.get_device_capability(device)}"
    wanted = ("model name", "flags", "Features", "CPU implementer", "CPU part")
    told = cpu_info()
    return " ".join([told[key] for key in wanted if key in told] or [cpu_name()])


def _sizes(pipeline: SDSegPipeline) -> str:
    """Of every tensor of the networks, not its values."""
    whole = hashlib.sha256(f"{pipeline.image_size} {pipeline.classes}".encode())
    for name in ("vae", "vision_encoder", "unet"):
        network = getattr(pipeline, name)
        for key, tensor in network.state_dict().items():
            whole.update(f"{name} {key} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
    return whole.hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
