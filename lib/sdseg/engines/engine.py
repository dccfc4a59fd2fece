"""The engines by name: which library runs the networks, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from sdseg.errors import InputError, UnknownNameError


@dataclass(frozen=True)
class Engine:
    """How the networks of a pipeline are run.

    Attributes:
        name: as it is chosen.
        backend: torch, openvino or onnxruntime.
        autoencoder: precision of encoder and decoder; the U-Net is float32, whose errors the single step amplifies.
        module: Python package that has to be there.
        devices: kinds of devices it runs on.
        exact: whether its masks agree with the plain ones up to rounding (Dice >= 0.999).
    """

    name: str
    backend: str
    autoencoder: str
    module: str
    devices: tuple[str, ...]
    exact: bool = True

    @property
    def is_installed(self) -> bool:
        return find_spec(self.module) is not None


PLAIN = "plain"
_ENGINES = (
    Engine("torch-fp32", "torch", "fp32", "torch", ("cpu", "cuda", "mps")),
    Engine("torch-bf16", "torch", "bf16", "torch", ("cpu", "cuda")),
    Engine("openvino-fp32", "openvino", "fp32", "openvino", ("cpu",)),
    Engine("openvino-bf16", "openvino", "bf16", "openvino", ("cpu",)),
    Engine("onnxruntime-fp32", "onnxruntime", "fp32", "onnxruntime", ("cpu",)),
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
    if not engine.is_installed:
        raise InputError(f"The engine {name} needs {engine.module}; install it with `pip install {engine.module}`.")
    if device.partition(":")[0] not in engine.devices:
        raise InputError(f"The engine {name} runs on {' or '.join(engine.devices)}, not on {device}.")
    return engine


def engines_for(device: str) -> list[Engine]:
    """Those whose packages are here and which run on `device`."""
    return [engine for engine in ENGINES.values() if engine.is_installed and device.partition(":")[0] in engine.devices]
