"""The devices of this machine that a process may be told to work on."""

from __future__ import annotations

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
        cards = ", ".join(f"cuda:{number}" for number in range(count)) or "no card that torch can use"
        last = ",".join(map(str, range(count))) or CPU
        raise StudioError(
            "There is no device cuda:{name}: this machine has {cards}.",
            "Use --devices {last}.",
            name=name,
            cards=cards,
            last=last,
        )
    torch.cuda.set_device(int(name))
    return "cuda"
