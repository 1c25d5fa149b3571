"""Compare methods on the same subjects: learn, paint the same prompts, and measure with an image encoder.

Every table has a control row, the plain noun painted by the untouched base with the same seeds, and intervals
over subjects. The photos that pictures are compared with can be held out from training.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.evaluation.encoders import Encoders
from studio.events import Event, Result
from studio.files import png_bytes, write_atomic
from studio.generation.generate import generate
from studio.method import Method
from studio.models.backbone import Backbone
from studio.models.image_encoder import ImageTextEncoder, SubjectJudge
from studio.photos.click_mask import propose_mask
from studio.photos.photo import Photo, open_photo
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from trainers.benchmarks.method_scores import MethodScore
from trainers.benchmarks.saved_scores import SCORE, read_made, write_made
from trainers.benchmarks.trained_concepts import CONCEPT, train_or_open
from trainers.benchmarks.trial_task import Runner, Tools, TrialTask, in_turn
from trainers.benchmarks.variants import Variant, made_with

MIDDLE = (0.5, 0.5)
BASE_ROW, BASE_FOLDER = "plain noun", "plain-noun"
COLOURS = ("blue", "red", "green", "yellow", "pink", "white", "orange", "purple", "brown", "gray")
SCENES = ("{} on a blue background", "{} on the beach at night", "{} in the forest", "{} in a box")
PROMPTS = (*(f"{{}} on a {colour} background" for colour in COLOURS), "{} as a sticker", "{} as a sketch")


@dataclasses.dataclass(frozen=True)
class Case:
    """One subject of a trial. Likeness is measured against `unseen`, photos that no training gets."""

    subject: Subject
    photos: tuple[Photo, ...]
    unseen: tuple[Photo, ...] = ()


def cases_in(folder: Path) -> list[Case]:
    """Return the subjects of a folder with a `subjects.json`, such as `assets/demo`.

    The last photo of each is held out. Raises StudioError when there is no such file.
    """
    try:
        entries = json.loads((folder / "subjects.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudioError(
            "There is no subjects.json in {folder}.", "Name a folder like assets/demo.", folder=folder
        ) from error
    cases = []
    for entry in entries:
        photos = tuple(open_photo(folder / name) for name in entry["photos"])
        cases.append(Case(Subject(entry["handle"], entry["noun"]), photos[:-1] or photos, photos[-1:]))
    return cases


def shown_to(method: type[Method], case: Case) -> tuple[Photo, ...]:
    """Return the photos that a method learns from.

    One that needs masks gets the first photo alone, with a mask by a click on its middle.
    """
    if not method.needs.masks or case.photos[0].masks:
        return case.photos
    first = case.photos[0]
    return (first.with_mask(0, propose_mask(first.square(first.side), [MIDDLE])),)


def part_of(cases: Sequence[Any], text: str) -> list[Any]:
    """Return one process's share of the cases: "2/3" is every third, from the second on.

    Raises StudioError when the text is not of this form, or nothing is left for it.
    """
    first, _, step = text.partition("/")
    if not (first.isdecimal() and step.isdecimal() and 1 <= int(first) <= int(step)):
        raise StudioError(
            "The part {written} cannot be read.", "Give 1/2 to one process and 2/2 to another.", written=text
        )
    share = list(cases[int(first) - 1 :: int(step)])
    if not share:
        raise StudioError(
            "Nothing is left for the part {written}: there are {count} to share.",
            "Share them among fewer processes.",
            written=text,
            count=len(cases),
        )
    return share


@dataclasses.dataclass(frozen=True)
class SubjectTask(TrialTask):
    """A subject learned by a variant, or painted as the plain noun without one; what trials of it share."""

    case: Case
    variant: Variant | None
    sampling: Sampling

    @property
    def heading(self) -> str:
        """See `TrialTask.heading`."""
        return f"{self.name}, a {self.case.subject.noun}"

    @property
    def folders(self) -> tuple[str, ...]:
        """See `TrialTask.folders`."""
        names = [self.variant.concept_folder, self.variant.picture_folder] if self.variant else [BASE_FOLDER]
        return tuple(f"{self.name}/{name}" for name in names)

    @property
    def name(self) -> str:
        """Return the subject's handle without brackets."""
        return self.case.subject.handle.strip("<>")

    @property
    def row(self) -> str:
        """Return the title of the row of the table."""
        return self.variant.text if self.variant else BASE_ROW

    def concept_file(self, folder: Path) -> Path:
        """Return the file of the concept that is learned."""
        return folder / self.folders[0] / CONCEPT

    def score_file(self, folder: Path) -> Path:
        """Return the file that the score is saved in."""
        return folder / self.folders[-1] / SCORE

    def learn(self, tools: Tools, folder: Path, photos: Sequence[Photo]) -> tuple[list[Concept], float]:
        """Return the concept, if there is a variant, and the seconds that its training took."""
        if self.variant is None:
            return [], 0.0
        home = self.concept_file(folder).parent
        concept, seconds = train_or_open(
            tools.backbone, self.case.subject, photos, self.variant, self.sampling, home
        )
        return [concept], seconds


