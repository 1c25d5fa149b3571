"""The devices of this machine that a process may be told to work on, and their memory set free."""

from __future__ import annotations

import gc

import torch

from studio.errors import StudioError

CPU = "cpu"


def use_device(name: str) -> str:
    """Make a device the one that this process works on, and return its kind, "cuda" or "cpu".

    What is computed, measured or freed "on cuda" is then on this card.

    Args:
        name: "cpu", or the number of a card.

    Raises StudioError when there is no such card.
    """
    if name == CPU:
        return CPU
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(name) >= count:
        cards = ", ".join(f"cuda:{number}" for number in range(count))
        none = "There is no device cuda:{number}: this machine has no card that torch can use."
        others = "There is no device cuda:{number}: this machine has {cards}."
        every = ",".join(map(str, range(count))) or CPU
        raise StudioError(
            others if cards else none, "Use --devices {every}.", number=name, cards=cards, every=every
        )
    torch.cuda.set_device(int(name))
    return "cuda"


def forget_unused(device: torch.device) -> None:
    """Free what nothing uses any more, cycles of objects and the allocator's own store included."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
