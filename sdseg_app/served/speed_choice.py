"""How the weights that are served are to be run: what a request names over what the server is set to."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sdseg.engines.engine import ENGINES, get_engine
from sdseg.engines.speed import FULL, LITE, PARTS, PLAIN_SPEED, Speed
from sdseg.errors import InputError
from sdseg.model.card import ModelCard
from sdseg.model.kinds import NETWORK_FILE, SDSEG

logger = logging.getLogger(__name__)

Asked = Mapping[str, str | None]
"""full or lite by the name of the part; where one is missing or None, what the server does."""
NOTHING: Asked = {}


def check_engine(speed: Speed) -> None:
    """Raises InputError: the engine that the server is set to is not installed."""
    if speed.engine in ENGINES:
        get_engine(speed.engine, ENGINES[speed.engine].devices[0])


def speed_of(folder: Path, server: Speed, asked: Asked) -> Speed:
    """The speed for the weights in `folder`.

    Weights without a lite part are run with the full one where the server is set to lite: those that were trained on
    have none yet.

    Args:
        folder: the weights.
        server: what the server is set to.
        asked: what a request names.

    Raises:
        InputError: a request names a lite part that the weights do not have.
        WeightsError: the card is damaged.
    """
    if ModelCard.load(folder).kind != SDSEG:
        if LITE in asked.values():
            raise InputError("This model has no lite parts; choose full, or another model.")
        return PLAIN_SPEED
    parts = {name: _part(folder, name, asked.get(name), server.parts[name]) for name in PARTS}
    return replace(server, **parts)


def in_words(speed: Speed) -> str:
    """For people: "engine torch-bf16, lite decoder"."""
    lite = [f"lite {name}" for name, size in speed.parts.items() if size == LITE]
    return ", ".join([f"engine {speed.engine}", *lite])


def _part(folder: Path, name: str, asked: str | None, server: str) -> str:
    wanted = asked or server
    if wanted == FULL or (folder / f"lite_{name}" / NETWORK_FILE).is_file():
        return wanted
    if asked:
        raise InputError(f"The weights that are served have no lite {name}; choose {name} full.")
    logger.warning("The weights %s have no lite %s; the full one is used.", folder.name, name)
    return FULL
