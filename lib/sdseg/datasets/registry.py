"""Data sets by name, as a training configuration names them."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from sdseg.datasets.base import Dataset
from sdseg.datasets.btcv import Btcv
from sdseg.datasets.cvc_clinicdb import CvcClinicDb
from sdseg.datasets.kvasir_seg import KvasirSeg
from sdseg.datasets.pairs import Pairs
from sdseg.datasets.refuge2_cup import Refuge2Cup
from sdseg.datasets.sts_3d import Sts3d
from sdseg.datasets.volumes import Volumes
from sdseg.errors import InputError, UnknownNameError

CLASSES: tuple[type[Dataset], ...] = (CvcClinicDb, KvasirSeg, Refuge2Cup, Btcv, Sts3d, Pairs, Volumes)
DATASETS: dict[str, type[Dataset]] = {kind.name: kind for kind in CLASSES}


def open_dataset(name: str, root: str | Path, **options: Any) -> Dataset:
    """Check the folder and divide it.

    Args:
        name: one of `DATASETS`.
        root: the folder.
        options: of that data set; docs/datasets.md lists them.

    Raises:
        UnknownNameError: no such data set.
        InputError: the folder or an option is not what it should be.
    """
    kind = DATASETS.get(name)
    if kind is None:
        raise UnknownNameError(f"There is no data set '{name}': choose one of {', '.join(sorted(DATASETS))}.")
    known = option_names(kind)
    if odd := sorted(options.keys() - known.keys()):
        raise InputError(f"{name} has no option {', '.join(odd)}; it has {', '.join(known)}.")
    if lacking := [option for option, needed in known.items() if needed and option not in options]:
        raise InputError(f"{name} needs {', '.join(lacking)}.")
    return kind(root, **options)


def option_names(kind: type[Dataset]) -> dict[str, bool]:
    """The options of a data set, and whether each must be given."""
    found: dict[str, bool] = {}
    for owner in kind.__mro__:
        if "__init__" not in vars(owner):
            continue
        parameters = list(inspect.signature(vars(owner)["__init__"]).parameters.values())
        for parameter in parameters[2:]:
            if parameter.kind is not parameter.VAR_KEYWORD:
                found.setdefault(parameter.name, parameter.default is parameter.empty)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found
