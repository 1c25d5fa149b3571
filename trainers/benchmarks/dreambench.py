"""DreamBench: the protocol by which the field's papers compare (Ruiz et al., arXiv 2208.12242, section 4.1).

Thirty subjects with 4 to 6 photos each, 25 prompts per subject, four seeds: 3,000 pictures. Every method
learns from all photos of a subject and is compared with those same photos:

    DINO, CLIP-I  mean cosine of all pairs (picture, photo) of a subject
    CLIP-T        mean cosine of picture and prompt, read with the class and without the learned word

and all three are averaged over subjects. Two controls stand beside the methods: the photos compared with
each other, without self-pairs (what can be reached), and pictures of the plain class. The handle stands for
the paper's "[unique token] [class]": "a <backpack> in the jungle" is read as "a backpack in the jungle".
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from studio.edits.concept import Concept
from studio.evaluation.concept_scoring import measure
from studio.evaluation.encoders import Encoders
from studio.evaluation.measures import pairs
from studio.evaluation.painted_set import PromptPictures, paint_or_load
from studio.evaluation.scorecard import References
from studio.events import Event, Step
from studio.intervals import Estimate
from studio.models import dino
from studio.models.backbone import Backbone
from studio.recipes.recipe import Sampling
from studio.recipes.spoken import with_noun
from trainers.benchmarks.dreambench_cases import prompts_for
from trainers.benchmarks.method_trial import Case, SubjectTask
from trainers.benchmarks.saved_scores import read_made, write_made
from trainers.benchmarks.trial_task import Runner, Tools, TrialTask, in_turn
from trainers.benchmarks.variants import Variant

REAL_ROW = "real images"


@dataclasses.dataclass(frozen=True)
class SubjectScore:
    """The measures of one subject by one method.

    Args:
        case: the subject's handle, without brackets.
        method: the variant, or the title of a control row.
        structure, likeness: mean cosines of pictures and photos (DINO and CLIP-I in papers), -1..1.
        agreement: mean cosine of picture and prompt (CLIP-T), -1..1; None for photos, and where no encoder
            reads prompts.
        encoders: the names of the encoders by what they measured.
    """

    case: str
    method: str
    structure: float
    likeness: float
    agreement: float | None
    encoders: dict[str, str]


@dataclasses.dataclass(frozen=True)
class BenchTask(SubjectTask):
    """A row of the benchmark for one subject.

    Args:
        place: which subject it is of how many.
    """

    place: str

    @property
    def heading(self) -> str:
        """See `TrialTask.heading`."""
        return f"{super().heading} ({self.place})"

    def saved(self, tools: Tools, folder: Path) -> SubjectScore | None:
        """See `TrialTask.saved`: with the same concept, sampling, base and encoders."""
        made_with = self._made_with(tools, folder)
        saved = read_made(self.score_file(folder), lambda fields: SubjectScore(**fields), made_with)
        return saved if saved and saved.encoders == tools.encoders.names else None

    def run(self, tools: Tools, folder: Path) -> Generator[Event, None, SubjectScore]:
        """See `TrialTask.run`."""
        concepts, _ = self.learn(tools, folder, self.case.photos)
        fields, file = self._recipe_fields(folder), self.score_file(folder)
        painting = _paint_and_score(tools, self.case, self.row, concepts, self.sampling, fields, file.parent)
        score = yield from painting
        write_made(file, dataclasses.asdict(score), self._made_with(tools, folder))
        return score

    def summary(self, score: SubjectScore) -> str:
        """See `TrialTask.summary`."""
        return f"{score.method}: structure {score.structure:.3f}, likeness {score.likeness:.3f}"

    def _made_with(self, tools: Tools, folder: Path) -> dict[str, Any]:
        sampling = dataclasses.asdict(self.sampling) | self._recipe_fields(folder)
        return {"sampling": sampling, "base": tools.backbone.fingerprint}

    def _recipe_fields(self, folder: Path) -> dict[str, Any]:
        """Return the fields of the recipes, with the hash of the concept if it is learned already."""
        if self.variant is None:
            return {}
        handle, file = self.case.subject.handle, self.concept_file(folder)
        content = file.read_bytes() if file.is_file() else b""
        hashes = {"concepts": {handle: hashlib.sha256(content).hexdigest()}}
        return self.variant.recipe_fields([handle]) | hashes


@dataclasses.dataclass(frozen=True)
class PhotosTask(SubjectTask):
    """The photos of a subject compared with each other. It is quick, and not saved."""

    def saved(self, tools: Tools, folder: Path) -> SubjectScore:
        """Return the score: measured whenever it is asked for."""
        return _score_photos(tools.encoders, self.case)

    def run(self, tools: Tools, folder: Path) -> Generator[Event, None, SubjectScore]:
        """See `TrialTask.run`."""
        yield from ()
        return self.saved(tools, folder)


def dreambench(
    backbone: Backbone,
    encoders: Encoders,
    cases: Sequence[Case],
    variants: Sequence[Variant],
    sampling: Sampling,
    folder: Path,
    run: Runner = in_turn,
) -> Iterator[Event]:
    """Run the benchmark; the last event is a Result with the SubjectScores.

    Concepts, pictures and scores are saved in `folder`, so that an interrupted run goes on; with other
    encoders only the measuring is repeated.

    Args:
        sampling: the first seed, the number of seeds (`count`), sampling steps and guidance.
        run: does the tasks, here or elsewhere.
    """
    tasks: list[TrialTask] = []
    for number, case in enumerate(cases, 1):
        rows = [
            BenchTask(case, variant, sampling, f"{number} of {len(cases)}") for variant in (None, *variants)
        ]
        photos = [PhotosTask(case, None, sampling)] if len(case.photos) > 1 else []
        tasks += [*photos, *rows]
    return run(tasks, Tools(backbone, encoders), folder)


def _paint_and_score(
    tools: Tools,
    case: Case,
    method: str,
    concepts: Sequence[Concept],
    sampling: Sampling,
    recipe_fields: Mapping[str, Any],
    folder: Path,
) -> Generator[Event, None, SubjectScore]:
    """Paint and measure all prompts; pictures that are there already are opened."""
    prompts, noun, encoders = prompts_for(case.subject.noun), case.subject.noun, tools.encoders
    series = []
    for number, prompt in enumerate(prompts):
        plain = with_noun(prompt, noun)
        text = prompt.format(case.subject.handle) if concepts else plain
        recipe = sampling.with_prompt(text, **recipe_fields)
        pictures = tuple(paint_or_load(tools.backbone, recipe, concepts, folder, f"{number:02d}"))
        series.append(PromptPictures(plain, pictures))
        yield Step(number + 1, len(prompts), stage=method)
    measures = measure(encoders, series, References((), _squares(case)))
    agreement = measures["agreement"].mean if "agreement" in measures else None
    name = case.subject.handle.strip("<>")
    structure, likeness = measures["structure"].mean, measures["likeness"].mean
    return SubjectScore(name, method, structure, likeness, agreement, encoders.names)


def _squares(case: Case) -> tuple[Image.Image, ...]:
    return tuple(photo.square(photo.side) for photo in case.photos)


def _score_photos(encoders: Encoders, case: Case) -> SubjectScore:
    """Compare the photos with each other, without self-pairs."""
    squares = _squares(case)
    structure, likeness = (
        pairs(encoder.encode(squares)) for encoder in (encoders.structure, encoders.subject)
    )
    name = case.subject.handle.strip("<>")
    return SubjectScore(name, REAL_ROW, structure.mean().item(), likeness.mean().item(), None, encoders.names)


def dreambench_table(scores: Sequence[SubjectScore]) -> str:
    """Return the table that papers print, as Markdown: means over subjects with 95 % intervals.

    Columns are called DINO and CLIP only when those encoders measured.
    """
    names = scores[0].encoders
    is_dino = names["structure"].startswith(dino.MODEL)
    is_clip = names.get("prompt agreement") == names["likeness"] and not names["likeness"].startswith("judge")
    titles = (
        "DINO" if is_dino else "structure",
        "CLIP-I" if is_clip else "likeness",
        "CLIP-T" if is_clip else "prompt agreement",
    )
    lines = [f"| method | subjects | {' | '.join(titles)} |", "|---|---|---|---|---|"]
    for method in dict.fromkeys(score.method for score in scores):
        own = [score for score in scores if score.method == method]
        measures = (
            [getattr(score, name) for score in own] for name in ("structure", "likeness", "agreement")
        )
        known = ([value for value in values if value is not None] for values in measures)
        cells = [str(Estimate.of(values) or "") for values in known]
        lines.append(f"| {method} | {len(own)} | {' | '.join(cells)} |")
    reader = names.get("prompt agreement", "no encoder that reads prompts")
    encoders = (names["structure"], names["likeness"], reader)
    lines += ["", *(f"{title}: {name}." for title, name in zip(titles, encoders, strict=True))]
    if not (is_dino and is_clip):
        lines.append("Papers use DINO ViT-S/16 and CLIP: these numbers are not comparable with theirs.")
    return "\n".join(lines)
