"""The composition table: several held-out concepts in one picture, in every way of composing.

Groups of subjects, each learned alone, are named together in the same prompts with the same seeds. Beside the
ways stand three controls: the plain nouns together, each concept alone, and each plain noun alone, whose
pictures set the bar above which a subject counts as present.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from studio.edits import attach
from studio.edits.concept import Concept
from studio.events import Event, Note, Result
from studio.generation.generate import Picture, active_edits, generate
from studio.intervals import Estimate
from studio.models.attention import word_attention_maps
from studio.models.backbone import Backbone
from studio.models.image_encoder import ImageTextEncoder
from studio.recipes.recipe import Sampling
from trainers.benchmarks.method_trial import Case, learned
from trainers.benchmarks.subject_presence import Seen, place, windows
from trainers.benchmarks.variants import Variant

COLOURS = ("blue", "red", "gray", "yellow", "green", "pink", "white", "orange")
PROMPTS = tuple(f"{{}} on a {colour} background" for colour in COLOURS)
NOUNS = "plain nouns"
BAR = 0.9  # the share of pictures of the plain noun alone that are less like the subject than the bar


@dataclass(frozen=True)
class Member:
    """A subject and how it is learned."""

    case: Case
    variant: Variant

    @property
    def handle(self) -> str:
        """What prompts call it."""
        return self.case.subject.handle

    @property
    def noun(self) -> str:
        """What it is."""
        return self.case.subject.noun

    @property
    def name(self) -> str:
        """A folder's name for it."""
        return f"{self.handle.strip('<>')}-{self.variant.learned}"

    @property
    def unseen(self) -> Image.Image:
        """The photo that was kept from training, if there is one."""
        photo = (self.case.unseen or self.case.photos)[0]
        return photo.square(photo.side)


Group = Sequence[Member]


def methods_of(group: Group) -> str:
    """How the members of a group were learned."""
    return " and ".join(dict.fromkeys(member.variant.text for member in group))


@dataclass(frozen=True)
class Row:
    """What came of one way with one group: `seen` in every picture, with the `bars` of its subjects and what
    they reach `alone`; `base` is how well the plain nouns' pictures of the same seeds agree."""

    way: str
    methods: str
    seen: list[Seen]
    bars: list[float]
    alone: list[float]
    base: list[float]

    def measures(self) -> dict[str, float]:
        """The columns of the table, all over the pictures of the group:

        `all present`  share of pictures in which every subject is present
        `likeness`     the subjects' mean likeness, as a share of what each reaches alone
        `swap`, `blend`, `dominance`  shares of pictures (`Seen`)
        `drift`        how much less the picture agrees with the prompt in plain nouns than the base's own
        """
        likeness = [
            seen.likeness(subject) / alone for seen in self.seen for subject, alone in enumerate(self.alone)
        ]
        return {
            "all present": statistics.fmean(seen.all_present(self.bars) for seen in self.seen),
            "likeness": statistics.fmean(likeness),
            "swap": statistics.fmean(seen.swapped for seen in self.seen),
            "blend": statistics.fmean(seen.blended(self.bars) for seen in self.seen),
            "dominance": statistics.fmean(seen.dominated for seen in self.seen),
            "drift": statistics.fmean(
                base - seen.agreement for base, seen in zip(self.base, self.seen, strict=True)
            ),
        }


def groups(
    cases: Sequence[Case], variants: Sequence[Variant], together: int, count: int, mixed: bool
) -> list[Group]:
    """`count` groups of `together` subjects for each variant, and with `mixed` as many in which the variants
    take turns. The same subjects meet in every variant, and each subject about equally often."""
    drawn = random.Random(0)
    left = list(itertools.combinations(range(len(cases)), together))
    drawn.shuffle(left)
    met = [0] * len(cases)
    chosen: list[tuple[int, ...]] = []
    while left and len(chosen) < count:
        group = min(left, key=lambda group: sum(met[index] for index in group))
        left.remove(group)
        group = tuple(drawn.sample(group, together))
        for index in group:
            met[index] += 1
        chosen.append(group)
    lines = [[variant] * together for variant in variants]
    if mixed:
        turns = itertools.cycle(variants)
        lines.append([next(turns) for _ in range(together)])
    return [
        tuple(Member(cases[index], variant) for index, variant in zip(group, line, strict=True))
        for line in lines
        for group in chosen
    ]


