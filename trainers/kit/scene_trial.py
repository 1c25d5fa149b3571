"""A trial of scenes: photos of several subjects are taken apart by several methods, and a judge says what
each handle learned, and of whom.

Each subject i of a scene has a photo s_i of it alone, on another background, that no training saw. With v the
judge's unit-norm features, x_i the pictures of handle i alone, and x the pictures of all handles together:

    likeness      mean over i, x_i of           v(x_i) . v(s_i)
    bleed         mean over i, j != i, x_i of   v(x_i) . v(s_j) - v(s_i) . v(s_j)
    all present   share of x in which every subject is found

Bleed is how much more a handle's pictures look like another subject than its own photo does: 0 is none. A
subject i is found in a picture when one of its `parts` P is more like s_i than like any other subject, and
more like it than any of them is: v(P) . v(s_i) > v(P) . v(s_j) and > v(s_i) . v(s_j) for all j != i.

The maps say where handles look in the scene itself: the overlap (IoU) of handle i's attention with mask i,
and with the masks of the others. The first row is the control, the plain nouns painted by the untouched base
with the same seeds; its maps are those from which every method starts.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from studio.backbone import Backbone
from studio.concept import Concept
from studio.edits import Active, NewWord
from studio.errors import StudioError
from studio.events import Event, Note, Result
from studio.generate import actives_of, generate
from studio.method import Subject
from studio.photo_set import PhotoSet
from studio.photos import Photo, open_photo
from studio.recipe import Recipe
from trainers.kit.folders import open_masked
from trainers.kit.overlap import overlaps, word_maps
from trainers.kit.scene import Scene
from trainers.kit.trial import CONCEPT, Case, interval, learned
from trainers.kit.variants import Variant

BASE_ROW = "plain nouns"
PROMPT = "a photo of {} on a {} background"
COLOURS = ("blue", "orange")  # no photo of the starter's scenes has them
PARTS = {0.4: 5, 0.55: 4, 0.75: 3, 1.0: 1}  # side of a part in sides of the picture: places in each direction
MEASURES = {
    "likeness": "likeness",
    "bleed": "bleed",
    "all present": "present",
    "own mask": "own_mask",
    "other masks": "other_masks",
}
VARIANTS = (
    "break_a_scene",
    "break_a_scene together=false",
    "break_a_scene attention_weight=0",
    "break_a_scene masked=false",
    "break_a_scene tuning=full",
    "textual_inversion",
    "dreambooth",
)


class Eye(Protocol):
    """What a trial of scenes asks of a judge; `studio.score.Judge` has it."""

    def look(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(n, d) unit-norm features of pictures."""


@dataclasses.dataclass(frozen=True)
class SceneCase:
    """One scene: its photo with a mask of each handle of `subject`, in order, and a photo of each alone."""

    name: str
    photo: Photo
    subject: Subject
    alone: tuple[Image.Image, ...]

    @property
    def photos(self) -> PhotoSet:
        """What is trained on."""
        return PhotoSet.of([self.photo], tuple(self.subject.handles))

    def apart(self) -> list[Case]:
        """Each subject as a case of its own, its mask the only one."""
        return [
            Case(
                Subject(handle, noun), (dataclasses.replace(self.photo, masks={0: self.photo.masks[number]}),)
            )
            for number, (handle, noun) in enumerate(self.subject.handles.items())
        ]


@dataclasses.dataclass(frozen=True)
class SceneScore:
    """One scene, one variant of a method; the measures are those at the top of this file."""

    scene: str
    method: str
    likeness: float
    bleed: float
    present: float
    own_mask: float
    other_masks: float
    seconds: float = 0.0
    size_bytes: int = 0


