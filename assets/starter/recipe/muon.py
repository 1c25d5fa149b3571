"""AdamW for vectors and tables, Muon for every matrix and convolution."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from . import crew
from .precision import is_half_fast


def orthogonal(update: Tensor, steps: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix, roughly: quintic Newton-Schulz steps (Jordan et al. 2024)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    matrix = update.bfloat16() if is_half_fast(update.device) else update.float()
    tall = matrix.shape[0] > matrix.shape[1]
    matrix = matrix.T if tall else matrix
    matrix = matrix / (matrix.norm() + 1e-7)
    for _ in range(steps):
        gram = matrix @ matrix.T
        matrix = a * matrix + (b * gram + c * gram @ gram) @ matrix
    return (matrix.T if tall else matrix).to(update.dtype)


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal, scaled to AdamW's usual size (Liu et al. 2025, eq. 4).

    Convolution kernels count as (out, in * height * width) matrices. Learning rates of AdamW carry over.
    """

    def __init__(
        self, params: list[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Each process of the crew makes its share of the matrices orthogonal; then all get all."""
        for group in self.param_groups:
            updates = []
            for number, parameter in enumerate(group["params"]):
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                if number % crew.size() == crew.rank():
                    nesterov = parameter.grad.lerp(state["momentum"], group["momentum"]).flatten(1)
                    scale = 0.2 * math.sqrt(max(nesterov.shape))
                    updates.append(orthogonal(nesterov).view_as(parameter) * scale)
                else:
                    updates.append(torch.zeros_like(parameter))
            crew.add_up(updates)
            for parameter, update in zip(group["params"], updates, strict=True):
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"])


def split_parameters(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Of what is to be trained: matrices and convolutions (for Muon), and everything else: biases, norms,
    embedding tables."""
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    matrices, others = [], []
    for parameter in filter(lambda parameter: parameter.requires_grad, model.parameters()):
        (matrices if parameter.ndim >= 2 and id(parameter) not in tables else others).append(parameter)
    return matrices, others


def optimizers(model: nn.Module, rate: float) -> dict[str, torch.optim.Optimizer]:
    """Muon and AdamW over all of `model`, by the names under which a checkpoint keeps them."""
    matrices, others = split_parameters(model)
    adam = torch.optim.AdamW(others, rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    return {"muon": Muon(matrices, rate), "adam": adam}


def take_step(pair: dict[str, torch.optim.Optimizer], rate: float) -> None:
    """One step of both at the learning rate `rate`, and no gradients left."""
    for optimizer in pair.values():
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad()
