"""Ways in which one of our folders may differ from the authors' model, none of which their naming can express."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sdseg.errors import WeightsError


def deviations(folder: Path) -> tuple[str, ...]:
    """In what the model of a folder differs from the authors', a few words each; told by its configurations.

    Raises:
        WeightsError: a configuration is missing or damaged.
    """
    unet, vae = (read_config(folder / part / "config.json") for part in ("unet", "vae"))
    predicts = read_config(folder / "scheduler" / "scheduler_config.json").get("prediction_type")
    found = {
        "conditioned by cross-attention": unet.get("_class_name") == "CrossAttentionUNet",
        f"predicts '{predicts}' instead of epsilon": predicts != "epsilon",
        "for inference only, without the mask encoder": vae.get("_class_name") == "MaskDecoder",
    }
    return tuple(words for words, is_so in found.items() if is_so)


def refuse_deviations(folder: Path) -> None:
    """Let only the authors' model pass.

    Raises:
        WeightsError: the model of the folder is a variant.
    """
    told = deviations(folder)
    if told:
        raise WeightsError(
            f"The weights in {folder} cannot be expressed in the authors' naming ({'; '.join(told)}); "
            "pass the folder itself on."
        )


def read_config(path: Path) -> dict[str, Any]:
    """One of diffusers' configuration files.

    Raises:
        WeightsError: it is missing or damaged.
    """
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} is missing or damaged ({error}); restore it.") from error
