"""The scores of a method trial, and their table."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

from studio.intervals import Estimate

MEASURES = ("likeness", "agreement", "obeyed")
JUDGED = ("subject", "cleanliness")  # by a judge that sees patches


@dataclasses.dataclass(frozen=True)
class MethodScore:
    """The measures of one subject learned by one variant, over all prompts and seeds.

    Args:
        case: the subject's handle, without brackets.
        method: the variant, or the title of the control row.
        pictures: how many were measured.
        likeness: mean cosine of picture and unseen photos, -1..1.
        agreement: mean cosine of picture and prompt, -1..1.
        obeyed: share of pictures that agree more with their own prompt than with any other, 0..1.
        seconds: how long the training took.
        size_bytes: of the concept's file.
        subject: how much of the unseen photos' subject the pictures show, patch by patch, -1..1.
        cleanliness: logit, higher is cleaner. Both None where the base brings no judge that sees patches.
    """

    case: str
    method: str
    pictures: int
    likeness: float
    agreement: float
    obeyed: float
    seconds: float
    size_bytes: int
    subject: float | None = None
    cleanliness: float | None = None


def method_table(scores: Sequence[MethodScore]) -> str:
    """Return the scores as Markdown: a row per method, means over subjects with 95 % intervals."""
    judged = JUDGED if all(score.subject is not None for score in scores) else ()
    titles = ("likeness", "prompt agreement", "prompt obeyed", *judged)
    columns = ("method", "subjects", "pictures", *titles, "file")
    lines = [f"| {' | '.join(columns)} | seconds to train |", "|---" * (len(columns) + 1) + "|"]
    for method in dict.fromkeys(score.method for score in scores):
        own = [score for score in scores if score.method == method]
        measures = [str(Estimate.of(getattr(score, name) for score in own)) for name in (*MEASURES, *judged)]
        cells = [
            method,
            str(len(own)),
            str(sum(score.pictures for score in own)),
            *measures,
            *cost_cells(own),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def cost_cells(scores: Sequence[Any]) -> tuple[str, str]:
    """Return the mean `size_bytes` and `seconds` of scores as cells of a table; empty for a control row."""
    size = statistics.fmean(score.size_bytes for score in scores)
    seconds = statistics.fmean(score.seconds for score in scores)
    return (f"{size / 1000:.0f} kB", f"{seconds:.0f}") if size else ("", "")
