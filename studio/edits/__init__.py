"""Edits: the kinds of change that can be put on a Backbone, and `attach`, the only way to put them on.

A kind attaches all of its active edits together and defines their sum, so the order in which concepts
come makes no difference. Whatever happens inside the block, the backbone is bit-identical after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from studio.backbone import Backbone
from studio.edits.edit import Active, Edit
from studio.edits.full import Full
from studio.edits.low_rank import LowRank
from studio.edits.rank_one import RankOne
from studio.edits.tokens import NewWord

__all__ = ["KINDS", "Active", "Edit", "Full", "LowRank", "NewWord", "RankOne", "attach"]

KINDS: dict[str, type[Edit]] = {kind.kind: kind for kind in (NewWord, Full, LowRank, RankOne)}


@contextmanager
def attach(backbone: Backbone, actives: Sequence[Active]) -> Iterator[None]:
    """Paint or train with these edits on; strength 0 leaves an edit out altogether."""
    with ExitStack() as stack:
        for name, kind in KINDS.items():
            mine = [active for active in actives if active.edit.kind == name and active.strength != 0]
            if mine:
                mine.sort(key=lambda active: active.edit.handle)
                stack.enter_context(kind.attach(backbone, mine))
        yield
