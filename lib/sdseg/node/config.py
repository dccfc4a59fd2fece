"""What a node is told: one validated object. docs/node.md explains every key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from sdseg.dimse.peer import ae_title
from sdseg.engines.speed import AUTO, Speed
from sdseg.errors import InputError, UnknownNameError
from sdseg.node.rules import Rule


def _title(text: str) -> str:
    """An AE title; ValueError, as pydantic wants it, otherwise."""
    try:
        return ae_title(text)
    except InputError as error:
        raise ValueError(str(error).rstrip(".")) from None


AeTitle = Annotated[str, AfterValidator(_title)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class Strict(BaseModel):
    """No unknown keys, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Caller(Strict):
    """Who may call; without `host` from anywhere."""

    ae_title: AeTitle
    host: str | None = None


class Tls(Strict):
    """PEM files of mutual TLS: both sides show a certificate that `ca` signed."""

    ca: Path
    certificate: Path
    key: Path


class Retry(Strict):
    """When a delivery is tried again: after `first_seconds`, then twice as long each time."""

    first_seconds: Seconds = 5
    longest_seconds: Seconds = 600
    give_up_after: int = Field(default=300, ge=1)


class TargetConfig(Strict):
    """A destination. The variables name environment variables; secrets do not belong in the file.

    Attributes:
        address: `dicom://AE@host:port`, a DICOMweb URL, or a folder.
        confirm: how arrival is confirmed; None for what suits the address.
        dicomweb: where a `dicom://` target is asked by QIDO.
        parallel: deliveries at a time.
        commitment_seconds: how long the report of storage commitment is waited for.
    """

    address: str = Field(min_length=1)
    confirm: Literal["commitment", "qido", "none"] | None = None
    dicomweb: str | None = None
    username_variable: str | None = None
    password_variable: str | None = None
    token_variable: str | None = None
    tls: Tls | None = None
    parallel: int = Field(default=2, ge=1, le=16)
    commitment_seconds: Seconds = 60


class Metrics(Strict):
    """Where Prometheus may read."""

    host: str = "127.0.0.1"
    port: Port


class NodeConfig(Strict):
    """A whole node; paths are absolute once read from a file."""

    ae_title: AeTitle = "SDSEG"
    host: str = "127.0.0.1"
    port: Port = 11112
    home: Path
    callers: tuple[Caller, ...] = ()
    allow_any_caller: bool = False
    tls: Tls | None = None
    maximum_associations: int = Field(default=20, ge=1)
    quiet_seconds: Seconds = 30
    forced_seconds: Seconds = 600
    minimum_free_mb: float = Field(default=1000, ge=0)
    keep_received_hours: float = Field(default=24, ge=0)
    segmentation_attempts: int = Field(default=5, ge=1)
    retry: Retry = Retry()
    targets: dict[str, TargetConfig] = Field(min_length=1)
    rules: tuple[Rule, ...] = Field(min_length=1)
    metrics: Metrics | None = None
    device: str = "cpu"
    engine: str = AUTO
    decoder: Literal["full", "lite"] = "full"
    encoder: Literal["full", "lite"] = "full"
    unet: Literal["full", "lite"] = "full"
    workers: int = Field(default=0, ge=0, le=256)
    ray: str | None = None

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, engine: str) -> str:
        try:
            return Speed(engine).engine
        except UnknownNameError as error:
            raise ValueError(str(error).rstrip(".")) from None

    @property
    def speed(self) -> Speed:
        """Engine, decoder, encoder and U-Net of every model."""
        return Speed(self.engine, self.decoder, self.encoder, self.unet)

    @field_validator("targets")
    @classmethod
    def _plain_names(cls, targets: dict[str, TargetConfig]) -> dict[str, TargetConfig]:
        for name in targets:
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
                raise ValueError(f'"{name}" is no name of a target: use letters, digits, _ and -')
        return targets

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.callers and not self.allow_any_caller:
            raise ValueError("callers is empty: name who may call, or say allow_any_caller: true")
        if self.forced_seconds < self.quiet_seconds:
            raise ValueError("forced_seconds is shorter than quiet_seconds: make it longer")
        for number, rule in enumerate(self.rules, 1):
            unknown = [name for name in rule.targets if name not in self.targets]
            if unknown:
                raise ValueError(f'rules: number {number} names the target "{unknown[0]}": add it to targets')
        return self
