"""The optimizers: Muon for matrices and convolutions, AdamW for all other parameters."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from . import worker_processes
from .precision import has_fast_bfloat16


def orthogonalise(update: Tensor, steps: int = 5) -> Tensor:
    """Return approximately the nearest semi-orthogonal matrix to each of `update` (..., rows, columns).

    Quintic Newton-Schulz iteration (Jordan et al. 2024).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    matrix = update.bfloat16() if has_fast_bfloat16(update.device) else update.float()
    tall = matrix.shape[-2] > matrix.shape[-1]
    matrix = matrix.mT if tall else matrix
    matrix = matrix / (matrix.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = matrix @ matrix.mT
        matrix = a * matrix + (b * gram + c * gram @ gram) @ matrix
    return (matrix.mT if tall else matrix).to(update.dtype)


class Muon(torch.optim.Optimizer):
    """Nesterov momentum with orthogonalised updates (Jordan et al. 2024).

    Updates are scaled to the usual size of AdamW's (Liu et al. 2025, eq. 4), so learning rates of AdamW can
    be reused. A convolution kernel is treated as an (out, in * height * width) matrix. Matrices of one shape
    are orthogonalised together, which spares a GPU thousands of small kernels.
    """

    def __init__(
        self, params: list[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Update all parameters once from their gradients.

        Each worker process orthogonalises the matrices of its share of the shapes; the results are exchanged.
        """
        for group in self.param_groups:
            params, grads, momenta = group["params"], [], []
            for parameter in params:
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                grads.append(parameter.grad)
                momenta.append(state["momentum"])
            torch._foreach_lerp_(momenta, grads, 1 - group["momentum"])
            nesterov = torch._foreach_lerp(grads, momenta, group["momentum"])
            updates = self._orthogonalised(nesterov)
            worker_processes.sum_over_processes(updates)
            if group["weight_decay"]:
                torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_mul_(updates, group["lr"])  # a number or a tensor
            torch._foreach_sub_(params, updates)

    @staticmethod
    def _orthogonalised(updates: list[Tensor]) -> list[Tensor]:
        """Return the updates made orthogonal and scaled; zeros for the shapes of other processes."""
        by_shape: dict[tuple[int, int], list[int]] = {}
        for number, update in enumerate(updates):
            by_shape.setdefault((update.shape[0], update[0].numel()), []).append(number)
        results = list(updates)
        for number, (shape, members) in enumerate(by_shape.items()):
            stacked = torch.stack([updates[member].reshape(shape) for member in members])
            if number % worker_processes.world_size() == worker_processes.rank():
                stacked = orthogonalise(stacked) * 0.2 * math.sqrt(max(shape))
            else:
                stacked = torch.zeros_like(stacked)
            for member, result in zip(members, stacked, strict=True):
                results[member] = result.view_as(updates[member])
        return results


def split_parameters(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Split the trainable parameters of `model` by optimizer.

    Returns the matrices and convolutions (for Muon), and all others: biases, norms, embedding tables.
    """
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    matrices, others = [], []
    for parameter in filter(lambda parameter: parameter.requires_grad, model.parameters()):
        (matrices if parameter.ndim >= 2 and id(parameter) not in embeddings else others).append(parameter)
    return matrices, others


def build_optimizers(model: nn.Module, learning_rate: float) -> dict[str, torch.optim.Optimizer]:
    """Return Muon and AdamW for the trainable parameters of `model`, by their names in a checkpoint."""
    matrices, others = split_parameters(model)
    adam = torch.optim.AdamW(others, learning_rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    return {"muon": Muon(matrices, learning_rate), "adam": adam}


def make_recordable(optimizers: dict[str, torch.optim.Optimizer], device: str | torch.device) -> None:
    """Make every learning rate a tensor on the GPU, so that a recorded step can be given another one."""
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["capturable"] = True  # AdamW refuses to be recorded without
            group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32).to(device)


def set_learning_rate(optimizers: dict[str, torch.optim.Optimizer], learning_rate: float) -> None:
    """Set the learning rate of every optimizer."""
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(learning_rate)
            else:
                group["lr"] = learning_rate


def step_optimizers(optimizers: dict[str, torch.optim.Optimizer]) -> None:
    """Do one step of every optimizer, then clear the gradients."""
    for optimizer in optimizers.values():
        optimizer.step()
        optimizer.zero_grad()