class Composition:
    """Paints and judges groups, and keeps in `folder` whatever is done, so that it can go on later, and
    several processes can share the work."""

    def __init__(
        self,
        backbone: Backbone,
        judge: ImageTextEncoder,
        sampling: Sampling,
        folder: Path,
        seeds: int = 2,
        prompts: Sequence[str] = PROMPTS[:4],
    ) -> None:
        self.backbone, self.judge, self.sampling, self.folder = backbone, judge, sampling, folder
        self.seeds, self.prompts = seeds, prompts

    def rows(self, together: Sequence[Group], ways: Sequence[str]) -> Iterator[Event]:
        """A Result with the Rows of every group: the plain nouns, and each of the ways."""
        rows = []
        for group in together:
            yield Note(f"{' and '.join(member.handle for member in group)}, {methods_of(group)}")
            bars, alone = [], []
            for member in group:
                plain, itself = (self.seen([member], "sum", strength) for strength in (0.0, 1.0))
                bars.append(float(np.quantile([seen.likeness(0) for seen in plain], BAR)))
                alone.append(statistics.fmean(seen.likeness(0) for seen in itself))
            nouns = self.seen(group, "sum", 0.0)
            base = [seen.agreement for seen in nouns]
            rows.append(Row(NOUNS, methods_of(group), nouns, bars, alone, base))
            for way in ways:
                rows.append(Row(way, methods_of(group), self.seen(group, way), bars, alone, base))
                yield Note(f"  {way}: all present in {100 * rows[-1].measures()['all present']:.0f} %")
        yield Result(rows)

    def seen(self, group: Group, way: str, strength: float = 1.0) -> list[Seen]:
        """What is seen in the pictures of a group, by prompt and seed; at strength 0 of its plain nouns."""
        names = [member.name if strength else member.handle.strip("<>") for member in group]
        place = self.folder / "pictures" / "+".join(names) / (way if strength else "plain")
        kept = place / f"seen-{len(self.prompts)}x{self.seeds}.json"
        if kept.exists():
            return [Seen(**one) for one in json.loads(kept.read_text(encoding="utf-8"))]
        place.mkdir(parents=True, exist_ok=True)
        concepts = [self.learned(member) for member in group]
        seen = []
        for number, prompt in enumerate(self.prompts):
            recipe = dataclasses.replace(self.sampling, count=self.seeds).with_prompt(
                prompt.format(listed([member.handle for member in group])),
                strengths={member.handle: strength for member in group},
                composing=way,
            )
            nouns = prompt.format(listed([f"a {member.noun}" for member in group]))
            for event in generate(self.backbone, recipe, concepts):
                if isinstance(event, Result):
                    picture = event.value
                    picture.image.save(place / f"{number}-{picture.recipe.seed}.png")
                    seen.append(self.judged(picture, concepts, group, nouns))
        kept.write_text(json.dumps([dataclasses.asdict(one) for one in seen]), encoding="utf-8")
        return seen

    def judged(self, picture: Picture, concepts: Sequence[Concept], group: Group, nouns: str) -> Seen:
        """What the judge sees in one picture, whose prompt in plain nouns is `nouns`."""
        attention = self._attention(picture, concepts, group)
        parts = windows(picture.image)
        places = [place(picture.image, each) for each in attention]
        cosines = (
            self.judge.encode([*parts, *places]) @ self.judge.encode([member.unseen for member in group]).T
        )
        agreement = self.judge.encode([picture.image]) @ self.judge.encode_text([nouns]).T
        return Seen(cosines[: len(parts)].tolist(), cosines[len(parts) :].tolist(), agreement.item())

    @torch.no_grad()
    def _attention(self, picture: Picture, concepts: Sequence[Concept], group: Group) -> Tensor:
        """Where each handle looks in a picture (k, s, s); at strength 0, where its noun does."""
        text, recipe = self.backbone.text, picture.recipe
        plain = [member for member in group if not recipe.strength(member.handle)]
        latents, _ = self.backbone.encode_photos(np.asarray(picture.image)[None])
        nouns = {member.handle: text.embeddings_of(member.noun) for member in plain}
        with attach(self.backbone, active_edits(recipe, concepts)), text.new_words(nouns):
            spans = text.tokenize(recipe.prompt).spans
            positions = [spans[member.handle] for member in group]
            return word_attention_maps(self.backbone, latents, recipe.prompt, positions)[:, 0]

    def learned(self, member: Member) -> Concept:
        """A member's concept."""
        folder = self.folder / "concepts" / member.name
        concept, _ = learned(self.backbone, member.case, member.variant, self.sampling, folder)
        return concept


def listed(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown: means over groups with a 95 % interval, and for each way a confusion matrix: how
    often the place of the first, second ... handle is most like the first, second ... subject."""
    columns = list(rows[0].measures())
    lines = [f"| way | learned with | groups | {' | '.join(columns)} |", "|---" * (3 + len(columns)) + "|"]
    keys = sorted({(row.methods, row.way) for row in rows}, key=lambda key: _order(rows, key))
    for methods, way in keys:
        chosen = [row.measures() for row in rows if (row.methods, row.way) == (methods, way)]
        cells = [str(Estimate.of(measures[column] for measures in chosen)) for column in columns]
        lines.append(f"| {way} | {methods} | {len(chosen)} | {' | '.join(cells)} |")
    for way in dict.fromkeys(row.way for row in rows):
        seen = [one for row in rows if row.way == way for one in row.seen]
        count = len(seen[0].places)
        shares = [
            [statistics.fmean(one.nearest[handle] == subject for one in seen) for subject in range(count)]
            for handle in range(count)
        ]
        said = "; ".join(" ".join(f"{100 * share:.0f} %" for share in line) for line in shares)
        lines.append(f"\n{way}, handles by subjects: {said}")
    return "\n".join(lines)


def _order(rows: Sequence[Row], key: tuple[str, str]) -> int:
    return next(number for number, row in enumerate(rows) if (row.methods, row.way) == key)
