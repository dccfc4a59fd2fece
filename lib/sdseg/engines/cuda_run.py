"""A network run on an NVIDIA GPU with less work between its kernels."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import torch

from sdseg.engines.parts import Run
from sdseg.engines.torch_run import call_in, prepare, torch_run

_GRAPHS = 4  # of the batch sizes last used; each holds its activations
_WARM_UP = 3  # passes before a graph is captured, as PyTorch asks for


@dataclass(frozen=True)
class _Graph:
    """A captured pass: what is copied into `inputs` comes out of `output` after a replay."""

    graph: Any
    inputs: tuple[torch.Tensor, ...]
    output: torch.Tensor


def graph_run(network: torch.nn.Module, examples: tuple[torch.Tensor, ...], precision: str) -> Run:
    """PyTorch's kernels as one CUDA graph a batch size, captured when it first comes."""
    return _in_graphs(torch_run(network, examples, precision))


def compiled_run(network: torch.nn.Module, examples: tuple[torch.Tensor, ...], precision: str) -> Run:
    """Compiled by PyTorch's Inductor, its kernels fused, and captured in CUDA graphs where there is a GPU.

    Each batch size is compiled when it first comes, which takes minutes at the paper's size. The graphs are ours:
    Inductor's own (mode "reduce-overhead") are captured anew for every thread that asks, and a server has many.
    """
    device = examples[0].device
    run = call_in(torch.compile(prepare(network, device, precision), dynamic=False), precision)
    return _in_graphs(run) if device.type == "cuda" else run


def _in_graphs(run: Run) -> Run:
    """`run` captured for each batch size, the last few kept; one caller at a time."""
    graphs, lock = OrderedDict[tuple[int, ...], _Graph](), Lock()

    def replay(*batch: torch.Tensor) -> torch.Tensor:
        with lock:
            shape = tuple(batch[0].shape)
            if shape not in graphs:
                if len(graphs) == _GRAPHS:
                    graphs.popitem(last=False)
                graphs[shape] = _capture(run, batch)
            graphs.move_to_end(shape)
            held = graphs[shape]
            for place, tensor in zip(held.inputs, batch, strict=True):
                place.copy_(tensor)
            held.graph.replay()
            return held.output.clone()

    return replay


def _capture(run: Run, batch: tuple[torch.Tensor, ...]) -> _Graph:
    inputs = tuple(tensor.clone() for tensor in batch)
    stream: Any = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP):
            run(*inputs)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # Other threads of a server may use the device meanwhile: only this one's calls may break the capture.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        output = run(*inputs)
    return _Graph(graph, inputs, output)