def scenes_in(folder: Path) -> list[SceneCase]:
    """The scenes of a folder with a `scenes.json`, as `assets/demo/scenes` has one. Raises StudioError when
    there are none, or when a subject has no mask."""
    try:
        listed = json.loads((folder / "scenes.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        hint = "Name a folder like assets/demo/scenes."
        raise StudioError(f"There is no scenes.json in {folder}.", hint) from error
    cases = []
    for entry in listed:
        first, *others = (Subject(each["handle"], each["noun"]) for each in entry["subjects"])
        subject = dataclasses.replace(first, beside=tuple(others))
        (photo,), _ = open_masked([folder / entry["photo"]], tuple(subject.handles))
        if len(photo.masks) < len(subject.handles):
            raise StudioError(f"A mask of the scene {entry['name']} is missing.", "Put it into masks/NAME.")
        alone = tuple(open_photo(folder / each["alone"]).image for each in entry["subjects"])
        cases.append(SceneCase(entry["name"], photo, subject, alone))
    return cases


def scene_trial(
    backbone: Backbone,
    judge: Eye,
    cases: Sequence[SceneCase],
    variants: Sequence[Variant],
    look: Recipe,
    folder: Path,
    seeds: int = 2,
) -> Iterator[Event]:
    """Run it; the last event is a Result with the list of SceneScores. A method that learns one subject at a
    time learns each from the same photo under its own mask. Pictures, concepts and scores are kept in
    `folder`, and what is there already is not made again."""
    scores: list[SceneScore] = []
    for case in cases:
        yield Note(f"{case.name}: {', '.join(case.subject.handles)}")
        for variant in (None, *variants):
            place = folder / case.name / (variant.folder if variant else "plain")
            kept = place / "score.json"
            if not kept.exists():
                place.mkdir(parents=True, exist_ok=True)
                score = _scored(backbone, judge, case, variant, look, folder, place, seeds)
                kept.write_text(json.dumps(dataclasses.asdict(score)), encoding="utf-8")
            scores.append(score := SceneScore(**json.loads(kept.read_text(encoding="utf-8"))))
            yield Note(f"  {score.method}: likeness {score.likeness:.3f}, bleed {score.bleed:.3f}")
    yield Result(scores)


def _scored(
    backbone: Backbone,
    judge: Eye,
    case: SceneCase,
    variant: Variant | None,
    look: Recipe,
    folder: Path,
    place: Path,
    seeds: int,
) -> SceneScore:
    """Learn the scene, but for the control row; paint each handle alone and all together, and measure."""
    handles, concepts, seconds, size = case.subject.handles, [], 0.0, 0
    names = {handle: handle if variant else f"a {noun}" for handle, noun in handles.items()}
    if variant:
        together = variant.method.needs.subjects_high >= len(handles)
        for part in [Case(case.subject, (case.photo,))] if together else case.apart():
            name = case.name if together else f"{case.name}-{part.subject.handle.strip('<>')}"
            source = folder / name / variant.learned
            concept, took = learned(backbone, part, variant, look, source)
            concepts.append(concept)
            seconds, size = seconds + took, size + (source / CONCEPT).stat().st_size
        knobs = {handle: variant.knobs for handle in handles}
        look = dataclasses.replace(look, knobs=knobs, obeying=variant.obeying)

    def painted(named: Sequence[str], label: str) -> list[Image.Image]:
        pictures = []
        for colour in COLOURS:
            prompt = PROMPT.format(" and ".join(names[handle] for handle in named), colour)
            recipe = dataclasses.replace(look, prompt=prompt, count=seeds)
            events = generate(backbone, recipe, concepts)
            pictures += [event.value.image for event in events if isinstance(event, Result)]
        for number, picture in enumerate(pictures):
            picture.save(place / f"{label}-{number}.png")
        return pictures

    alone = judge.look(case.alone)
    seen = torch.stack([judge.look(painted([handle], handle.strip("<>"))) for handle in handles])
    shown = [judge.look(parts(picture)) for picture in painted(list(handles), "all")]
    maps = scene_overlaps(backbone, case, concepts)
    return SceneScore(
        case.name,
        variant.text if variant else BASE_ROW,
        likeness(seen, alone),
        bleed(seen, alone),
        statistics.fmean(found(features, alone).all().item() for features in shown),
        maps.diag().mean().item(),
        _off_diagonal(maps).mean().item(),
        seconds,
        size,
    )


def likeness(seen: Tensor, alone: Tensor) -> float:
    """Of features `seen` (J, n, d) of n pictures of each of J handles, and `alone` (J, d) of its photo."""
    return torch.einsum("jnd,jd->jn", seen, alone).mean().item()


def bleed(seen: Tensor, alone: Tensor) -> float:
    """Of features `seen` (J, n, d) of n pictures of each of J handles, and `alone` (J, d) of its photo."""
    excess = torch.einsum("ind,jd->ijn", seen, alone).mean(2) - alone @ alone.T
    return _off_diagonal(excess).mean().item()


def found(features: Tensor, alone: Tensor) -> Tensor:
    """Which of J subjects are found in a picture, (J,) bool, from `features` (n, d) of its parts and those of
    each subject's photo, `alone` (J, d)."""
    similar = features @ alone.T  # (n, J)
    rivals = similar[:, None].expand(-1, len(alone), -1).maximum(alone @ alone.T)
    own = torch.eye(len(alone), dtype=torch.bool)
    return (similar > rivals.masked_fill(own, -torch.inf).amax(2)).any(0)


def parts(picture: Image.Image) -> list[Image.Image]:
    """Overlapping squares of a square picture, of several sizes, the whole of it among them."""
    squares = []
    for share, count in PARTS.items():
        side = round(share * picture.width)
        corners = np.linspace(0, picture.width - side, count).round().astype(int).tolist()
        squares += [picture.crop((x, y, x + side, y + side)) for y in corners for x in corners]
    return squares


def scene_overlaps(backbone: Backbone, case: SceneCase, concepts: Sequence[Concept]) -> Tensor:
    """(J, J): the overlap of where handle i looks in the scene with mask j. Without concepts, handles are
    their plain nouns."""
    handles = list(case.subject.handles)
    scene = Scene(backbone, case.photos, handles, place=False, flips=False)
    prompt = f"a photo of {' and '.join(handles)}"
    actives = actives_of(Recipe(prompt), concepts) or [
        Active(NewWord(handle, noun, backbone.text.noun_vectors(noun, 1)))
        for handle, noun in case.subject.handles.items()
    ]
    maps = word_maps(backbone, scene.latents.mean, prompt, handles, actives)
    return overlaps(maps, scene.aims[0]).cpu()


def _off_diagonal(square: Tensor) -> Tensor:
    return square[~torch.eye(len(square), dtype=torch.bool)]


def scene_table(scores: Sequence[SceneScore]) -> str:
    """The scores as Markdown: a row per method, means over scenes with a 95 % interval."""
    titles = ["method", "scenes", *MEASURES, "file", "seconds to train"]
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for method in dict.fromkeys(score.method for score in scores):
        rows = [score for score in scores if score.method == method]
        cells = [method, str(len(rows))]
        cells += [interval([getattr(row, name) for row in rows]) for name in MEASURES.values()]
        if any(row.size_bytes for row in rows):
            cells.append(f"{statistics.fmean(row.size_bytes for row in rows) / 1000:.0f} kB")
            cells.append(f"{statistics.fmean(row.seconds for row in rows):.0f}")
        else:
            cells += ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
