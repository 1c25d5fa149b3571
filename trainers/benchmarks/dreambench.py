"""DreamBench: the protocol by which the field's papers compare (Ruiz et al., arXiv 2208.12242, section 4.1).

Thirty subjects with 4 to 6 photos each, 25 prompts per subject, four seeds: 3,000 pictures. Every method
learns from all photos of a subject and is compared with those same photos:

    DINO, CLIP-I  mean cosine of all pairs (picture, photo) of a subject
    CLIP-T        mean cosine of picture and prompt, read with the class and without the learned word

and all three are averaged over subjects. Beside the methods stand the photos against each other, without
self-pairs (what can be reached), and the plain class. The handle stands for the paper's "[unique token]
[class]": "a <backpack> in the jungle" is read as "a backpack in the jungle".
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.evaluation.concept_scoring import measure
from studio.evaluation.encoders import Encoders
from studio.evaluation.measures import pairs
from studio.evaluation.painted_set import PromptPictures, paint_or_load
from studio.evaluation.scorecard import References
from studio.events import Event, Note, Result, Step
from studio.handles import to_handle
from studio.intervals import Estimate
from studio.models import dino
from studio.models.backbone import Backbone
from studio.photos.photo import open_photo
from studio.recipes.recipe import Sampling
from studio.recipes.spoken import with_noun
from studio.starter import STARTER
from studio.subject import Subject
from trainers.benchmarks.method_trial import BASE_FOLDER, BASE_ROW, CONCEPT, Case, learned
from trainers.benchmarks.variants import Variant

LISTS = STARTER.parent / "dreambench"
LISTING = "prompts_and_classes.txt"
LIVE = ("cat", "dog")  # the classes of the protocol's nine live subjects
PHOTOS = (".jpg", ".jpeg", ".png", ".webp")
REAL_ROW = "real images"


@dataclasses.dataclass(frozen=True)
class Row:
    """One subject by one method. `eyes` are the names of those who looked; `prompt` is None where none of
    them reads, and for photos."""

    case: str
    method: str
    structure: float
    likeness: float
    prompt: float | None
    eyes: dict[str, str]


def prompts_for(noun: str) -> tuple[str, ...]:
    """The protocol's 25 prompts for a class, "{}" where it stands: 15 are the same for all, live subjects
    have ten outfits where objects have ten places."""
    file = LISTS / ("live.txt" if noun in LIVE else "objects.txt")
    return tuple(file.read_text(encoding="utf-8").splitlines())


def subjects_in(folder: Path) -> list[Case]:
    """The subjects of a folder in DreamBench's layout: a folder of photos each, whose class is in the
    folder's prompts_and_classes.txt as a line "name,class", or else in the protocol's own list. Raises
    StudioError when there are none, or a photo cannot be used."""
    listing = folder / LISTING
    listing = listing if listing.is_file() else LISTS / "subjects.txt"
    lines = listing.read_text(encoding="utf-8").splitlines()
    named = [match.groups() for line in lines if (match := re.fullmatch(r"(\w+),([\w ]+)", line.strip()))]
    cases = []
    for name, noun in named:
        paths = sorted((folder / name).glob("*")) if (folder / name).is_dir() else []
        try:
            photos = tuple(open_photo(path) for path in paths if path.suffix.lower() in PHOTOS)
        except StudioError as error:
            raise StudioError(f"A photo of {name} cannot be used: {error.message}.", error.hint) from error
        if photos:
            cases.append(Case(Subject(to_handle(name), noun), photos))
    if not cases:
        hint = f"There should be a folder of photos for each subject, listed in {LISTING}."
        raise StudioError(f"There are no subjects in {folder}.", hint)
    return cases


def dreambench(
    backbone: Backbone,
    eyes: Encoders,
    cases: Sequence[Case],
    variants: Sequence[Variant],
    sampling: Sampling,
    folder: Path,
) -> Iterator[Event]:
    """Run the benchmark; the last event is a Result with the Rows.

    `sampling` holds the first seed, the number of seeds (`count`), sampling steps and guidance. Concepts,
    pictures and rows are saved in `folder`, so that an interrupted run goes on where it was; with other
    encoders only the measuring is repeated.
    """
    rows: list[Row] = []
    for number, case in enumerate(cases, 1):
        handle = case.subject.handle
        place = folder / handle.strip("<>")
        yield Note(f"{handle.strip('<>')}, a {case.subject.noun} ({number} of {len(cases)})")
        if len(case.photos) > 1:
            rows.append(_real(eyes, case))
        rows.append((yield from _row(backbone, eyes, case, BASE_ROW, [], sampling, {}, place / BASE_FOLDER)))
        for variant in variants:
            concept, _ = learned(backbone, case, variant, sampling, place / variant.learned)
            kept = (place / variant.learned / CONCEPT).read_bytes()
            more = variant.recipe_fields([handle]) | {"concepts": {handle: hashlib.sha256(kept).hexdigest()}}
            row = yield from _row(
                backbone, eyes, case, variant.text, [concept], sampling, more, place / variant.folder
            )
            yield Note(f"  {row.method}: structure {row.structure:.3f}, likeness {row.likeness:.3f}")
            rows.append(row)
    yield Result(rows)


def _row(
    backbone: Backbone,
    eyes: Encoders,
    case: Case,
    method: str,
    concepts: Sequence[Concept],
    sampling: Sampling,
    more: Mapping[str, Any],
    folder: Path,
) -> Generator[Event, None, Row]:
    """Paint and measure, unless the very same was done before."""
    prompts, noun = prompts_for(case.subject.noun), case.subject.noun
    kept, told = (
        folder / "row.json",
        {"look": dataclasses.asdict(sampling) | dict(more), "base": backbone.fingerprint},
    )
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known.pop("told") == told and known["eyes"] == eyes.names:
            return Row(**known)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    series = []
    for number, prompt in enumerate(prompts):
        read = with_noun(prompt, noun)
        recipe = sampling.with_prompt(prompt.format(case.subject.handle) if concepts else read, **more)
        pictures = tuple(paint_or_load(backbone, recipe, concepts, folder, f"{number:02d}"))
        series.append(PromptPictures(read, pictures))
        yield Step(number + 1, len(prompts), stage=method)
    seen = measure(eyes, series, References((), _squares(case)))
    agreement = seen["agreement"].mean if "agreement" in seen else None
    name = case.subject.handle.strip("<>")
    row = Row(name, method, seen["structure"].mean, seen["likeness"].mean, agreement, eyes.names)
    kept.write_text(json.dumps(dataclasses.asdict(row) | {"told": told}), encoding="utf-8")
    return row


def _squares(case: Case) -> tuple[Image.Image, ...]:
    return tuple(photo.square(photo.side) for photo in case.photos)


def _real(eyes: Encoders, case: Case) -> Row:
    """The photos against each other."""
    structure, likeness = (pairs(eye.encode(_squares(case))) for eye in (eyes.structure, eyes.subject))
    name = case.subject.handle.strip("<>")
    return Row(name, REAL_ROW, structure.mean().item(), likeness.mean().item(), None, eyes.names)


def table(rows: Sequence[Row]) -> str:
    """The table that papers print, as Markdown: means over subjects with 95 % intervals. Columns are called
    DINO and CLIP only when those looked."""
    names = rows[0].eyes
    is_dino = names["structure"].startswith(dino.MODEL)
    is_clip = names.get("prompt agreement") == names["likeness"] and not names["likeness"].startswith("judge")
    titles = (
        "DINO" if is_dino else "structure",
        "CLIP-I" if is_clip else "likeness",
        "CLIP-T" if is_clip else "prompt agreement",
    )
    lines = [f"| method | subjects | {' | '.join(titles)} |", "|---|---|---|---|---|"]
    for method in dict.fromkeys(row.method for row in rows):
        mine = [row for row in rows if row.method == method]
        measures = ([getattr(row, name) for row in mine] for name in ("structure", "likeness", "prompt"))
        known = ([value for value in values if value is not None] for values in measures)
        cells = [str(Estimate.of(values) or "") for values in known]
        lines.append(f"| {method} | {len(mine)} | {' | '.join(cells)} |")
    lines += ["", *(f"{title}: {name}." for title, name in zip(titles, _said(names), strict=True))]
    if not (is_dino and is_clip):
        lines.append("Papers look with DINO ViT-S/16 and CLIP: these numbers are not comparable with theirs.")
    return "\n".join(lines)


def _said(names: dict[str, str]) -> tuple[str, ...]:
    return names["structure"], names["likeness"], names.get("prompt agreement", "nobody who reads")
