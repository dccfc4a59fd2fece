"""Settings of the models that are served."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from sdseg.engines.speed import AUTO, Speed
from sdseg.errors import UnknownNameError
from sdseg.model.kinds import SDSEG
from sdseg_app.config.device_names import DEVICE
from sdseg_app.config.group import Group, Words


class ModelSettings(Group):
    """Models, their weights and where trained ones are kept. Beside these keys, NAME_weights gives the weights of
    the model NAME."""

    models: Words = Field((SDSEG,), description="Names of the models to serve, comma-separated.")
    weights: Path | None = Field(None, description="Weights folder of the model sdseg to start from.")
    model_dir: Path | None = Field(
        None, description="Where trained weights are published and labels are kept; default: model in the app's folder."
    )
    device: str | None = Field(
        None,
        description="Device of a model unless a request names one (cpu, cuda:0 ...); default: a GPU if there is one.",
    )
    engine: str = Field(
        AUTO,
        description="How the networks are run: auto (the quickest with the same masks, measured once), plain, "
        "or a name that `sdseg engines` lists.",
    )
    decoder: Literal["full", "lite"] = Field(
        "full", description="Decoder unless a request names one: full, or the lite one of `sdseg distill`."
    )
    encoder: Literal["full", "lite"] = Field(
        "full", description="Encoder unless a request names one: full, or the lite one of `sdseg distill`."
    )
    unet: Literal["full", "lite"] = Field(
        "full", description="U-Net unless a request names one: full, or the lite one of `sdseg distill`."
    )
    structures: Path | None = Field(
        None, description="File with the codes of labels that the table of structures lacks (docs/structures.md)."
    )

    @field_validator("device")
    @classmethod
    def _is_device(cls, value: str | None) -> str | None:
        if value is not None and not DEVICE.fullmatch(value):
            raise ValueError(f"There is no device {value!r}")
        return value

    @field_validator("engine")
    @classmethod
    def _is_engine(cls, value: str) -> str:
        try:
            return Speed(value).engine
        except UnknownNameError as error:
            raise ValueError(str(error).rstrip(".")) from None

    @property
    def speed(self) -> Speed:
        """Engine, decoder, encoder and U-Net."""
        return Speed(self.engine, self.decoder, self.encoder, self.unet)
