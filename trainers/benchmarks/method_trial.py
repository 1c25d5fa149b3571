"""Compare methods on the same subjects: learn, paint the same prompts, and measure with an image encoder.

Every table has a control row, the plain noun painted by the untouched base with the same seeds, and intervals
over subjects. The photos that pictures are compared with can be held out from training.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event, Note, Result
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
from trainers.benchmarks.saved_scores import read_scores, write_json
from trainers.benchmarks.trained_concepts import CONCEPT, train_or_open
from trainers.benchmarks.variants import Variant

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
            f"There is no subjects.json in {folder}.", "Name a folder like assets/demo."
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

    Raises StudioError when the text is not of this form.
    """
    first, _, step = text.partition("/")
    if not (first.isdecimal() and step.isdecimal() and 1 <= int(first) <= int(step)):
        raise StudioError(f"The part {text} cannot be read.", "Give 1/2 to one process and 2/2 to another.")
    return list(cases[int(first) - 1 :: int(step)])


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
) -> Iterator[Event]:
    """Run the trial; the last event is a Result with the list of MethodScores.

    Pictures, concepts and scores are saved in `folder`. A score of as many pictures is not measured again.

    Args:
        seeds: pictures of each prompt.
        prompts: with one {} for the subject's name.
        judge: measures subject and cleanliness as well.
    """
    scores: list[MethodScore] = []
    for case in cases:
        name = case.subject.handle.strip("<>")
        yield Note(f"{name}, a {case.subject.noun}")
        for variant in (None, *variants):
            pictures = folder / name / (variant.picture_folder if variant else BASE_FOLDER)
            path = pictures / "score.json"
            saved = read_scores(path, lambda fields: MethodScore(**fields))
            if (
                saved
                and saved.pictures == seeds * len(prompts)
                and (saved.subject is None) == (judge is None)
            ):
                scores.append(saved)
                continue
            if variant is None:
                score = _score(
                    backbone, encoder, case, BASE_ROW, None, sampling, {}, pictures, seeds, prompts, judge
                )
            else:
                source = folder / name / variant.concept_folder
                photos = shown_to(variant.method, case)
                concept, seconds = train_or_open(backbone, case.subject, photos, variant, sampling, source)
                fields, text = variant.recipe_fields([case.subject.handle]), variant.text
                score = _score(
                    backbone, encoder, case, text, concept, sampling, fields, pictures, seeds, prompts, judge
                )
                size = (source / CONCEPT).stat().st_size
                score = dataclasses.replace(score, seconds=seconds, size_bytes=size)
            write_json(path, dataclasses.asdict(score))
            scores.append(score)
            yield Note(f"  {score.method}: likeness {score.likeness:.3f}, {score.seconds:.0f} s to train")
    yield Result(scores)


def _score(
    backbone: Backbone,
    encoder: ImageTextEncoder,
    case: Case,
    method: str,
    concept: Concept | None,
    sampling: Sampling,
    recipe_fields: Mapping[str, Any],
    folder: Path,
    seeds: int,
    prompts: Sequence[str],
    judge: SubjectJudge | None,
) -> MethodScore:
    """Paint every prompt with every seed and measure the pictures; prompts are compared in plain nouns."""
    folder.mkdir(parents=True, exist_ok=True)
    noun = f"a {case.subject.noun}"
    name = case.subject.handle if concept else noun
    unseen = [photo.square(photo.side) for photo in case.unseen or case.photos]
    photos = encoder.encode(unseen)
    seen_photos = judge and judge.see(unseen)
    subjects: list[float] = []
    cleanliness: list[float] = []
    texts = encoder.encode_text([prompt.format(noun) for prompt in prompts])
    likenesses, agreements, obeyed = [], [], []
    for number, prompt in enumerate(prompts):
        recipe = dataclasses.replace(sampling, count=seeds).with_prompt(prompt.format(name), **recipe_fields)
        events = generate(backbone, recipe, [concept] if concept else [])
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
    handle = case.subject.handle.strip("<>")
    return MethodScore(
        handle,
        method,
        len(obeyed),
        mean(likenesses),
        mean(agreements),
        mean(obeyed),
        seconds=0.0,
        size_bytes=0,
        subject=mean(subjects) if judge else None,
        cleanliness=mean(cleanliness) if judge else None,
    )
