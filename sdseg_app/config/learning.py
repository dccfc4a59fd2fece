"""Settings of learning from corrections."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from sdseg_app.config.group import Group


class LearningSettings(Group):
    """Which image is asked for next, and what becomes of a trained model."""

    promotion: Literal["judged", "by_hand"] = Field(
        "judged",
        description="Whether a new model that is not worse is served at once (judged), or only when an administrator "
        "promotes it (by_hand).",
    )
    promotion_margin: float = Field(
        0.01, ge=0, le=1, description="By how much Dice a new model may be worse on any structure and still be served."
    )
    validation_fraction: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Part of the labelled patients kept out of training, by whom new models are judged.",
    )
    validation_data: Path | None = Field(
        None,
        description="More labelled images that judge new models: a YAML file with `data`, as for `sdseg train`.",
    )
    replay_data: Path | None = Field(
        None,
        description="Older labelled images, mixed in so that they are not forgotten: a YAML file with `data`, as for "
        "`sdseg train`.",
    )
    reservation_minutes: float = Field(
        30.0, gt=0, description="For how long a study that was given to one annotator is given to no other."
    )
    scoring: Literal["background", "off"] = Field(
        "background", description="Whether images without a label are scored for the strategy sdseg_uncertainty."
    )
    scoring_noises: int = Field(5, ge=2, le=100, description="Over how many noises the uncertainty is measured for it.")
