"""Encoder and decoder in 8-bit integers, by NNCF's post-training quantisation; the U-Net is none of its business.

Only convolutions between a normalisation and the next are quantised, 90% of the work. What reads or makes the stream of
the residual blocks stays in floating point: rounding it costs more accuracy than all the others together.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from sdseg.engines.lowering import STREAM
from sdseg.engines.openvino_run import to_openvino
from sdseg.engines.signal_stack import own_signal_stack
from sdseg.engines.silent import converting, forbid_telemetry

forbid_telemetry()
_LOGGERS = logging.getLoggerClass()
import nncf  # noqa: E402 - it tells of its import
import openvino  # noqa: E402

logging.setLoggerClass(_LOGGERS)  # NNCF wants every logger of the process, ours too, to be of its own class
# Not nncf.set_log_level, which sets the handlers too, and one of them may be the application's.
logging.getLogger("nncf").setLevel(logging.ERROR)

_AS_THEY_ARE = f".*({'|'.join((*STREAM, 'post_quant_conv'))}).*"


@own_signal_stack()
@converting()
def quantise(network: torch.nn.Module, inputs: torch.Tensor) -> Any:
    """An `openvino.Model` in int8.

    Args:
        network: in evaluation mode, of one input.
        inputs: (examples, channels, rows, columns) float32, whose ranges are taken.
    """
    examples = [example.unsqueeze(0).numpy() for example in inputs]
    return nncf.quantize(
        to_openvino(network, (inputs[:1],)),
        nncf.Dataset(examples),
        preset=nncf.QuantizationPreset.MIXED,  # activations behind SiLU are not symmetric
        subset_size=len(examples),
        ignored_scope=nncf.IgnoredScope(types=["Add", "Multiply"], patterns=[_AS_THEY_ARE], validate=False),
    )


def save(models: dict[str, Any], folder: Path) -> None:
    """Those that are models, not None. Raises OSError, RuntimeError."""
    for name, model in models.items():
        if model is not None:
            openvino.save_model(model, folder / f"{name}.xml", compress_to_fp16=False)


@own_signal_stack()
def read(folder: Path) -> dict[str, Any]:
    """The inverse of `save`. Raises RuntimeError."""
    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})  # a mapped file that is cut off in its place ends the process
    return {path.stem: core.read_model(path) for path in sorted(folder.glob("*.xml"))}
