"""Settings of inference and training on one server."""

from typing import Literal

from pydantic import Field

from sdseg_app.config.group import Group


class JobSettings(Group):
    """Queue, cache and the sharing of a device."""

    queue_length: int = Field(8, ge=1, le=1000, description="How many inferences may wait; one more is answered 503.")
    result_cache_mb: int = Field(
        1000, ge=0, description="Disk for results that are kept for the same question, in MB; 0 keeps none."
    )
    device_sharing: Literal["turns", "share"] = Field(
        "turns",
        description="Whether a training pauses while an inference runs on its device (turns) or both run (share).",
    )