@dataclasses.dataclass(frozen=True)
class MethodTask(SubjectTask):
    """A row of a method trial for one subject.

    Args:
        seeds: pictures of each prompt.
        prompts: with one {} for the subject's name.
    """

    seeds: int
    prompts: tuple[str, ...]

    def saved(self, tools: Tools, folder: Path) -> MethodScore | None:
        """See `TrialTask.saved`: of the same pictures, by a judge if there is one."""
        saved = read_made(
            self.score_file(folder), lambda fields: MethodScore(**fields), self._made_with(tools)
        )
        return saved if saved and (saved.subject is None) == (tools.encoders.judge is None) else None

    def run(self, tools: Tools, folder: Path) -> Generator[Event, None, MethodScore]:
        """See `TrialTask.run`."""
        yield from ()
        photos = shown_to(self.variant.method, self.case) if self.variant else ()
        concepts, seconds = self.learn(tools, folder, photos)
        size = self.concept_file(folder).stat().st_size if concepts else 0
        score = dataclasses.replace(self._score(tools, concepts, folder), seconds=seconds, size_bytes=size)
        write_made(self.score_file(folder), dataclasses.asdict(score), self._made_with(tools))
        return score

    def _made_with(self, tools: Tools) -> dict[str, Any]:
        variants = {self.name: self.variant}
        return made_with(tools.backbone, self.sampling, self.prompts, self.seeds, variants)

    def summary(self, score: MethodScore) -> str:
        """See `TrialTask.summary`."""
        return f"{score.method}: likeness {score.likeness:.3f}, {score.seconds:.0f} s to train"

    def _score(self, tools: Tools, concepts: Sequence[Concept], folder: Path) -> MethodScore:
        """Paint every prompt with every seed and measure them; prompts are compared in plain nouns."""
        encoder, judge, case = tools.encoders.text, tools.encoders.judge, self.case
        assert encoder is not None
        folder = self.score_file(folder).parent
        folder.mkdir(parents=True, exist_ok=True)
        recipe_fields = self.variant.recipe_fields([case.subject.handle]) if self.variant else {}
        noun = f"a {case.subject.noun}"
        name = case.subject.handle if concepts else noun
        unseen = [photo.square(photo.side) for photo in case.unseen or case.photos]
        photos = encoder.encode(unseen)
        seen_photos = judge and judge.see(unseen)
        subjects: list[float] = []
        cleanliness: list[float] = []
        texts = encoder.encode_text([prompt.format(noun) for prompt in self.prompts])
        likenesses, agreements, obeyed = [], [], []
        for number, prompt in enumerate(self.prompts):
            recipe = dataclasses.replace(self.sampling, count=self.seeds).with_prompt(
                prompt.format(name), **recipe_fields
            )
            events = generate(tools.backbone, recipe, concepts)
            pictures = [event.value.image for event in events if isinstance(event, Result)]
            for seed, picture in enumerate(pictures):
                write_atomic(folder / f"{number}-{seed}.png", png_bytes(picture))
            if judge and seen_photos:
                seen = judge.see(pictures)
                subjects += seen.subject_of(seen_photos).mean(1).tolist()
                cleanliness += seen.clean.tolist()
            features = encoder.encode(pictures)
            cosines = features @ texts.T
            likenesses += (features @ photos.T).mean(1).tolist()
            agreements += cosines[:, number].tolist()
            obeyed += (cosines.argmax(1) == number).tolist()
        mean = statistics.fmean
        return MethodScore(
            self.name,
            self.row,
            len(obeyed),
            mean(likenesses),
            mean(agreements),
            mean(obeyed),
            seconds=0.0,
            size_bytes=0,
            subject=mean(subjects) if judge else None,
            cleanliness=mean(cleanliness) if judge else None,
        )


def method_trial(
    backbone: Backbone,
    encoder: ImageTextEncoder,
    cases: Sequence[Case],
    variants: Sequence[Variant],
    sampling: Sampling,
    folder: Path,
    seeds: int = 4,
    prompts: Sequence[str] = PROMPTS,
    judge: SubjectJudge | None = None,
    run: Runner = in_turn,
) -> Iterator[Event]:
    """Run the trial; the last event is a Result with the list of MethodScores.

    Pictures, concepts and scores are saved in `folder`. A score of the same pictures is not measured again.

    Args:
        seeds: pictures of each prompt.
        prompts: with one {} for the subject's name.
        judge: measures subject and cleanliness as well.
        run: does the tasks, here or elsewhere.
    """
    tasks = [
        MethodTask(case, variant, sampling, seeds, tuple(prompts))
        for case in cases
        for variant in (None, *variants)
    ]
    return run(tasks, Tools(backbone, Encoders(encoder, encoder, encoder, judge)), folder)
