"""Union sampling (Break-A-Scene, Avrahami et al., arXiv 2305.16311): name a random subset of the subjects."""

from __future__ import annotations

from collections.abc import Sequence

import torch


class UnionSampling:
    """Draws subsets of the subjects of a scene, and names them in prompts. Subjects are given by number.

    Args:
        handles: of all subjects.
        background: the one that is the background, empty without one.
        together: whether several subjects are named in one prompt; off is an ablation.
    """

    def __init__(self, handles: Sequence[str], background: str, together: bool) -> None:
        self.handles, self.background, self.together = list(handles), background, together

    def draw(self, present: Sequence[int], generator: torch.Generator) -> list[int]:
        """Return k of the `present` subjects in random order, k uniform from 1 to all of them."""
        high = len(present) if self.together else 1
        k = 1 + torch.randint(high, (1,), generator=generator).item()
        return [present[index] for index in torch.randperm(len(present), generator=generator)[:k].tolist()]

    def prompt(self, subset: Sequence[int]) -> str:
        """Return the prompt that names these subjects in this order, the background last.

        [1, 0] gives "a photo of <tom> and <lily>".
        """
        handles = [self.handles[index] for index in subset]
        things = " and ".join(handle for handle in handles if handle != self.background)
        background = self.background if self.background in handles else ""
        return "a photo of " + " at ".join(filter(None, (things, background)))
