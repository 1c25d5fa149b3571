"""Edits: the kinds of change that can be put on a Backbone, and `fit`, the only way to put them on.

A kind attaches all of its active edits together and defines their sum, so the order in which concepts
come makes no difference. Whatever happens inside the block, the backbone is bit-identical after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from studio.edits.attaching import cached_text_projections
from studio.edits.edit import ActiveEdit, Attachment, Edit, EditMask
from studio.edits.full import Full
from studio.edits.low_rank import LowRank
from studio.edits.rank_one import RankOne
from studio.edits.tokens import NewWord
from studio.models.backbone import Backbone

__all__ = [
    "KINDS",
    "ActiveEdit",
    "Edit",
    "Full",
    "LowRank",
    "NewWord",
    "RankOne",
    "EditMask",
    "attach",
    "prepare",
    "cached_text_projections",
]

KINDS: dict[str, type[Edit]] = {kind.kind: kind for kind in (NewWord, Full, LowRank, RankOne)}


def prepare(backbone: Backbone, actives: Sequence[ActiveEdit]) -> Attachment:
    """Work out, once, how these edits go on; the answer is a context to paint in, as often as it is called.

    Strength 0 leaves an edit out altogether.
    """
    fitted = []
    for name, kind in KINDS.items():
        mine = [active for active in actives if active.edit.kind == name and active.strength != 0]
        if mine:
            fitted.append(kind.prepare(backbone, sorted(mine, key=lambda active: active.edit.handle)))

    @contextmanager
    def attaching() -> Iterator[None]:
        with ExitStack() as stack:
            for one in fitted:
                stack.enter_context(one())
            yield

    return attaching


def attach(backbone: Backbone, actives: Sequence[ActiveEdit]) -> AbstractContextManager[None]:
    """Paint or train with these edits on, for one block."""
    return prepare(backbone, actives)()
