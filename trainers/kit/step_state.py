"""Everything that a training needs to go on from a step, as one object that can be saved."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from studio.errors import StudioError
from studio.files import write_atomic
from trainers.kit.memory_saving import MemorySaving

KEY = "step_state"


@dataclass(frozen=True)
class StepState:
    """The state after `done` steps, counted over all stages.

    `Optimization.state` makes it, `Optimization.load` goes on from it, and `trainers.kit.kept_state` decides
    when it is written.

    Args:
        parameters: what learns, in the order of the stages' groups.
        optimizer: the optimizer's state dict of the stage that runs.
        generator: the state of the generator that draws batches.
        method: what the method keeps besides (`Method.state`).
        losses: of every step so far.
        rate_factor: what the learning rates are multiplied by, below 1 after a loss that was no number.
        memory: what is done to save memory.
        scaler: the state of the gradient scaler of float16, empty in other precisions.
        average: of what the stage that runs learns, where there is one, after `averaged_steps` of its steps.
    """

    done: int
    parameters: list[Tensor]
    optimizer: dict[str, Any]
    generator: Tensor
    method: dict[str, Any]
    losses: list[float]
    rate_factor: float = 1.0
    memory: MemorySaving = field(default_factory=MemorySaving)
    scaler: dict[str, Any] = field(default_factory=dict)
    average: list[Tensor] = field(default_factory=list)
    averaged_steps: int = 0

    @property
    def is_finite(self) -> bool:
        """Return whether all parameters are numbers."""
        return all(bool(tensor.isfinite().all()) for tensor in self.parameters)

    def save(self, path: Path, identity: str = "") -> None:
        """Write the state to a safetensors file, whole or not at all.

        `identity` tells which training it belongs to.
        """
        tensors: dict[str, Tensor] = {}
        parts = {"optimizer": self.optimizer, "method": self.method, "scaler": self.scaler}
        plain = _pack(parts, "", tensors)
        for number, tensor in enumerate(self.parameters):
            tensors[f"parameter/{number}"] = tensor
        for number, tensor in enumerate(self.average):
            tensors[f"average/{number}"] = tensor
        tensors["generator"] = self.generator
        about = {
            "identity": identity,
            "done": self.done,
            "parameters": len(self.parameters),
            "averages": len(self.average),
            "averaged_steps": self.averaged_steps,
            "losses": self.losses,
            "rate_factor": self.rate_factor,
            "memory": dataclasses.asdict(self.memory),
            "plain": plain,
        }
        on_cpu = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
        write_atomic(path, save(on_cpu, metadata={KEY: json.dumps(about)}))

    @classmethod
    def open(cls, path: Path, identity: str = "") -> StepState | None:
        """Read the state that `save` wrote; None when it belongs to a training with another identity.

        Its tensors are read as they are used: as long as there is one, the file is open.

        Raises StudioError when it is damaged.
        """
        try:
            with safe_open(path, framework="pt") as file:
                about = json.loads(file.metadata()[KEY])
                if about["identity"] != identity:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no mapping
            plain = _unpack(about["plain"], tensors)
            parameters = [tensors[f"parameter/{number}"] for number in range(about["parameters"])]
            return cls(
                about["done"],
                parameters,
                plain["optimizer"],
                tensors["generator"],
                plain["method"],
                about["losses"],
                about["rate_factor"],
                MemorySaving(**about["memory"]),
                plain["scaler"],
                [tensors[f"average/{number}"] for number in range(about.get("averages", 0))],
                about.get("averaged_steps", 0),
            )
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            hint = "Delete it and train again from the photos."
            raise StudioError(
                "{file} cannot be read: the training cannot go on from it.", hint, file=path.name
            ) from error


def _pack(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Return a JSON value in which tensors are named; they go into `tensors`. Keys may be numbers."""
    if isinstance(value, Tensor):
        tensors[f"state{name}"] = value
        return {"tensor": f"state{name}"}
    if isinstance(value, Mapping):
        return {"items": [[key, _pack(inner, f"{name}/{key}", tensors)] for key, inner in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_pack(inner, f"{name}/{number}", tensors) for number, inner in enumerate(value)]}
    return {"plain": value}


def _unpack(value: dict[str, Any], tensors: Mapping[str, Tensor]) -> Any:
    """Return what `_pack` packed."""
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "items" in value:
        return {key: _unpack(inner, tensors) for key, inner in value["items"]}
    if "list" in value:
        return [_unpack(inner, tensors) for inner in value["list"]]
    return value["plain"]


def copied(state: Any) -> Any:
    """Return a copy of a state dict whose tensors no longer change."""
    if isinstance(state, Tensor):
        return state.detach().clone()
    if isinstance(state, Mapping):
        return {key: copied(inner) for key, inner in state.items()}
    if isinstance(state, list | tuple):
        return [copied(inner) for inner in state]
    return state
