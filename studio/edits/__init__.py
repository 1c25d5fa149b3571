"""Edits: changes to a base model, and the file that stores them. Only `attach` and `prepare` put edits on.

A kind attaches all of its active edits together and defines their sum, so the order of concepts makes no
difference. Whatever happens inside the block, the backbone is bit-identical after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from studio.edits.attaching import cached_text_projections
from studio.edits.edit import ActiveEdit, Attachment, Edit, EditMask
from studio.edits.kinds import KINDS
from studio.edits.kinds.full import Full
from studio.edits.kinds.low_rank import LowRank
from studio.edits.kinds.rank_one import RankOne
from studio.edits.kinds.tokens import NewWord
from studio.models.backbone import Backbone

__all__ = [
    "KINDS",
    "ActiveEdit",
    "Edit",
    "EditMask",
    "Full",
    "LowRank",
    "NewWord",
    "RankOne",
    "attach",
    "cached_text_projections",
    "prepare",
]


def prepare(backbone: Backbone, actives: Sequence[ActiveEdit]) -> Attachment:
    """Return a function that makes a context with these edits on, as often as it is called.

    What does not change between calls is computed once, here. Edits at strength 0 are left out.
    """
    prepared = []
    for name, kind in KINDS.items():
        mine = [active for active in actives if active.edit.kind == name and active.strength != 0]
        if mine:
            prepared.append(kind.prepare(backbone, sorted(mine, key=lambda active: active.edit.handle)))

    @contextmanager
    def attachment() -> Iterator[None]:
        with ExitStack() as stack:
            for one in prepared:
                stack.enter_context(one())
            yield

    return attachment


def attach(backbone: Backbone, actives: Sequence[ActiveEdit]) -> AbstractContextManager[None]:
    """Context manager: put these edits on."""
    return prepare(backbone, actives)()
