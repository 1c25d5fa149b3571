"""Let a judge sit its exam: a hundred pairs of pictures, each with the order in which a person puts them.

`python -m assets.starter.recipe.judge_exam assets/starter/judge` prints the share ordered right, by group.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from studio.models.clip import Clip
from studio.models.patch_judge import HEAD_FILE, PatchJudge, subject_likeness

from .drawings import STARTER

EXAM = STARTER / "exam"


class Question(NamedTuple):
    """A pair of pictures. `asks`: "cleanliness", or "subject" for how much of the reference each shows."""

    asks: str
    reference: Image.Image
    better: Image.Image
    worse: Image.Image


# From the references and as many pictures, a score of each picture.
Scorer = Callable[[list[Image.Image], list[Image.Image]], Tensor]


def read_exam(folder: Path = EXAM) -> dict[str, list[Question]]:
    """Read the questions by group."""
    groups = {}
    for name, group in json.loads((folder / "exam.json").read_text()).items():
        sheet = Image.open(folder / f"{name}.webp").convert("RGB")
        side = sheet.width // 3
        groups[name] = [
            Question(
                group["asks"],
                *(
                    sheet.crop((column * side, row * side, (column + 1) * side, (row + 1) * side))
                    for column in range(3)
                ),
            )
            for row in range(len(group["pairs"]))
        ]
    return groups


def pooled_scorers(clip: Clip) -> dict[str, Scorer]:
    """Return the scorers of a judge that knows one vector per picture: likeness for every question."""

    def likeness(references: list[Image.Image], pictures: list[Image.Image]) -> Tensor:
        return (clip.encode(references) * clip.encode(pictures)).sum(dim=1)

    return {"subject": likeness, "cleanliness": likeness}


def patch_scorers(judge: PatchJudge) -> dict[str, Scorer]:
    """Return the scorers of a judge that sees patches."""

    def subject(references: list[Image.Image], pictures: list[Image.Image]) -> Tensor:
        return subject_likeness(judge.see(pictures), judge.see(references)).diagonal()

    def cleanliness(references: list[Image.Image], pictures: list[Image.Image]) -> Tensor:
        return judge.see(pictures).clean

    return {"subject": subject, "cleanliness": cleanliness}


def scorers_of(folder: Path) -> dict[str, Scorer]:
    """Open the judge in a folder, with or without a head, and return its scorers."""
    if (folder / HEAD_FILE).exists():
        return patch_scorers(PatchJudge.open(folder))
    return pooled_scorers(Clip.open(folder))


def sit_exam(scorers: dict[str, Scorer], groups: dict[str, list[Question]]) -> dict[str, Tensor]:
    """Return, by group, how far the better picture of each pair leads: above 0 is ordered right."""
    leads = {}
    for name, questions in groups.items():
        scorer = scorers[questions[0].asks]
        references = [question.reference for question in questions]
        better = scorer(references, [question.better for question in questions])
        leads[name] = better - scorer(references, [question.worse for question in questions])
    return leads


def report(leads: dict[str, Tensor]) -> str:
    """Return a table in Markdown: pairs ordered right, by group and in all."""
    rows = [f"| {name} | {int((each > 0).sum())} of {len(each)} |" for name, each in leads.items()]
    every = torch.cat(list(leads.values()))
    return "\n".join(
        ["| group | right |", "|---|---|", *rows, f"| all | {int((every > 0).sum())} of {len(every)} |"]
    )


def rank_agreement(first: Tensor, second: Tensor) -> float:
    """Return the rank correlation of two judges' scores of the same pictures, -1..1 (Spearman)."""
    ranks = torch.stack([each.argsort().argsort().double() for each in (first, second)])
    return torch.corrcoef(ranks)[0, 1].item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("judges", type=Path, nargs="+", help="folders of judges")
    arguments = parser.parse_args()
    for folder in arguments.judges:
        print(f"{folder}\n\n{report(sit_exam(scorers_of(folder), read_exam()))}\n")
