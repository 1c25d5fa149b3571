"""The table of a composition trial: measures of every mode of composing, and who is confused with whom."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from studio.intervals import Estimate
from trainers.benchmarks.subject_presence import Similarities


@dataclass(frozen=True)
class GroupResult:
    """The pictures of one group of k subjects in one mode of composing.

    Args:
        mode: a key of `studio.recipes.recipe.MODES`, or the title of the control.
        methods: the variants that learned the group, for people.
        pictures: the similarities of every picture.
        thresholds (k,): the likeness above which each subject counts as present.
        alone (k,): the mean likeness that each subject reaches in pictures of its own.
        base_agreement: by picture, the agreement that the plain nouns reach with the same seed.
    """

    mode: str
    methods: str
    pictures: list[Similarities]
    thresholds: list[float]
    alone: list[float]
    base_agreement: list[float]

    def measures(self) -> dict[str, float]:
        """Return the columns of the table, each a mean over the pictures.

        `all present`: share of pictures in which every subject is present.
        `likeness`: the subjects' mean likeness, as a share of what each reaches alone.
        `swap`, `blend`, `dominance`: shares of pictures (`Similarities`).
        `drift`: how much less the picture agrees with its prompt than the base's own picture.
        """
        mean, pictures = statistics.fmean, self.pictures
        return {
            "all present": mean(each.all_present(self.thresholds) for each in pictures),
            "likeness": mean(
                each.likeness(subject) / alone
                for each in pictures
                for subject, alone in enumerate(self.alone)
            ),
            "swap": mean(each.is_swapped for each in pictures),
            "blend": mean(each.is_blended(self.thresholds) for each in pictures),
            "dominance": mean(each.is_dominated for each in pictures),
            "drift": mean(
                base - each.agreement for base, each in zip(self.base_agreement, pictures, strict=True)
            ),
        }


def composition_table(results: Sequence[GroupResult]) -> str:
    """Return the results as Markdown: means over groups with 95 % intervals, and confusion matrices.

    A row of a mode's confusion matrix says how often the crop that a handle attends to is most like the
    first, second, ... subject.
    """
    columns = list(results[0].measures())
    lines = [f"| mode | learned with | groups | {' | '.join(columns)} |", "|---" * (3 + len(columns)) + "|"]
    for methods in dict.fromkeys(result.methods for result in results):
        for mode in dict.fromkeys(result.mode for result in results if result.methods == methods):
            chosen = [
                result.measures() for result in results if (result.methods, result.mode) == (methods, mode)
            ]
            cells = [str(Estimate.of(measures[column] for measures in chosen)) for column in columns]
            lines.append(f"| {mode} | {methods} | {len(chosen)} | {' | '.join(cells)} |")
    for mode in dict.fromkeys(result.mode for result in results):
        nearest = [each.nearest for result in results if result.mode == mode for each in result.pictures]
        subjects = range(len(nearest[0]))
        matrix = [
            [statistics.fmean(each[handle] == subject for each in nearest) for subject in subjects]
            for handle in subjects
        ]
        rows = "; ".join(" ".join(f"{100 * share:.0f} %" for share in row) for row in matrix)
        lines.append(f"\n{mode}, handles by subjects: {rows}")
    return "\n".join(lines)
