"""What `--conf key value` may say, checked once."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sdseg.engines.speed import Speed
from sdseg.errors import InputError, UnknownNameError
from sdseg.model.kinds import SDSEG
from sdseg_app.config.jobs import JobSettings
from sdseg_app.config.learning import LearningSettings
from sdseg_app.config.models import ModelSettings
from sdseg_app.config.security import SecuritySettings
from sdseg_app.config.shipped import SHIPPED
from sdseg_app.names import check_name

logger = logging.getLogger(__name__)

GROUPS = (ModelSettings, JobSettings, LearningSettings, SecuritySettings)
_STOCK = frozenset({"server_mode"})  # MONAI Label's own
_KEYS = _STOCK.union(*(group.model_fields for group in GROUPS))
_TAKEN = "datastore"  # a folder of `model_dir` beside those of the models


@dataclass(frozen=True)
class AppSettings:
    """The app's configuration.

    Attributes:
        models: names of the models to serve, each once.
        weights: model -> a weights folder to start from; without one the published or the shipped ones.
        model_dir: where trained weights are published and labels are kept.
        device: device of the model unless a request names one, None for a GPU where there is one.
        structures: file with the codes of labels that the table of structures lacks.
        speed: engine, decoder, encoder and U-Net of the models, unless a request names one of the last three.
        jobs, learning, security: see the classes.
    """

    models: tuple[str, ...]
    weights: dict[str, Path]
    model_dir: Path
    device: str | None
    structures: Path | None = None
    speed: Speed = field(default_factory=Speed)
    jobs: JobSettings = field(default_factory=JobSettings)
    learning: LearningSettings = field(default_factory=LearningSettings)
    security: SecuritySettings = field(default_factory=SecuritySettings)

    @classmethod
    def from_conf(cls, conf: Mapping[str, str], app_dir: Path) -> "AppSettings":
        """Raises InputError or UnknownNameError, which name the wrong value."""
        model = ModelSettings.read(conf)
        models = tuple(dict.fromkeys(model.models))
        keys = {name: cls.weights_key(name) for name in models}
        for key in sorted(conf.keys() - _KEYS - set(keys.values())):
            logger.warning("--conf %s is not known here and has no effect.", key)
        if not models:
            raise UnknownNameError(f"There is no model without a name; use --conf models {SDSEG}.")
        given = {**conf, **({"weights": str(model.weights)} if model.weights else {})}
        weights = {name: Path(given[key]).resolve() for name, key in keys.items() if given.get(key)}
        for name in models:
            _check_model(name, name in weights)
        model_dir = (model.model_dir or app_dir / "model").resolve()
        return cls(
            models=models,
            weights=weights,
            model_dir=model_dir,
            device=model.device,
            structures=model.structures.resolve() if model.structures else None,
            speed=model.speed,
            jobs=JobSettings.read(conf),
            learning=LearningSettings.read(conf),
            security=SecuritySettings.read(conf).with_audit_log(model_dir),
        )

    @staticmethod
    def weights_key(model: str) -> str:
        """The key of `--conf` that gives a model its weights."""
        return "weights" if model == SDSEG else f"{model}_weights"


def _check_model(name: str, has_weights: bool) -> None:
    check_name("model name", name)
    if name == _TAKEN:
        raise InputError(f"A model cannot be called {name}; choose another name in --conf models.")
    if not has_weights and name not in SHIPPED:
        raise UnknownNameError(
            f"There is no model {name}; use --conf models {SDSEG}, or give its weights with "
            f"--conf {AppSettings.weights_key(name)} FOLDER."
        )
