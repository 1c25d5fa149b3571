"""The scores of a scene trial, and their table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from studio.intervals import Estimate
from trainers.benchmarks.method_scores import cost_cells

MEASURES = {  # by column, the field of SceneScore
    "likeness": "likeness",
    "bleed": "bleed",
    "told apart": "told_apart",
    "all present": "all_present",
    "own mask": "own_mask",
    "other masks": "other_masks",
}


@dataclasses.dataclass(frozen=True)
class SceneScore:
    """The measures of one scene learned by one variant, over all prompts and seeds.

    Args:
        scene: its name.
        method: the variant, or the title of the control row.
        pictures: how many were measured.
        likeness, bleed, told_apart, all_present: see `scene_measures`.
        own_mask, other_masks: mean overlap (IoU, 0..1) of a handle's attention in the scene with its own
            mask, and with the masks of the others.
        seconds: how long the training took.
        size_bytes: of the concepts' files.
    """

    scene: str
    method: str
    pictures: int
    likeness: float
    bleed: float
    told_apart: float
    all_present: float
    own_mask: float
    other_masks: float
    seconds: float = 0.0
    size_bytes: int = 0


def scene_table(scores: Sequence[SceneScore]) -> str:
    """Return the scores as Markdown: a row per method, means over scenes with 95 % intervals."""
    titles = ["method", "scenes", "pictures", *MEASURES, "file", "seconds to train"]
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for method in dict.fromkeys(score.method for score in scores):
        own = [score for score in scores if score.method == method]
        measures = [str(Estimate.of(getattr(score, name) for score in own)) for name in MEASURES.values()]
        cells = [
            method,
            str(len(own)),
            str(sum(score.pictures for score in own)),
            *measures,
            *cost_cells(own),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
