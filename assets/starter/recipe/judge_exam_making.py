"""Make the judge's exam: pairs of pictures that a person orders without thinking, from unseen drawings only.

Run `python -m assets.starter.recipe.judge_exam_making MODULES`, with the folder of unpacked npm packages. It
writes one sheet of pictures per group and `exam.json` to `assets/starter/exam`. The faults are drawn by
other code than those that the judge is trained on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from . import judge_exam_faults as faults
from .drawings import STARTER, world
from .judge_exam import EXAM
from .judge_exam_pictures import SIDE, ExamMaker, Pair

CLEANER, SUBJECT = "cleanliness", "subject"  # what a pair asks for
# Icons of OpenMoji beyond the world's nouns: a second drawing of the same noun.
FACES = ("cat", "dog", "pig", "tiger", "horse", "mouse", "cow")


def subjects(random: np.random.Generator, count: int) -> list[str]:
    """Return names of unseen drawings: half of them left out of the training sets, the rest OpenMoji's."""
    left_out = random.permutation(world()["left_out"])[: count // 2]
    nouns = random.permutation(list(world()["nouns"]))[: count - len(left_out)]
    return [*map(str, left_out), *(f"openmoji/{noun}" for noun in nouns)]


def strangers(random: np.random.Generator, count: int) -> list[tuple[str, str]]:
    """Return pairs of unseen drawings of different nouns."""
    names, others = subjects(random, count), subjects(random, count)[::-1]
    nouns = [{name.split("/")[1] for name in pair} for pair in zip(names, others, strict=True)]
    return [pair for pair, each in zip(zip(names, others, strict=True), nouns, strict=True) if len(each) > 1]


def make_groups(maker: ExamMaker, count: int = 12) -> dict[str, tuple[str, list[Pair]]]:
    """Return the groups by name: what their pairs ask for, and some `count` pairs."""
    random = np.random.default_rng(11)
    draw, change = maker.drawing, maker.random
    painter = faults.half_denoised(STARTER)
    strong = [faults.smear, faults.stripes, painter, faults.over_train] * count
    mild = [faults.smear_a_little, faults.stripes, faults.over_train, faults.noise] * count
    slight = [faults.soften, faults.noise_a_little] * count
    groups: dict[str, tuple[str, list[Pair]]] = {}

    def each(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, int]]:
        return ((a, b, number) for number, (a, b) in enumerate(pairs))

    names = subjects(random, 2 * count)
    groups["faulty"] = CLEANER, [maker.cleanliness(a, fault) for a, fault in zip(names, strong, strict=False)]
    names = subjects(random, count)
    groups["slight-against-strong"] = (
        CLEANER,
        [maker.cleanliness(a, strong[number], milder=slight[number]) for number, a in enumerate(names)],
    )
    groups["clean-stranger"] = (
        CLEANER,
        [
            maker.cleanliness(a, strong[number], other=b)
            for a, b, number in each(strangers(random, 2 * count))
        ],
    )
    groups["dirty-against-stranger"] = (
        SUBJECT,
        [maker.subject(a, draw(b), mild[number]) for a, b, number in each(strangers(random, count))],
    )
    groups["dirty-against-same-colours"] = (
        SUBJECT,
        [
            maker.subject(a, faults.recolour(draw(b), draw(a)), mild[number])
            for a, b, number in each(strangers(random, count))
        ],
    )
    twins = [(name, f"openmoji/{name.split('/')[1]}") for name in world()["left_out"]]
    twins = [pair[:: 1 if number % 2 else -1] for number, pair in enumerate(twins)]
    twins += [(f"openmoji/{noun}", f"openmoji/{noun}-face") for noun in FACES]
    groups["moved-against-same-noun"] = (
        SUBJECT,
        [maker.subject(a, faults.recolour(draw(b), draw(a)), moved=True) for a, b in twins],
    )
    groups["moved-against-half"] = (
        SUBJECT,
        [
            maker.subject(a, faults.swap_half(draw(b), draw(a)), moved=True)
            for a, b in strangers(random, count)
        ],
    )
    groups["moved-against-striped-blob"] = (
        SUBJECT,
        [maker.subject(a, faults.striped_blob(draw(a), change), moved=True) for a in subjects(random, count)],
    )
    groups["dirty-against-striped-blob"] = (
        SUBJECT,
        [
            maker.subject(a, faults.striped_blob(draw(a), change), mild[number])
            for number, a in enumerate(subjects(random, count))
        ],
    )
    groups["beside-against-same-colours"] = (
        SUBJECT,
        [maker.subject(a, faults.recolour(draw(b), draw(a)), beside=b) for a, b in strangers(random, count)],
    )
    return groups


def write_exam(groups: dict[str, tuple[str, list[Pair]]], folder: Path, dropped: dict[str, list[int]]) -> int:
    """Write a sheet per group (rows of reference, better, worse) and `exam.json`. Returns the pairs kept.

    `dropped`: by group, the numbers of pairs to leave out, such as doubtful ones.
    """
    description = {}
    for name, (question, pairs) in groups.items():
        kept = [pair for number, pair in enumerate(pairs) if number not in dropped.get(name, [])]
        sheet = Image.new("RGB", (3 * SIDE, len(kept) * SIDE))
        for row, pair in enumerate(kept):
            for column, picture in enumerate((pair.reference, pair.better, pair.worse)):
                sheet.paste(picture, (column * SIDE, row * SIDE))
        sheet.save(folder / f"{name}.webp", quality=90, method=6)
        description[name] = {"asks": question, "pairs": [pair.made_of for pair in kept]}
    (folder / "exam.json").write_text(json.dumps(description, indent=1) + "\n")
    return sum(len(group["pairs"]) for group in description.values())


# Looked at and left out: pairs that a person might have to think about, and others, to make a hundred.
DROPPED: dict[str, list[int]] = {
    "faulty": [1, 4, 6, 9, 10, 15, 17, 19, 21, 23],
    "slight-against-strong": [5, 7, 9, 11],
    "clean-stranger": [1, 3, 6, 9, 12, 14, 17, 19, 21, 23],
    "dirty-against-stranger": [4, 6],
    "dirty-against-same-colours": [8],
    "moved-against-same-noun": [2, 8, 10, 12, 14, 16, 18],
    "moved-against-half": [0, 3, 7, 10],
    "moved-against-striped-blob": [1, 3, 6, 10],
    "dirty-against-striped-blob": [3, 4, 6, 8],
    "beside-against-same-colours": [2, 5, 8, 11],
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", type=Path)
    parser.add_argument("--out", type=Path, default=EXAM)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(write_exam(make_groups(ExamMaker(arguments.modules)), arguments.out, DROPPED), "pairs")
