"""The Workspace: a folder with everything a person makes, and the operations that every front end uses.

There is exactly one in a process, passed as an argument and never imported. The page, the command line
and the worker all hold one on the same folder; none of its operations needs torch.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from studio.bases.file_hash import known_hash
from studio.bases.known_bases import KnownBases
from studio.concepts.concept_library import Entry, Library
from studio.errors import StudioError, disk_errors
from studio.files import close_folder, writable_folder
from studio.grids.grid_folder import GridFolder
from studio.method_card import MethodCard
from studio.photos.advice import PhotoAdvice, advise
from studio.photos.photo import Photo
from studio.photos.photo_set import PhotoSet
from studio.recipes.foreign_syntax import with_concepts
from studio.recipes.grid import Cell, Grid
from studio.recipes.recipe import Recipe
from studio.recipes.refinement_card import RefinementCard, without_idle
from studio.starter import DEMO, STARTER
from studio.subject import Subject, parse_subject, parse_subjects
from studio.words import tr
from studio.workspace import painting
from studio.workspace.base_choice import choose_base
from studio.workspace.base_defaults import BaseDefaults
from studio.workspace.concept_marks import ConceptMarks
from studio.workspace.concept_search import ConceptSearch
from studio.workspace.drafts import Drafts
from studio.workspace.favourite_prompts import FavouritePrompts
from studio.workspace.former_names import FormerNames
from studio.workspace.going_on import go_on, train_further
from studio.workspace.import_task import queue_import
from studio.workspace.job import RESUMABLE, Job
from studio.workspace.jobs import Jobs
from studio.workspace.mask_request import proposed_mask
from studio.workspace.pictures import Gallery
from studio.workspace.presets import Presets
from studio.workspace.progress import Progress
from studio.workspace.renaming import rename_concept
from studio.workspace.training import coming_handles, past_settings, queue_training
from studio.workspace.training_photos import training_photos
from studio.workspace.trash import Trash
from studio.workspace.unsaved import save_unsaved, unsaved_concept
from studio.workspace.worker_state import WorkerState

OTHER_FOLDER = tr("Choose another with --workspace.")


class Workspace:
    """Everything that a person has made, in one folder.

    Args:
        folder: holds concepts, pictures, jobs, a trash and a cache; it is made when it does not exist.
        base: the base model, a folder or a name on the hub.
        segmenter: the folder of a model that finds masks, empty for none.
        refinements: those that recipes may use.
        prediction: what the base predicts, where its files do not say so.
        memory: how bases are fitted to the device: "auto", "all" or "least".
    """

    def __init__(
        self,
        folder: Path,
        base: str | Path = STARTER,
        segmenter: str | Path = "",
        refinements: Sequence[RefinementCard] = (),
        prediction: str = "",
        memory: str = "auto",
    ) -> None:
        self.folder = Path(folder).expanduser().resolve()
        self.base, self.segmenter = str(base), str(segmenter)
        self.prediction, self.memory, self.refinements = prediction, memory, tuple(refinements)
        writable_folder(self.folder, OTHER_FOLDER)
        with disk_errors(self.folder):
            close_folder(self.folder)
        self.pictures = self._make_folder("pictures")
        self.cache = self._make_folder("cache")
        folders = self._make_folder("concepts"), self._make_folder("trash")
        self.concepts = Library(*folders, self.cache / "concepts.json")
        stars, index = self.folder / "stars.json", self.cache / "pictures.json"
        self.gallery = Gallery(self.pictures, self.concepts.trash, stars, self.concepts, index)
        self.jobs = Jobs(self._make_folder("jobs"))
        self.jobs.last_number = self.gallery.last_number
        self.concepts.coming = lambda: coming_handles(self.jobs)
        self.marks = ConceptMarks(self.folder / "marks.json", self.concepts.trash)
        self.concept_search = ConceptSearch(self.marks)
        self.presets = Presets(self.folder / "presets", self.concepts.trash)
        self.trash = Trash(self.concepts.trash, self.concepts, self.gallery, self.presets)
        self.favourite_prompts = FavouritePrompts(self.folder / "prompts.json", self.concepts.trash)
        self.former_names = FormerNames(self.folder / "renamed.json", self.concepts)
        self.bases = KnownBases(self.folder)
        self.drafts = Drafts(self.folder / "drafts")

    def _make_folder(self, name: str) -> Path:
        """Return a folder of the workspace, made if need be. Raises StudioError if it cannot be used."""
        return writable_folder(self.folder / name, OTHER_FOLDER)

    def add_demo_concept(self) -> None:
        """Add the ready-made concept to a new workspace, if it was made for this base."""
        untouched = not (
            any(self.concepts.folder.iterdir()) or self.jobs.newest(1) or any(self.concepts.trash.iterdir())
        )
        if untouched and Path(self.base).resolve() == STARTER:
            for path in DEMO.glob("*.safetensors"):
                self.concepts.add(path)

    # training

    def train(
        self,
        photos: Sequence[Photo],
        method: MethodCard,
        name: str,
        noun: str,
        settings: dict[str, Any] | None = None,
        seed: int = 0,
        beside: Sequence[tuple[str, str]] = (),
        samples: Sequence[str] = (),
    ) -> Job:
        """Queue a training on copies of these photos and their masks.

        Args:
            name, noun: of the first subject.
            settings, samples: as for `queue_training`.
            beside: the (name, noun) of other subjects in the photos, in the order of the masks.

        Raises StudioError when something is missing, taken or out of range. Nothing is queued then.
        """
        method.check(len(photos))
        subject = self.subjects([(name, noun), *beside], method)
        squares = PhotoSet.of(photos, tuple(subject.handles))
        return queue_training(self.jobs, squares, method, subject, settings or {}, seed, samples)

    def other_settings(self) -> Iterator[dict[str, Any]]:
        """Yield the settings of all concepts that are here or have been queued for training."""
        return past_settings(self.jobs, self.concepts)

    def subjects(self, names: Sequence[tuple[str, str]], method: MethodCard) -> Subject:
        """Return the first (name, noun) as a subject with the others beside it.

        Raises StudioError when one cannot be used or is taken, or the method does not learn so many together.
        """
        return parse_subjects(names, method.needs.max_subjects, method.title, self.used_handles)

    @property
    def used_handles(self) -> set[str]:
        """Return the handles of all concepts that are here, queued or being trained."""
        return coming_handles(self.jobs) | set(self.concepts.shelf.by_handle)

    def propose_mask(
        self,
        square: Image.Image,
        clicks: Sequence[tuple[float, float]],
        beside: Sequence[Image.Image] = (),
        before: Image.Image | None = None,
        step: int = 0,
    ) -> Image.Image:
        """Return the mask of what was clicked on: see `studio.workspace.mask_request.proposed_mask`."""
        has_segmenter = bool(self.segmenter) and self.worker_state().state in ("ready", "busy")
        return proposed_mask(self.jobs, has_segmenter, square, clicks, beside, before, step)

    def advise(self, photos: Sequence[Photo]) -> PhotoAdvice:
        """Return what speaks against these photos on this base; nothing of it stands in the way."""
        return advise(photos, self._resolution, only_drawings=Path(self.base) == STARTER)

    # painting

    @property
    def _resolution(self) -> int:
        """Return the side of the loaded base's pictures in pixels, 0 while none is loaded."""
        side = self.worker_state().base.get("resolution", 0)
        return side if isinstance(side, int) else 0

    def create(self, recipe: Recipe) -> Job:
        """Queue the pictures of a recipe. Raises StudioError when they cannot be painted."""
        recipe = self.resolve_recipe(recipe)
        return self.jobs.add("create", recipe.prompt, recipe.to_json())

    def resolve_recipe(self, recipe: Recipe) -> Recipe:
        """Return `recipe` checked, with the hash of every concept that it names. Raises StudioError."""
        if (recipe.width or recipe.height) and self._resolution:
            recipe.check_size(self._resolution)
        return painting.resolve_recipe(recipe, self.concepts, self.refinements)

    def as_read(self, recipe: Recipe) -> tuple[Recipe, list[str]]:
        """Return a recipe that was read as it can be painted here, and sentences about what that changes."""
        return painting.as_read(recipe, self.concepts, self._resolution)

    def reproducibility_warnings(self, recipe: Recipe) -> list[str]:
        """Return why painting `recipe` here may give another picture than the one it came with."""
        base = str(self.worker_state().base.get("name", ""))
        base_hash = known_hash(self.base, self.cache)
        return painting.reproducibility_warnings(recipe, self.concepts, base, base_hash)

    # comparing

    def resolve_grid(self, grid: Grid) -> tuple[Grid, list[Cell]]:
        """Return the grid with the help texts of its knobs, and its cells as they will be painted.

        Calls such as <lora:lily:0.8> become handles first, so that an axis can change them, unless an axis
        changes the prompt, whose words it looks for as they were typed.

        Raises StudioError when one cannot be painted.
        """
        headers = self.concepts.headers()
        if "prompt" not in (grid.x.name, grid.y.name):
            grid = dataclasses.replace(grid, base=with_concepts(grid.base, headers)[0])
        cells = [
            dataclasses.replace(cell, recipe=self.resolve_recipe(without_idle(cell.recipe, self.refinements)))
            for cell in grid.cells(headers, self.refinements)
        ]
        used = {handle: headers[handle] for cell in cells for handle in cell.recipe.concepts}
        x, y = grid.x.with_help(used), grid.y.with_help(used)
        return dataclasses.replace(grid, x=x, y=y), cells

    def compare(self, grid: Grid) -> Job:
        """Queue a grid. Raises StudioError when a cell of it cannot be painted."""
        grid, cells = self.resolve_grid(grid)
        with self.jobs.adding("grid", grid.title, {"cells": len(cells)}) as (number, folder):
            GridFolder.create(folder, grid, cells)
        return self.jobs.get(number)

    def photos_of(self, handle: str) -> Path | None:
        """Return the folder with the photos of a concept, None when they are not in this workspace."""
        return training_photos(self.concepts.find(handle).header, self.jobs)

    # jobs

    def import_foreign(self, path: Path, name: str, noun: str, trigger: str = "") -> Job:
        """Queue the import of another program's file. Raises StudioError for a name or noun of no use."""
        subject = parse_subject(name, noun, self.used_handles)
        return queue_import(self.jobs, path, subject, trigger.strip())

    def rename(self, handle: str, name: str) -> Entry:
        """Rename a concept, also in the paintings that wait. Raises StudioError for a name that is no use."""
        return rename_concept(self.concepts, self.jobs, self.former_names, handle, name)

    def progress(self, job: Job) -> Progress:
        """Return how far a job is."""
        return Progress.of(self.jobs.events(job.id))

    def retry(self, number: int) -> Job:
        """Queue a job that has ended or is paused again; all but a painting go on with what is there."""
        job = self.jobs.get(number)
        if not (job.has_ended or job.status == "paused"):
            raise StudioError("Job {number} has not ended.", "Wait for it, or stop it first.", number=number)
        if (kept := unsaved_concept(self.jobs, job)) is not None:
            return save_unsaved(self.jobs, self.concepts, self.marks, job, kept)
        if job.kind in RESUMABLE:
            return go_on(self.jobs, self.concepts, number)
        return self.create(self.former_names.present(Recipe.from_json(job.task))[0])

    def train_further(self, number: int, steps: int) -> Job:
        """Queue a training that is done again, to do more steps. Raises StudioError when it cannot be."""
        present = str(self.worker_state().base.get("fingerprint", ""))
        return train_further(self.jobs, self.concepts, number, steps, present)

    def free_bytes(self) -> int:
        """Return how much room the disk of the workspace has."""
        return shutil.disk_usage(self.folder).free

    # the base model and the worker

    def choose_base(self, path: str, prediction: str = "") -> None:
        """Make a base of the list the one to work with; whoever runs the worker starts it on that.

        See `studio.workspace.base_choice.choose_base`. Raises StudioError when it cannot be.
        """
        base = choose_base(self.bases, self.jobs, path, prediction)
        self.base, self.prediction = base.path, base.prediction

    def base_defaults(self) -> BaseDefaults:
        """Return the defaults that suit the base model."""
        return BaseDefaults.of(self.base)

    @property
    def judge(self) -> Path | None:
        """Return the folder of the encoder for scoring that comes with the base, None when none does."""
        folder = Path(self.base).expanduser() / "judge"
        return folder if folder.is_dir() else None

    def tuned(self, card: MethodCard) -> MethodCard:
        """Return a method's card with the defaults that suit the base model."""
        settings = self.base_defaults().settings.get(card.id)
        return card.tuned(settings, Path(self.base).name) if settings else card

    def worker_states(self) -> list[WorkerState]:
        """Return what each worker is doing; there is one for each device."""
        return WorkerState.read_all(self.folder)

    def worker_state(self) -> WorkerState:
        """Return what the workers are doing, as one state: see `WorkerState.of_all`."""
        return WorkerState.of_all(self.worker_states())

    def write_worker_state(self, state: WorkerState, number: int = 0) -> None:
        """Write what a worker is doing, for the page to read."""
        state.save(self.folder, number)
