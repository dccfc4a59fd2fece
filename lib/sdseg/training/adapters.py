"""Low-rank adapters (LoRA, by peft): a site's adaptation in a few MB beside frozen weights."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from sdseg.durable import new_beside, sync_tree
from sdseg.errors import InputError, WeightsError
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.vision_encoder import VisionEncoder

ADAPTER_FILE = "adapter_model.safetensors"
FACTS_FILE = "adapter.json"
_PARTS = ("unet", "vision_encoder")


@dataclass(frozen=True)
class Adapter:
    """Trained adapters.

    Attributes:
        tensors: float16, named as peft names them.
        rank: of the adapters.
    """

    tensors: dict[str, torch.Tensor]
    rank: int

    def save(self, folder: Path, base_sha256: str, card: dict[str, Any]) -> None:
        """Write a folder, which appears whole or not at all, and replaces one that is there.

        Args:
            folder: to write.
            base_sha256: of the weights that were frozen.
            card: of the weights with the adapters in them.

        Raises:
            WeightsError: the disk refuses.
        """
        staging = new_beside(folder)
        try:
            staging.mkdir(parents=True)
            save_file(self.tensors, staging / ADAPTER_FILE, metadata={"format": "pt"})
            facts = {"base_sha256": base_sha256, "rank": self.rank, "card": card}
            (staging / FACTS_FILE).write_text(json.dumps(facts, indent=2) + "\n")
            sync_tree(staging)
            shutil.rmtree(folder, ignore_errors=True)
            staging.rename(folder)
        except (OSError, SafetensorError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise WeightsError(f"The adapter could not be written to {folder}: {reason}.") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def read_adapter(folder: Path) -> tuple[Adapter, dict[str, Any]]:
    """What `Adapter.save` wrote: the adapter and {"base_sha256", "rank", "card"}. Raises WeightsError."""
    try:
        facts = dict(json.loads((folder / FACTS_FILE).read_text()))
        adapter = Adapter(load_file(folder / ADAPTER_FILE), int(facts["rank"]))
        if not isinstance(facts["base_sha256"], str) or not isinstance(facts["card"], dict):
            raise TypeError(f"{FACTS_FILE} lacks its facts")
    except FileNotFoundError as error:
        raise WeightsError(f"{folder} is no adapter: it lacks {Path(error.filename or '').name}.") from error
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise WeightsError(f"The adapter {folder} is damaged ({error}); restore it or train another.") from error
    return adapter, facts


class LowRank:
    """Adapters beside every linear layer and convolution of U-Net and vision encoder, whose own weights are frozen.

    Left alone are the U-Net's last convolution, which computes in float32 by itself, and a frozen vision encoder.

    Args:
        pipeline: of SDSeg; its learner is made already, since that thaws the networks.
        rank: of the adapters.
        seed: of their random start.

    Raises:
        InputError: the pipeline is a rival's, or peft is not installed.
    """

    def __init__(self, pipeline: Any, rank: int, seed: int = 0) -> None:
        check_adapters(pipeline)
        from peft import LoraConfig, get_peft_model

        self._rank = rank
        networks = torch.nn.ModuleDict({name: getattr(pipeline, name) for name in self._parts(pipeline)})
        self._networks = networks
        names = [name for name, layer in networks.named_modules() if type(layer) in (torch.nn.Linear, torch.nn.Conv2d)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            config = LoraConfig(r=rank, lora_alpha=rank, target_modules=names)
            self._model = get_peft_model(networks, config)
        networks.to(pipeline.device)

    @staticmethod
    def _parts(pipeline: SDSegPipeline) -> list[str]:
        encoder: VisionEncoder = pipeline.vision_encoder
        learns = any(parameter.requires_grad for parameter in encoder.parameters())
        return [name for name in _PARTS if name != "vision_encoder" or learns]

    def merge(self, adapter: Adapter | None = None) -> Adapter:
        """Put what was learnt, or `adapter`, into the weights; the networks are then as they were built, on the CPU.

        The adapters are rounded to float16 first, and all is computed in float32 on the CPU, so that an adapter from a
        file gives the same weights.

        Raises:
            WeightsError: `adapter` is for other networks.
        """
        from peft import get_peft_model_state_dict, set_peft_model_state_dict

        device = next(self._networks.parameters()).device
        self._model.cpu()
        own = get_peft_model_state_dict(self._model)
        half = {name: value.half().contiguous() for name, value in (adapter.tensors if adapter else own).items()}
        if {name: t.shape for name, t in half.items()} != {name: t.shape for name, t in own.items()}:
            raise WeightsError("The adapter does not fit the networks of these weights; give the ones it was made for.")
        set_peft_model_state_dict(self._model, {name: value.float() for name, value in half.items()})
        self._model.merge_and_unload()
        self._networks.to(device).eval().requires_grad_(False)
        return Adapter(half, self._rank)


def check_adapters(pipeline: Any = None) -> None:
    """Raise InputError where there can be no adapters: for a rival, or without peft."""
    if find_spec("peft") is None:
        raise InputError("Adapters need peft: install it with 'pip install -r requirements-learning.txt'.")
    if pipeline is not None and not isinstance(pipeline, SDSegPipeline):
        raise InputError("Adapters are made for SDSeg alone: train this model with adapters 'none'.")
