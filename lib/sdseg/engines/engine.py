"""The engines by name: which library runs the networks, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from sdseg.engines.bf16 import has_bf16
from sdseg.errors import InputError, UnknownNameError


@dataclass(frozen=True)
class Engine:
    """How the networks of a pipeline are run.

    Attributes:
        name: as it is chosen.
        backend: torch, torch-graphs, torch-compile, openvino or onnxruntime.
        autoencoder: precision of the decoder, and of the encoder unless `encoder` says another.
        encoder: precision of the encoder: bfloat16 throughout would cost it the agreement that exact means.
        unet: precision of the U-Net, whose errors the single step amplifies.
        modules: Python packages that have to be there.
        devices: kinds of devices it runs on.
        exact: whether its masks agree with the plain ones up to rounding (Dice >= 0.999).
        calibrated: whether it has to see slices before it can run: its numbers' ranges are theirs.
    """

    name: str
    backend: str
    autoencoder: str
    modules: tuple[str, ...]
    devices: tuple[str, ...]
    exact: bool = True
    calibrated: bool = False
    encoder: str = ""
    unet: str = "fp32"

    @property
    def missing(self) -> tuple[str, ...]:
        """Those of its packages that are not here."""
        return tuple(module for module in self.modules if find_spec(module) is None)

    @property
    def any_size(self) -> bool:
        """Whether its networks take parts of slices too; the others are made for one size, or anew for each."""
        return self.backend == "torch"

    @property
    def is_installed(self) -> bool:
        return not self.missing


PLAIN = "plain"
_CUDA = ("cuda",)
_ONNX = ("onnxruntime", "onnx", "onnxscript")
_ENGINES = (
    Engine("torch-fp32", "torch", "fp32", ("torch",), ("cpu", "cuda", "mps")),
    Engine("torch-bf16", "torch", "bf16", ("torch",), ("cpu", "cuda"), encoder="mixed"),
    Engine("torch-bf16-decoder", "torch", "bf16", ("torch",), ("cpu", "cuda"), encoder="fp32"),
    Engine("torch-bf16-unet", "torch", "bf16", ("torch",), ("cpu",), exact=False, encoder="mixed", unet="convolutions"),
    Engine("torch-cuda", "torch", "bf16", ("torch",), _CUDA, encoder="mixed", unet="tf32"),
    Engine("torch-cuda-graphs", "torch-graphs", "bf16", ("torch",), _CUDA, encoder="mixed", unet="tf32"),
    Engine("torch-compile", "torch-compile", "bf16", ("torch", "triton"), _CUDA, encoder="mixed", unet="tf32"),
    Engine("openvino-fp32", "openvino", "fp32", ("openvino",), ("cpu",)),
    Engine("openvino-bf16", "openvino", "bf16", ("openvino",), ("cpu",), encoder="fp32"),
    Engine("openvino-int8", "openvino", "int8", ("openvino", "nncf"), ("cpu",), exact=False, calibrated=True),
    Engine("onnxruntime-fp32", "onnxruntime", "fp32", _ONNX, ("cpu",)),
)
ENGINES: dict[str, Engine] = {engine.name: engine for engine in _ENGINES}


def get_engine(name: str, device: str) -> Engine:
    """The engine called `name`, if it runs here.

    Raises:
        UnknownNameError: there is none; the message lists those there are.
        InputError: its package is missing, or it does not run on such a device.
    """
    if name not in ENGINES:
        raise UnknownNameError(f"There is no engine {name[:80]!r}; choose one of: {', '.join((PLAIN, *ENGINES))}.")
    engine = ENGINES[name]
    if engine.missing:
        names = " ".join(engine.missing)
        raise InputError(f"The engine {name} needs {names}; install it with `pip install {names}`.")
    kind = device.partition(":")[0]
    if kind not in engine.devices:
        others = ", ".join((PLAIN, *(other.name for other in ENGINES.values() if kind in other.devices)))
        raise InputError(
            f"The engine {name} runs on {' or '.join(engine.devices)}, not on {device}: "
            f"choose such a device, or one of: {others}."
        )
    return engine


def engines_for(device: str) -> list[Engine]:
    """Those whose packages are here and which run on `device`, in a precision that its processor has."""
    kind = device.partition(":")[0]
    return [
        engine
        for engine in ENGINES.values()
        if engine.is_installed and kind in engine.devices and not (kind == "cpu" and _imitates(engine))
    ]


def _imitates(engine: Engine) -> bool:
    """Whether the processor would only imitate the engine's precision: right, but slower than float32."""
    return engine.autoencoder == "bf16" and not has_bf16()
