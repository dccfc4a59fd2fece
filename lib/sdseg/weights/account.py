"""Strictness: every tensor of a file is used or known to be superfluous, or the file is refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from sdseg.errors import WeightsError
from sdseg.weights.layout import Tensors

_SHOWN = 3
_SUPERFLUOUS = (
    (r"model_ema\.(decay|num_updates)", "counters of the EMA"),
    (r"(first_stage_model\.)?loss\..+", "training loss of the autoencoder"),
    (r"logvar|lvlb_weights", "weights of the training loss"),
    (
        r"betas|alphas_cumprod|alphas_cumprod_prev|sqrt_alphas_cumprod|sqrt_one_minus_alphas_cumprod"
        r"|log_one_minus_alphas_cumprod|sqrt_recip_alphas_cumprod|sqrt_recipm1_alphas_cumprod"
        r"|posterior_variance|posterior_log_variance_clipped|posterior_mean_coef1|posterior_mean_coef2",
        "noise schedule",
    ),
)


def check_complete(
    source: str, tensors: Tensors, expected: Mapping[str, tuple[int, ...]], duplicates: Mapping[str, str]
) -> dict[str, int]:
    """Compare the tensors of a file with those the model needs.

    Args:
        source: of the tensors, for the message.
        tensors: all of the file.
        expected: name -> shape of those that are used.
        duplicates: name -> what it is, of those that may be there and are dropped.

    Returns:
        What was dropped -> number of tensors.

    Raises:
        WeightsError: something is missing, left over or of another shape; the first names and counts are listed.
    """
    missing = [name for name in expected if name not in tensors]
    shapes = [
        f"{name} {tuple(tensors[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if name in tensors and tuple(tensors[name].shape) != shape
    ]
    rest = {name: duplicates.get(name) or _superfluous(name) for name in tensors if name not in expected}
    left_over = [name for name, reason in rest.items() if reason is None]
    faults = [
        *_told("missing", missing),
        *_told("left over", left_over),
        *_told("of another shape", shapes),
    ]
    if faults:
        raise WeightsError(f"{source} does not fit the model and was not imported: {'; '.join(faults)}.")
    return dict(Counter(reason for reason in rest.values() if reason))


def _superfluous(name: str) -> str | None:
    return next((reason for pattern, reason in _SUPERFLUOUS if re.fullmatch(pattern, name)), None)


def _told(what: str, names: Iterable[str]) -> list[str]:
    names = sorted(names)
    if not names:
        return []
    more = ", ..." if len(names) > _SHOWN else ""
    return [
        f"{len(names)} {'tensor is' if len(names) == 1 else 'tensors are'} {what} ({', '.join(names[:_SHOWN])}{more})"
    ]
