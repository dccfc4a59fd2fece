"""OpenVINO and NNCF tell their maker of every use, unless the package that sends it cannot be imported.

What is segmented in a hospital is nobody's business: they must be imported behind `forbid_telemetry`.
"""

from __future__ import annotations

import sys
from typing import Any

_SENDER = "openvino_telemetry"


def forbid_telemetry() -> None:
    """For this process. Both libraries do without the package where it is missing."""
    modules: dict[str, Any] = sys.modules
    modules.setdefault(_SENDER, None)  # an import of it now raises ImportError
    if modules[_SENDER] is not None:
        raise RuntimeError(f"{_SENDER} was imported before the engines")
