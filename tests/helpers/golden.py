"""The golden vectors: what the authors' own code returned for small models with random weights.

`tests/golden/*.json` says what each tensor is, how it was made and how far another order of additions may lead.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

FOLDER = Path(__file__).parents[1] / "golden"
# The tolerances that the JSON states.
LATENT, CLEAN_LATENT, DECODED, FLIPPED_VOXELS = 2e-5, 1e-3, 1e-4, 5


@dataclass(frozen=True)
class Golden:
    """One set of golden vectors, "binary" or "multiclass9"."""

    name: str

    @cached_property
    def facts(self) -> dict[str, Any]:
        return json.loads((FOLDER / f"golden_{self.name}.json").read_text())

    @cached_property
    def tensors(self) -> dict[str, torch.Tensor]:
        return load_file(FOLDER / f"golden_{self.name}.safetensors")

    @property
    def heads(self) -> int:
        return self.facts["model_params"]["unet_config"]["params"]["num_heads"]

    @cached_property
    def state_dict(self) -> dict[str, torch.Tensor]:
        """As in the authors' checkpoint; the floats, stored in half precision, are float32 again."""
        return {
            name[3:]: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in self.tensors.items()
            if name.startswith("sd/")
        }

    @cached_property
    def slices(self) -> torch.Tensor:
        """(slices, 3, 256, 256)."""
        return self.tensors["in/volume"].float().permute(2, 0, 1)[:, None].repeat(1, 3, 1, 1)

    @cached_property
    def prediction(self) -> torch.Tensor:
        """(slices, 256, 256) class of each voxel."""
        bits = np.unpackbits(self.tensors["out/prediction_packed"].numpy())
        if self.name != "binary":
            bits = bits.reshape(-1, 4) @ np.array([8, 4, 2, 1], np.uint8)
        return torch.from_numpy(bits.reshape(256, 256, len(self.slices))).permute(2, 0, 1)

    def save(self, file: Path, **changes: Any) -> Path:
        """A Lightning checkpoint as the authors' training writes it; a change to None leaves the tensor out."""
        changed = {**self.state_dict, **changes}
        content = {
            "state_dict": {name: tensor for name, tensor in changed.items() if tensor is not None},
            "epoch": 3,
            "global_step": 100,
            "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(4)}}}],
        }
        torch.save(content, file)
        return file
