"""What schemathesis loads (SCHEMATHESIS_HOOKS): every second valid request asks for something that exists.

Of random names nothing exists, and nothing behind the first check would ever be tried.
"""

import json
import os
from typing import Any

import schemathesis

_KNOWN: dict[str, str] = json.loads(os.environ["SDSEG_FUZZ_KNOWN"])  # name of a parameter -> a value that exists

_REPLY_SECONDS, _STREAM_SECONDS = 120.0, 2.0


@schemathesis.hook  # type: ignore[untyped-decorator]
def map_case(context: Any, case: Any) -> Any:
    for values in (case.path_parameters, case.query):
        for name in values or {}:
            if name == "run_sync":
                values[name] = False  # schemathesis waits ten seconds, a training for its end
            elif name in _KNOWN and _is_valid(case) and len(str(values[name])) % 2:
                values[name] = _KNOWN[name]
    return case


@schemathesis.hook  # type: ignore[untyped-decorator]
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """An inference may wait for others; a stream of events does not end by itself."""
    kwargs["timeout"] = _STREAM_SECONDS if case.path.endswith("/events") else _REPLY_SECONDS


def _is_valid(case: Any) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive
