"""AdamW and its learning-rate schedule, the state of which is the number of the step alone."""

from __future__ import annotations

import math

import torch

from sdseg.training.learner import Learner
from sdseg.training.stage import DiffusionConfig, StageConfig

_CLASS_EMBEDDING = "class_embedding"  # part of the names of its parameters in diffusers


class Optimiser:
    """AdamW over what a learner trains, with warm-up, schedule and clipping.

    Args:
        learner: its parameters with `requires_grad` are trained; a class embedding at `class_rate` times the rate.
        config: rates and clipping.
        steps: after how many the schedule has ended.
    """

    def __init__(self, learner: Learner, config: StageConfig, steps: int) -> None:
        named = {name: parameter for name, parameter in learner.named_parameters() if parameter.requires_grad}
        embedding = [parameter for name, parameter in named.items() if _CLASS_EMBEDDING in name]
        others = [parameter for name, parameter in named.items() if _CLASS_EMBEDDING not in name]
        faster = config.class_rate if isinstance(config, DiffusionConfig) else 1.0
        groups = [{"params": others, "times": 1.0}, {"params": embedding, "times": faster}]
        self.parameters = [*others, *embedding]
        self.adamw = torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=self.parameters[0].is_cuda,
        )
        self._config = config
        self.steps = steps

    def rate(self, step: int) -> float:
        """Learning rate of step `step`, counted from 0."""
        config = self._config
        warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
        falling = 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))
        return config.learning_rate * warm * (falling if config.schedule == "cosine" else 1.0)

    def step(self, step: int) -> None:
        """Clip the gradients, move the weights, forget the gradients."""
        torch.nn.utils.clip_grad_norm_(self.parameters, self._config.clip_norm)
        for group in self.adamw.param_groups:
            group["lr"] = self.rate(step) * group["times"]
        self.adamw.step()
        self.adamw.zero_grad(set_to_none=True)

    def state(self) -> dict[str, torch.Tensor]:
        """The tensors of AdamW, by the number of the parameter."""
        return {
            f"{number}.{name}": value
            for number, parameter in enumerate(self.parameters)
            for name, value in self.adamw.state[parameter].items()
        }

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Take up what `state` gave."""
        for number, parameter in enumerate(self.parameters):
            own = {key.split(".", 1)[1]: value for key, value in state.items() if key.split(".", 1)[0] == str(number)}
            # AdamW keeps its step counter on the CPU unless it is fused
            place = {name: "cpu" if name == "step" and not parameter.is_cuda else parameter.device for name in own}
            self.adamw.state[parameter] = {name: value.to(place[name]).clone() for name, value in own.items()}
