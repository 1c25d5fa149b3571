"""A trial: learn the same subjects with several methods, paint the same prompts, and let a judge compare.

Every number has its control row, the plain noun painted by the untouched base with the same seeds, and an
interval. Photos that the judge compares with can be held out from training.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event, Note, Result
from studio.generation.generate import generate
from studio.intervals import Estimate
from studio.models.backbone import Backbone
from studio.models.image_encoder import ImageTextEncoder
from studio.photos.photo import Photo, open_photo
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from trainers.benchmarks.variants import Variant
from trainers.kit.loop import train

BASE_ROW, BASE_FOLDER = "plain noun", "plain-noun"
CONCEPT = "concept.safetensors"
COLOURS = ("blue", "red", "green", "yellow", "pink", "white", "orange", "purple", "brown", "gray")
PROMPTS = (*(f"{{}} on a {colour} background" for colour in COLOURS), "{} as a sticker", "{} as a sketch")


@dataclasses.dataclass(frozen=True)
class Case:
    """One subject of a trial. `unseen` are photos that likeness is measured against, never trained on."""

    subject: Subject
    photos: tuple[Photo, ...]
    unseen: tuple[Photo, ...] = ()


@dataclasses.dataclass(frozen=True)
class Score:
    """One subject, one variant of a method, all prompts and seeds. `obeyed` is the share of pictures in
    which the judge reads their own prompt before any other; `pictures` says how many there were."""

    case: str
    method: str
    pictures: int
    likeness: float
    agreement: float
    obeyed: float
    seconds: float
    size_bytes: int


def cases_in(folder: Path) -> list[Case]:
    """The subjects of a folder with a `subjects.json`, as `assets/demo` has one. The last photo of each is
    held out. Raises StudioError when there are none."""
    try:
        listed = json.loads((folder / "subjects.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudioError(
            f"There is no subjects.json in {folder}.", "Name a folder like assets/demo."
        ) from error
    cases = []
    for entry in listed:
        photos = tuple(open_photo(folder / name) for name in entry["photos"])
        cases.append(Case(Subject(entry["handle"], entry["noun"]), photos[:-1] or photos, photos[-1:]))
    return cases


def part_of(cases: Sequence[Any], text: str) -> list[Any]:
    """A process's share of the cases: "2/3" is every third, from the second on. Raises StudioError when the
    text is none."""
    first, _, step = text.partition("/")
    if not (first.isdecimal() and step.isdecimal() and 1 <= int(first) <= int(step)):
        raise StudioError(f"The part {text} cannot be read.", "Give 1/2 to one process and 2/2 to another.")
    return list(cases[int(first) - 1 :: int(step)])


def trial(
    backbone: Backbone,
    judge: ImageTextEncoder,
    cases: Sequence[Case],
    variants: Sequence[Variant],
    sampling: Sampling,
    folder: Path,
    seeds: int = 4,
    prompts: Sequence[str] = PROMPTS,
) -> Iterator[Event]:
    """Run it; the last event is a Result with the list of Scores. Pictures, concepts and scores are kept in
    `folder`, and what is there already, of as many pictures, is not made again."""
    scores: list[Score] = []
    for case in cases:
        name = case.subject.handle.strip("<>")
        yield Note(f"{name}, a {case.subject.noun}")
        for variant in (None, *variants):
            place = folder / name / (variant.folder if variant else BASE_FOLDER)
            kept = place / "score.json"
            if kept.exists():
                score = Score(**json.loads(kept.read_text(encoding="utf-8")))
                if score.pictures == seeds * len(prompts):
                    scores.append(score)
                    continue
            if variant is None:
                score = _scored(backbone, judge, case, BASE_ROW, None, sampling, {}, place, seeds, prompts)
            else:
                source = folder / name / variant.learned
                concept, seconds = learned(backbone, case, variant, sampling, source)
                more = variant.recipe_fields([case.subject.handle])
                score = _scored(
                    backbone, judge, case, variant.text, concept, sampling, more, place, seeds, prompts
                )
                size = (source / CONCEPT).stat().st_size
                score = dataclasses.replace(score, seconds=seconds, size_bytes=size)
            kept.write_text(json.dumps(dataclasses.asdict(score)), encoding="utf-8")
            scores.append(score)
            yield Note(f"  {score.method}: likeness {score.likeness:.3f}, {score.seconds:.0f} s to train")
    yield Result(scores)


def learned(
    backbone: Backbone, case: Case, variant: Variant, sampling: Sampling, place: Path
) -> tuple[Concept, float]:
    """The concept of one subject by one variant and the seconds it took, kept in `place`; one that is there
    already is opened."""
    kept, took = place / CONCEPT, place / "seconds.json"
    if not took.exists():
        place.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        photos = PhotoSet.of(case.photos, tuple(case.subject.handles))
        cache = place.parent.parent / "cache"
        method, subject = variant.method, case.subject
        *_, last = train(method, backbone, photos, subject, variant.settings, sampling, cache)
        assert isinstance(last, Result)
        last.value.save(kept)
        took.write_text(json.dumps(round(time.perf_counter() - started, 1)), encoding="utf-8")
    return Concept.open(kept), json.loads(took.read_text(encoding="utf-8"))


def _scored(
    backbone: Backbone,
    judge: ImageTextEncoder,
    case: Case,
    row: str,
    concept: Concept | None,
    sampling: Sampling,
    more: Mapping[str, Any],
    folder: Path,
    seeds: int,
    prompts: Sequence[str],
) -> Score:
    """Paint every prompt with every seed and ask the judge, who reads the noun for the handle."""
    folder.mkdir(parents=True, exist_ok=True)
    noun = f"a {case.subject.noun}"
    name = case.subject.handle if concept else noun
    photos = judge.encode([photo.square(photo.side) for photo in case.unseen or case.photos])
    asked = judge.encode_text([prompt.format(noun) for prompt in prompts])
    likenesses, agreements, obeyed = [], [], []
    for number, prompt in enumerate(prompts):
        recipe = dataclasses.replace(sampling, count=seeds).with_prompt(prompt.format(name), **more)
        events = generate(backbone, recipe, [concept] if concept else [])
        pictures = [event.value.image for event in events if isinstance(event, Result)]
        for seed, picture in enumerate(pictures):
            picture.save(folder / f"{number}-{seed}.png")
        seen = judge.encode(pictures)
        fits = seen @ asked.T
        likenesses += (seen @ photos.T).mean(1).tolist()
        agreements += fits[:, number].tolist()
        obeyed += (fits.argmax(1) == number).tolist()
    mean = statistics.fmean
    place = case.subject.handle.strip("<>")
    return Score(place, row, len(obeyed), mean(likenesses), mean(agreements), mean(obeyed), 0.0, 0)


def table(scores: Sequence[Score]) -> str:
    """The scores as Markdown: a row per method, means over subjects with a 95 % interval."""
    columns = ("method", "subjects", "pictures", "likeness", "prompt agreement", "prompt obeyed", "file")
    lines = [f"| {' | '.join(columns)} | seconds to train |", "|---" * (len(columns) + 1) + "|"]
    for method in dict.fromkeys(score.method for score in scores):
        rows = [score for score in scores if score.method == method]
        size = statistics.fmean(row.size_bytes for row in rows)
        cells = [
            method,
            str(len(rows)),
            str(sum(row.pictures for row in rows)),
            *(str(Estimate.of(getattr(row, name) for row in rows)) for name in _MEASURES),
        ]
        cells += [
            f"{size / 1000:.0f} kB" if size else "",
            f"{statistics.fmean(row.seconds for row in rows):.0f}" if size else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


_MEASURES = ("likeness", "agreement", "obeyed")
