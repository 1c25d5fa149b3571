"""A pretend accelerator: tensors that claim to be on the device "npy:0" and hold CPU data.

They find, on any machine, what fails on a real accelerator only: operations that mix devices, and places
where the host waits for the device. Importing this file changes torch for the whole process: use it in one
of its own (`python -m tests.devices.run`).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "npy"
_setup_privateuseone_for_python_backend(NAME)
DEVICE = torch.device(f"{NAME}:0")
ROOT = str(Path(__file__).resolve().parents[2])

# operations whose answer the host needs: on a real accelerator it waits for the device
WAITING = {
    "aten::_local_scalar_dense",
    "aten::item",
    "aten::equal",
    "aten::is_nonzero",
    "aten::nonzero",
    "aten::masked_select",
    "aten::repeat_interleave",
    "aten::unique_dim",
    "aten::_unique2",
    "aten::bincount",
}
INDEXING = {
    "aten::index",
    "aten::index_put",
    "aten::index_put_",
    "aten::_index_put_impl_",
    "aten::_unsafe_index",
}
COPYING = {"aten::copy_", "aten::_to_copy", "aten::copy"}


class Counts:
    """What happened since the last `clear`, each by the line of ours that caused it."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.mixed: list[str] = []
        self.waits: Counter[str] = Counter()
        self.uploads: Counter[str] = Counter()
        self.cpu_indices: Counter[str] = Counter()


counts = Counts()


def where() -> str:
    """Return the innermost line of this project on the stack."""
    frame: FrameType | None = sys._getframe()
    while frame and not frame.f_code.co_filename.startswith((f"{ROOT}/studio", f"{ROOT}/trainers")):
        frame = frame.f_back
    if frame is None:
        return "outside"
    return f"{frame.f_code.co_filename.removeprefix(ROOT + '/')}:{frame.f_lineno} {frame.f_code.co_name}"


class Pretend(torch.Tensor):
    """A tensor on the pretend accelerator; `inner` holds its data."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Pretend:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
            requires_grad=False,
        )
        made.inner = inner
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Pretend({self.inner})"

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(function, args, kwargs or {})

    def tolist(self) -> Any:
        """Wait for the device and return the numbers."""
        counts.waits[f"tolist {where()}"] += 1
        return self.inner.tolist()


def unwrapped(value: Any) -> Any:
    """Return the data of a pretend tensor; anything else as it is."""
    return value.inner if isinstance(value, Pretend) else value


def wrapped(value: Any) -> Any:
    """Return a tensor as a pretend tensor; anything else as it is."""
    return Pretend(value) if isinstance(value, torch.Tensor) and not isinstance(value, Pretend) else value


def tensors_in(values: Iterable[Any]) -> list[torch.Tensor]:
    """Return the tensors in nested arguments. (torch's pytree is several times slower.)"""
    found: list[torch.Tensor] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += tensors_in(value)
        elif isinstance(value, dict):
            found += tensors_in(value.values())
    return found


def mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """Return nested arguments with every leaf changed."""
    if isinstance(value, list | tuple):
        return type(value)([mapped(change, inner) for inner in value])
    if isinstance(value, dict):
        return {name: mapped(change, inner) for name, inner in value.items()}
    return change(value)


@cache
def about(function: Any) -> tuple[str, bool]:
    """Return the name of an operation, and whether it writes into one of its arguments."""
    returns = function._schema.returns
    return function._schema.name, any(one.alias_info and one.alias_info.is_write for one in returns)


def run(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run an operation on the data, and write down what a real accelerator would mind."""
    name, writes = about(function)
    tensors = tensors_in((args, kwargs))
    on_device = [tensor for tensor in tensors if isinstance(tensor, Pretend)]
    on_cpu = [tensor for tensor in tensors if not isinstance(tensor, Pretend) and tensor.dim() > 0]
    asked = kwargs.get("device")
    if name in WAITING and on_device:
        counts.waits[f"{name} {where()}"] += 1
    if on_device and on_cpu and name not in COPYING:
        if name in INDEXING and isinstance(args[0], Pretend):
            counts.cpu_indices[where()] += 1
        else:
            counts.mixed.append(f"{name} {where()}")
    inner_kwargs = mapped(unwrapped, {**kwargs, **({"device": "cpu"} if asked is not None else {})})
    out = function(*mapped(unwrapped, args), **inner_kwargs)
    goes_to_device = bool(on_device)
    if asked is not None:
        goes_to_device = torch.device(asked).type == NAME
        if goes_to_device and not on_device:
            counts.uploads[where()] += 1
        if name in COPYING and not goes_to_device and on_device:
            counts.waits[f"to cpu {where()}"] += 1
    elif name in ("aten::_local_scalar_dense", "aten::equal"):
        goes_to_device = False
    elif name == "aten::copy_":
        goes_to_device = isinstance(args[0], Pretend)
    if not goes_to_device:
        return out
    for tensor in on_device if writes else ():
        if isinstance(out, torch.Tensor) and out is tensor.inner:
            return tensor  # in place: the very wrapper
    return mapped(wrapped, out)


class PretendMode(TorchDispatchMode):
    """Catches factories that are asked for the pretend device, and moves to it."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        asked = kwargs.get("device")
        if Pretend in types or (asked is not None and torch.device(asked).type == NAME):
            return run(function, args, kwargs)
        return function(*args, **kwargs)


# What torch's C++ would build on the device itself from Python lists is built on the CPU here.

_getitem, _setitem, _tensor, _data = (
    torch.Tensor.__getitem__,
    torch.Tensor.__setitem__,
    torch.tensor,
    torch.Tensor.data,
)


def _index(value: Any) -> Any:
    if isinstance(value, list):
        return torch.tensor(value)
    return tuple(map(_index, value)) if isinstance(value, tuple) else value


def _get(self: torch.Tensor, index: Any) -> Any:
    return _getitem(self, _index(index) if isinstance(self, Pretend) else index)


def _set(self: torch.Tensor, index: Any, value: Any) -> Any:
    if isinstance(self, Pretend):
        index = _index(index)
        if not isinstance(value, torch.Tensor):
            value = torch.tensor(value, dtype=self.dtype).to(DEVICE)
    return _setitem(self, index, value)


def _make(data: Any, *args: Any, device: Any = None, **kwargs: Any) -> torch.Tensor:
    made = _tensor(data, *args, **kwargs)
    return made if device is None else made.to(device)


def _set_data(self: Any, value: Any) -> None:
    _data.__set__(self, value)
    self.inner = value.inner


torch.Tensor.__getitem__ = _get  # type: ignore[method-assign]
torch.Tensor.__setitem__ = _set  # type: ignore[method-assign,assignment]
torch.tensor = _make  # type: ignore[assignment]
Pretend.data = property(lambda self: _data.__get__(self), _set_data)  # type: ignore[assignment]
