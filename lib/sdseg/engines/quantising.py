"""Encoder and decoder in 8-bit integers, by NNCF's post-training quantisation, and what is kept of it.

Only convolutions between a normalisation and the next are quantised, 90% of the work. What reads or makes the stream of
the residual blocks stays in floating point: rounding it costs more accuracy than all the others together.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
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

_SAVED, _PRECISIONS = ("decoder", "encoder"), "precisions.json"
# Else what a normalisation reads would be rounded too, for nothing: a third of a decoder's time beside its products.
_NOT_QUANTISED = ["Add", "Multiply", "GroupNormalization"]
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
        ignored_scope=nncf.IgnoredScope(types=_NOT_QUANTISED, patterns=[_AS_THEY_ARE], validate=False),
    )


@dataclass(frozen=True)
class Quantised:
    """What a calibration made of a model.

    Attributes:
        decoder: OpenVINO's model of it, in int8.
        encoder: the same in int8 or bf16; None where it has to run in PyTorch's mixed precision.
        unet: precision of the U-Net, fp32 or convolutions (see `torch_run`).
    """

    decoder: Any
    encoder: Any | None
    unet: str

    def save(self, folder: Path) -> None:
        """Raises OSError, RuntimeError."""
        for name in _SAVED:
            if getattr(self, name) is not None:
                openvino.save_model(getattr(self, name), folder / f"{name}.xml", compress_to_fp16=False)
        (folder / _PRECISIONS).write_text(json.dumps({"unet": self.unet}))

    @classmethod
    @own_signal_stack()
    def read(cls, folder: Path) -> Quantised:
        """The inverse of `save`. Raises RuntimeError."""
        core = openvino.Core()
        core.set_property({"ENABLE_MMAP": False})  # a mapped file that is cut off in its place ends the process
        models = {path.stem: core.read_model(path) for path in folder.glob("*.xml")}
        told = json.loads((folder / _PRECISIONS).read_text())
        return cls(models["decoder"], models.get("encoder"), told["unet"])
