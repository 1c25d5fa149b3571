"""A trial of scenes: photos of several subjects are taken apart by several methods, and a judge says what
each handle learned, and of whom; how is measured in scene_measures.py.

A method that learns several subjects together gets the whole scene, any other learns each subject from the
same photo under its own mask. The maps say where handles look in the scene: the overlap (IoU) of handle i's
attention with mask i, and with the masks of the others. The first row is the control, the plain nouns painted
by the untouched base with the same seeds; its maps are those from which every method starts.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor

from studio.edits import ActiveEdit, NewWord
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event, Note, Result
from studio.generation.generate import active_edits, generate
from studio.intervals import Estimate
from studio.models.backbone import Backbone
from studio.photos.masked_folder import open_masked
from studio.photos.photo import Photo, open_photo
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Recipe, Sampling
from studio.subject import Subject
from trainers.benchmarks.method_trial import CONCEPT, Case, learned
from trainers.benchmarks.scene_measures import bleed, found, likeness, off_diagonal, parts, told_apart
from trainers.benchmarks.variants import Variant
from trainers.kit.attention_iou import intersection_over_union, word_maps
from trainers.kit.scene import Scene

BASE_ROW = "plain nouns"
PROMPT = "a photo of {} on a {} background"
COLOURS = ("blue", "orange")  # no photo of the starter's scenes has them
MEASURES = {
    "likeness": "likeness",
    "bleed": "bleed",
    "told apart": "told_apart",
    "all present": "present",
    "own mask": "own_mask",
    "other masks": "other_masks",
}
# Half the starter's batches: with one photo they are the same picture under other noise.
VARIANTS = (
    "break_a_scene batch=2",
    "break_a_scene batch=2 together=false",
    "break_a_scene batch=2 attention_weight=0",
    "break_a_scene batch=2 masked=false",
    "break_a_scene batch=2 tuning=full",
    "textual_inversion batch=4",
    "dreambooth batch=2",
)


class Eye(Protocol):
    """What a trial of scenes asks of a judge; `studio.models.clip.Judge` has it."""

    def encode(self, pictures: Sequence[Image.Image]) -> Tensor:
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
    """One scene, one variant of a method; with the measures of scene_measures.py."""

    scene: str
    method: str
    pictures: int
    likeness: float
    bleed: float
    told_apart: float
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
    sampling: Sampling,
    folder: Path,
    seeds: int = 2,
) -> Iterator[Event]:
    """Run it; the last event is a Result with the list of SceneScores. Pictures, concepts and scores are kept
    in `folder`, and what is there already, of as many pictures, is not made again."""
    scores: list[SceneScore] = []
    for case in cases:
        yield Note(f"{case.name}: {', '.join(case.subject.handles)}")
        for variant in (None, *variants):
            place = folder / case.name / (variant.folder if variant else "plain")
            kept = place / "score.json"
            if kept.exists():
                score = SceneScore(**json.loads(kept.read_text(encoding="utf-8")))
                if score.pictures == seeds * len(COLOURS) * (1 + len(case.alone)):
                    scores.append(score)
                    continue
            place.mkdir(parents=True, exist_ok=True)
            score = _scored(backbone, judge, case, variant, sampling, folder, place, seeds)
            kept.write_text(json.dumps(dataclasses.asdict(score)), encoding="utf-8")
            scores.append(score)
            yield Note(f"  {score.method}: likeness {score.likeness:.3f}, bleed {score.bleed:.3f}")
    yield Result(scores)


def _scored(
    backbone: Backbone,
    judge: Eye,
    case: SceneCase,
    variant: Variant | None,
    sampling: Sampling,
    folder: Path,
    place: Path,
    seeds: int,
) -> SceneScore:
    """Learn the scene, but for the control row; paint each handle alone and all together, and measure."""
    handles, concepts, seconds, size = case.subject.handles, [], 0.0, 0
    more: dict[str, Any] = {}
    names = {handle: handle if variant else f"a {noun}" for handle, noun in handles.items()}
    if variant:
        together = variant.method.needs.max_subjects >= len(handles)
        for part in [Case(case.subject, (case.photo,))] if together else case.apart():
            name = case.name if together else f"{case.name}-{part.subject.handle.strip('<>')}"
            source = folder / name / variant.learned
            concept, took = learned(backbone, part, variant, sampling, source)
            concepts.append(concept)
            seconds, size = seconds + took, size + (source / CONCEPT).stat().st_size
        more = variant.recipe_fields(list(handles))

    def painted(named: Sequence[str], label: str) -> list[Image.Image]:
        pictures = []
        for colour in COLOURS:
            prompt = PROMPT.format(" and ".join(names[handle] for handle in named), colour)
            recipe = dataclasses.replace(sampling, count=seeds).with_prompt(prompt, **more)
            events = generate(backbone, recipe, concepts)
            pictures += [event.value.image for event in events if isinstance(event, Result)]
        for number, picture in enumerate(pictures):
            picture.save(place / f"{label}-{number}.png")
        return pictures

    alone = judge.encode(case.alone)
    seen = torch.stack([judge.encode(painted([handle], handle.strip("<>"))) for handle in handles])
    shown = [judge.encode(parts(picture)) for picture in painted(list(handles), "all")]
    maps = scene_overlaps(backbone, case, concepts)
    return SceneScore(
        case.name,
        variant.text if variant else BASE_ROW,
        seen.shape[0] * seen.shape[1] + len(shown),
        likeness(seen, alone),
        bleed(seen, alone),
        told_apart(seen, alone),
        statistics.fmean(found(features, alone).all().item() for features in shown),
        maps.diag().mean().item(),
        off_diagonal(maps).mean().item(),
        seconds,
        size,
    )


def scene_overlaps(backbone: Backbone, case: SceneCase, concepts: Sequence[Concept]) -> Tensor:
    """(J, J): the overlap of where handle i looks in the scene with mask j. Without concepts, handles are
    their plain nouns."""
    handles = list(case.subject.handles)
    scene = Scene(backbone, case.photos, handles, place=False, flips=False)
    prompt = f"a photo of {' and '.join(handles)}"
    actives = active_edits(Recipe(prompt), concepts) or [
        ActiveEdit(NewWord(handle, noun, backbone.text.initial_vectors(noun, 1)))
        for handle, noun in case.subject.handles.items()
    ]
    maps = word_maps(backbone, scene.latents.mean, prompt, handles, actives)
    return intersection_over_union(maps, scene.aims[0]).cpu()


def scene_table(scores: Sequence[SceneScore]) -> str:
    """The scores as Markdown: a row per method, means over scenes with a 95 % interval."""
    titles = ["method", "scenes", "pictures", *MEASURES, "file", "seconds to train"]
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for method in dict.fromkeys(score.method for score in scores):
        rows = [score for score in scores if score.method == method]
        cells = [method, str(len(rows)), str(sum(row.pictures for row in rows))]
        cells += [str(Estimate.of(getattr(row, name) for row in rows)) for name in MEASURES.values()]
        if any(row.size_bytes for row in rows):
            cells.append(f"{statistics.fmean(row.size_bytes for row in rows) / 1000:.0f} kB")
            cells.append(f"{statistics.fmean(row.seconds for row in rows):.0f}")
        else:
            cells += ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
