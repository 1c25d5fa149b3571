"""Groups of subjects that are named in one prompt, each learned alone."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from studio.errors import StudioError
from trainers.benchmarks.method_trial import Case
from trainers.benchmarks.variants import Variant


@dataclass(frozen=True)
class Member:
    """One subject of a group, and the variant of a method that learns it."""

    case: Case
    variant: Variant

    @property
    def handle(self) -> str:
        """Return the handle that prompts name it by."""
        return self.case.subject.handle

    @property
    def noun(self) -> str:
        """Return its noun."""
        return self.case.subject.noun

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return f"{self.handle.strip('<>')}-{self.variant.concept_folder}"

    @property
    def unseen_photo(self) -> Image.Image:
        """Return the photo that was held out from training; the first photo where there is none."""
        photo = (self.case.unseen or self.case.photos)[0]
        return photo.square(photo.side)


Group = Sequence[Member]


def methods_of(group: Group) -> str:
    """Return the variants that learn the members of a group, for people."""
    return " and ".join(dict.fromkeys(member.variant.text for member in group))


def draw_groups(
    cases: Sequence[Case], variants: Sequence[Variant], size: int, count: int, mixed: bool
) -> list[Group]:
    """Return `count` groups of `size` subjects for each variant; always the same for the same arguments.

    The groups of every variant have the same subjects, and each subject is in about as many groups.

    Args:
        mixed: whether to add as many groups in which the variants take turns.

    Raises StudioError when there is no such group.
    """
    if count < 1 or not 1 <= size <= len(cases):
        raise StudioError(
            "{count} groups of {size} cannot be made of {subjects} subjects.",
            "Give --groups 1 or more, and --together 1 to {subjects}.",
            count=count,
            size=size,
            subjects=len(cases),
        )
    generator = random.Random(0)
    left = list(itertools.combinations(range(len(cases)), size))
    generator.shuffle(left)
    uses = [0] * len(cases)
    chosen: list[tuple[int, ...]] = []
    while left and len(chosen) < count:
        group = min(left, key=lambda group: sum(uses[index] for index in group))
        left.remove(group)
        group = tuple(generator.sample(group, size))
        for index in group:
            uses[index] += 1
        chosen.append(group)
    assignments = [[variant] * size for variant in variants]
    if mixed:
        turns = itertools.cycle(variants)
        assignments.append([next(turns) for _ in range(size)])
    return [
        tuple(Member(cases[index], variant) for index, variant in zip(group, assignment, strict=True))
        for assignment in assignments
        for group in chosen
    ]
