"""Where weights are: on the device, or in the computer's memory while nothing uses them.

Frozen weights never change, so the copy in the computer's memory is kept, and leaving the device costs
nothing. Modules get other `Parameter` objects, never other numbers in the same ones: a graph that is still
to be run backward keeps those that it was built with, and its gradients are exact whatever moves meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

HOME = "home"  # the attribute of a module whose weights may be away from the device


class Placement:
    """The place of some modules' weights; without modules, something that is always on the device.

    Args:
        modules: frozen, in the computer's memory.
        device: where they are used.
        takes_turns_with: what leaves the device while these are on it, unless it is in use itself, and comes
            back afterwards.
    """

    def __init__(
        self,
        modules: Sequence[nn.Module] = (),
        device: torch.device | None = None,
        takes_turns_with: Sequence[Placement] = (),
    ) -> None:
        self.device = device or torch.device("cpu")
        self._others = tuple(takes_turns_with)
        self._users = 0
        self._here: dict[int, Tensor] = {}  # by the id of the tensor in the computer's memory
        every = [module for part in modules for module in part.modules()] if self.device.type != "cpu" else []
        self._slots: list[tuple[dict[str, Any], str, Tensor]] = []
        for module in every:
            vars(module)[HOME] = self.device
            for table in (module._parameters, module._buffers):
                self._slots += [(table, name, host) for name, host in table.items() if host is not None]

    @contextmanager
    def on_device(self) -> Iterator[None]:
        """Context manager: the weights are on the device. It may be entered again inside.

        Hold it around many short uses: each that is not inside another moves the weights.
        """
        self._users += 1
        try:
            self.arrive()
            yield
        finally:
            self._users -= 1
            if not self._users:
                self.leave()
                for other in self._others:
                    other.arrive()

    def arrive(self) -> None:
        """Bring the weights to the device, and keep them there until `leave`."""
        if not self._here:
            for other in self._others:
                other.leave()
        for table, name, host in self._slots:
            if table[name] is host:  # else an edit has replaced it
                if id(host) not in self._here:
                    self._here[id(host)] = _moved(host, self.device)
                table[name] = self._here[id(host)]

    def leave(self) -> None:
        """Let the device forget the weights, unless somebody holds them there."""
        if self._users:
            return
        for table, name, host in self._slots:
            if table[name] is self._here.get(id(host)):
                table[name] = host
        self._here.clear()


def _moved(host: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device, as a parameter if it is one."""
    moved = host.detach().to(device)
    return nn.Parameter(moved, requires_grad=False) if isinstance(host, nn.Parameter) else moved


def home_of(layer: nn.Module) -> torch.device:
    """Return the device on which a layer is used, wherever its weights are at the moment."""
    home = vars(layer).get(HOME)
    return home if home is not None else next(layer.parameters()).device
