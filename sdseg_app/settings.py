"""What `--conf key value` may say, checked once."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sdseg.errors import InputError, UnknownNameError

logger = logging.getLogger(__name__)

MODEL = "sdseg"
_KEYS = frozenset({"models", "weights", "model_dir", "device", "server_mode"})
_DEVICE = re.compile(r"cpu|cuda(:\d+)?|mps")


@dataclass(frozen=True)
class AppSettings:
    """The app's configuration.

    Attributes:
        models: names of the models to serve.
        weights: a weights folder to start from, None for the published or the shipped ones.
        model_dir: where trained weights are published and labels are kept.
        device: device of the model unless a request names one, None for a GPU where there is one.
    """

    models: tuple[str, ...]
    weights: Path | None
    model_dir: Path
    device: str | None

    @classmethod
    def from_conf(cls, conf: Mapping[str, str], app_dir: Path) -> "AppSettings":
        """Raises InputError or UnknownNameError, which name the wrong value."""
        for key in sorted(conf.keys() - _KEYS):
            logger.warning("--conf %s is not known here and has no effect.", key)
        models = tuple(name.strip() for name in conf.get("models", MODEL).split(",") if name.strip())
        unknown = sorted(set(models) - {MODEL})
        if unknown or not models:
            raise UnknownNameError(
                f"There is no model {', '.join(unknown) or 'without a name'}; use --conf models {MODEL}."
            )
        device = conf.get("device") or None
        if device is not None and not _DEVICE.fullmatch(device):
            raise InputError(f"There is no device {device!r}; use --conf device cpu, or cuda, cuda:0 ...")
        return cls(
            models=models,
            weights=Path(conf["weights"]).resolve() if conf.get("weights") else None,
            model_dir=Path(conf.get("model_dir") or app_dir / "model").resolve(),
            device=device,
        )
