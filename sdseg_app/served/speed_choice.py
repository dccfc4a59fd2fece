"""How the weights that are served are to be run: what a request names over what the server is set to."""

import logging
from dataclasses import replace
from pathlib import Path

from sdseg.engines.engine import ENGINES, get_engine
from sdseg.engines.speed import FULL, LITE, PLAIN_SPEED, Speed
from sdseg.errors import InputError
from sdseg.model.card import ModelCard
from sdseg.model.kinds import LITE_DECODER, LITE_ENCODER, NETWORK_FILE, SDSEG

logger = logging.getLogger(__name__)
_FOLDERS = {"decoder": LITE_DECODER, "encoder": LITE_ENCODER}


def check_engine(speed: Speed) -> None:
    """Raises InputError: the engine that the server is set to is not installed."""
    if speed.engine in ENGINES:
        get_engine(speed.engine, ENGINES[speed.engine].devices[0])


def speed_of(folder: Path, server: Speed, decoder: str | None, encoder: str | None) -> Speed:
    """The speed for the weights in `folder`.

    Weights without a lite part are run with the full one where the server is set to lite: those that were trained on
    have none yet.

    Args:
        folder: the weights.
        server: what the server is set to.
        decoder, encoder: what a request names, or None.

    Raises:
        InputError: a request names a lite part that the weights do not have.
        WeightsError: the card is damaged.
    """
    asked = {"decoder": decoder, "encoder": encoder}
    if ModelCard.load(folder).kind != SDSEG:
        if LITE in asked.values():
            raise InputError("This model has no lite parts; choose full, or another model.")
        return PLAIN_SPEED
    parts = {name: _part(folder, name, asked[name], getattr(server, name)) for name in _FOLDERS}
    return replace(server, **parts)


def in_words(speed: Speed) -> str:
    """For people: "engine torch-bf16, lite decoder"."""
    lite = [f"lite {name}" for name in _FOLDERS if getattr(speed, name) == LITE]
    return ", ".join([f"engine {speed.engine}", *lite])


def _part(folder: Path, name: str, asked: str | None, server: str) -> str:
    wanted = asked or server
    if wanted == FULL or (folder / _FOLDERS[name] / NETWORK_FILE).is_file():
        return wanted
    if asked:
        raise InputError(f"The weights that are served have no lite {name}; choose {name} full.")
    logger.warning("The weights %s have no lite %s; the full one is used.", folder.name, name)
    return FULL
