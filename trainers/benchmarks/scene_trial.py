"""Compare methods on photos of several subjects: learn, paint each handle, and measure who it shows.

A method that learns several subjects together gets the whole scene; any other learns each subject from the
same photo under its own mask. DisenDiff makes no use of the masks. The first row is the control, the plain
nouns painted by the untouched base with the same seeds; its attention maps are those from which every method
starts. The formulas are in `scene_measures`.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from studio.edits import ActiveEdit, NewWord
from studio.edits.concept import Concept
from studio.evaluation.encoders import Encoders
from studio.events import Event, Result
from studio.files import png_bytes, write_atomic
from studio.generation.generate import active_edits, generate
from studio.models.backbone import Backbone
from studio.models.image_encoder import ImageEncoder
from studio.photos.photo import Photo
from studio.recipes.recipe import Recipe, Sampling
from studio.subject import Subject
from trainers.benchmarks.picture_crops import SUBJECT_GRIDS, grid_crops
from trainers.benchmarks.saved_scores import SCORE, read_made, write_made
from trainers.benchmarks.scene_cases import SceneCase
from trainers.benchmarks.scene_measures import bleed, likeness, off_diagonal, subjects_found, told_apart
from trainers.benchmarks.scene_scores import SceneScore
from trainers.benchmarks.trained_concepts import CONCEPT, train_or_open
from trainers.benchmarks.trial_task import Runner, Tools, TrialTask, in_turn
from trainers.benchmarks.variants import Variant, made_with
from trainers.kit.attention_iou import handle_attention_maps, intersection_over_union
from trainers.kit.latents import PhotoLatents
from trainers.kit.scene import Scene

BASE_ROW = "plain nouns"
PROMPT = "a photo of {} on a {} background"
COLOURS = ("blue", "orange")  # no photo of the starter's scenes has them
# Half the starter's batches: with one photo they are the same picture under other noise.
VARIANTS = (
    "break_a_scene batch=2",
    "break_a_scene batch=2 together=false",
    "break_a_scene batch=2 attention_weight=0",
    "break_a_scene batch=2 masked=false",
    "break_a_scene batch=2 tuning=full",
    "disendiff",
    "textual_inversion batch=4",
    "dreambooth batch=2",
)


@dataclasses.dataclass(frozen=True)
class SceneTask(TrialTask):
    """A scene learned by a variant, or painted with the plain nouns without one.

    Args:
        seeds: pictures of each prompt.
    """

    case: SceneCase
    variant: Variant | None
    sampling: Sampling
    seeds: int

    @property
    def heading(self) -> str:
        """See `TrialTask.heading`."""
        return f"{self.case.name}: {', '.join(self.case.subject.handles)}"

    @property
    def folders(self) -> tuple[str, ...]:
        """See `TrialTask.folders`."""
        if self.variant is None:
            return (f"{self.case.name}/plain",)
        learned = [
            f"{name}/{self.variant.concept_folder}" for name, *_ in learned_from(self.case, self.variant)
        ]
        return (*learned, f"{self.case.name}/{self.variant.picture_folder}")

    def saved(self, tools: Tools, folder: Path) -> SceneScore | None:
        """See `TrialTask.saved`: of the same pictures."""
        file = folder / self.folders[-1] / SCORE
        return read_made(file, lambda fields: SceneScore(**fields), self._made_with(tools))

    def run(self, tools: Tools, folder: Path) -> Generator[Event, None, SceneScore]:
        """See `TrialTask.run`."""
        yield from ()
        pictures = folder / self.folders[-1]
        pictures.mkdir(parents=True, exist_ok=True)
        encoder = tools.encoders.subject
        score = _score(
            tools.backbone, encoder, self.case, self.variant, self.sampling, folder, pictures, self.seeds
        )
        write_made(pictures / SCORE, dataclasses.asdict(score), self._made_with(tools))
        return score

    def _made_with(self, tools: Tools) -> dict[str, Any]:
        prompts = [PROMPT.format("{}", colour) for colour in COLOURS]
        variants = dict.fromkeys(self.case.subject.handles, self.variant)
        return made_with(tools.backbone, self.sampling, prompts, self.seeds, variants)

    def summary(self, score: SceneScore) -> str:
        """See `TrialTask.summary`."""
        return f"{score.method}: likeness {score.likeness:.3f}, bleed {score.bleed:.3f}"


def scene_trial(
    backbone: Backbone,
    encoder: ImageEncoder,
    cases: Sequence[SceneCase],
    variants: Sequence[Variant],
    sampling: Sampling,
    folder: Path,
    seeds: int = 2,
    run: Runner = in_turn,
) -> Iterator[Event]:
    """Run the trial; the last event is a Result with the list of SceneScores.

    Pictures, concepts and scores are saved in `folder`. A score of the same pictures is not measured again.

    Args:
        seeds: pictures of each prompt.
        run: does the tasks, here or elsewhere.
    """
    tasks = [SceneTask(case, variant, sampling, seeds) for case in cases for variant in (None, *variants)]
    return run(tasks, Tools(backbone, Encoders(encoder, encoder)), folder)


def _score(
    backbone: Backbone,
    encoder: ImageEncoder,
    case: SceneCase,
    variant: Variant | None,
    sampling: Sampling,
    folder: Path,
    picture_folder: Path,
    seeds: int,
) -> SceneScore:
    """Learn the scene, paint each handle alone and all together, and measure.

    Without a variant the pictures are those of the control row, and nothing is learned.
    """
    handles = case.subject.handles
    concepts, seconds, size = _learn(backbone, case, variant, sampling, folder) if variant else ([], 0.0, 0)
    recipe_fields: dict[str, Any] = variant.recipe_fields(list(handles)) if variant else {}
    names = {handle: handle if variant else f"a {noun}" for handle, noun in handles.items()}

    def paint(named: Sequence[str], label: str) -> list[Image.Image]:
        pictures = []
        for colour in COLOURS:
            prompt = PROMPT.format(" and ".join(names[handle] for handle in named), colour)
            recipe = dataclasses.replace(sampling, count=seeds).with_prompt(prompt, **recipe_fields)
            events = generate(backbone, recipe, concepts)
            pictures += [event.value.image for event in events if isinstance(event, Result)]
        for number, picture in enumerate(pictures):
            write_atomic(picture_folder / f"{label}-{number}.png", png_bytes(picture))
        return pictures

    photos = encoder.encode(case.alone)
    alone = torch.stack([encoder.encode(paint([handle], handle.strip("<>"))) for handle in handles])
    together = [encoder.encode(grid_crops(picture, SUBJECT_GRIDS)) for picture in paint(list(handles), "all")]
    overlaps = scene_overlaps(backbone, case, concepts)
    return SceneScore(
        case.name,
        variant.text if variant else BASE_ROW,
        alone.shape[0] * alone.shape[1] + len(together),
        likeness(alone, photos),
        bleed(alone, photos),
        told_apart(alone, photos),
        statistics.fmean(subjects_found(crops, photos).all().item() for crops in together),
        overlaps.diag().mean().item(),
        off_diagonal(overlaps).mean().item(),
        seconds,
        size,
    )


def learned_from(case: SceneCase, variant: Variant) -> list[tuple[str, Subject, Photo]]:
    """Return what a variant learns of a scene: a name for each training, its subjects and its photo."""
    if variant.method.needs.max_subjects >= len(case.subject.handles):
        return [(case.name, case.subject, case.photo)]
    return [
        (f"{case.name}-{subject.handle.strip('<>')}", subject, photo)
        for subject, photo in case.single_subjects()
    ]


def _learn(
    backbone: Backbone, case: SceneCase, variant: Variant, sampling: Sampling, folder: Path
) -> tuple[list[Concept], float, int]:
    """Return the concepts of a scene, the seconds that they took together, and the size of their files."""
    concepts, seconds, size = [], 0.0, 0
    for name, subject, photo in learned_from(case, variant):
        source = folder / name / variant.concept_folder
        concept, took = train_or_open(backbone, subject, [photo], variant, sampling, source)
        concepts.append(concept)
        seconds, size = seconds + took, size + (source / CONCEPT).stat().st_size
    return concepts, seconds, size


def scene_overlaps(backbone: Backbone, case: SceneCase, concepts: Sequence[Concept]) -> Tensor:
    """Return the overlap (IoU) of each handle's attention with each mask of the scene, (J, J).

    Rows are handles, columns are masks. Without concepts, handles are read as their plain nouns.
    """
    handles = list(case.subject.handles)
    latents = PhotoLatents(backbone, case.photos.pixels(backbone.resolution))
    scene = Scene(latents, case.photos, handles, background=False)
    prompt = f"a photo of {' and '.join(handles)}"
    edits = active_edits(Recipe(prompt), concepts) or [
        ActiveEdit(NewWord(handle, noun, backbone.text.initial_vectors(noun, 1)))
        for handle, noun in case.subject.handles.items()
    ]
    maps = handle_attention_maps(backbone, scene.latents.mean, prompt, handles, edits)
    return intersection_over_union(maps, scene.attention_masks[0]).cpu()
