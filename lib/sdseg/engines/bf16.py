"""What the processor can multiply."""

from __future__ import annotations


def has_bf16() -> bool:
    """Whether the processor multiplies in bfloat16 itself.

    Elsewhere PyTorch and OpenVINO imitate it: right, but up to five times slower than float32.
    """
    import torch

    known = torch.cpu.get_capabilities()
    itself = any(known.get(name) for name in ("avx512_bf16", "amx_bf16", "avx10_2", "bf16"))
    # oneDNN may have been told to use less than there is (ONEDNN_MAX_CPU_ISA).
    return itself and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
