"""The Workspace: a folder with everything a person makes, and the verbs that every front end uses.

There is exactly one in a process, passed as an argument and never imported. The page, the command line
and the worker all hold one on the same folder; none of its verbs needs torch.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image

from studio.documents import DocumentError
from studio.errors import StudioError
from studio.files import png_bytes, write_atomic
from studio.grids.grid_folder import GridFolder
from studio.handles import handles_in
from studio.library.library import Library
from studio.method import MethodCard
from studio.photos.click_mask import propose_mask
from studio.photos.mask_checks import check_masks, subtract
from studio.photos.photo import Photo
from studio.photos.photo_set import PhotoSet
from studio.recipes.grid import Cell, Grid
from studio.recipes.recipe import MAX_SEED, Recipe
from studio.recipes.refinement_card import RefinementCard, parse_refinements
from studio.starter import DEMO, STARTER
from studio.subject import Subject, parse_subject, parse_subjects
from studio.workspace.base_defaults import BaseDefaults
from studio.workspace.job import RESUMABLE, Job
from studio.workspace.jobs import Jobs
from studio.workspace.progress import Progress
from studio.workspace.worker_state import WorkerState

MAX_JOBS = 10_000  # to look through
ANSWER_SECONDS = 15.0  # for the worker to find a mask


class Workspace:
    """`folder` holds concepts, pictures, jobs, a trash and a cache; `base` is the model to work with,
    `segmenter` the folder of one that finds masks, if there is one."""

    def __init__(
        self,
        folder: Path,
        base: str | Path = STARTER,
        segmenter: str | Path = "",
        refinements: Sequence[RefinementCard] = (),
    ) -> None:
        self.folder = Path(folder).expanduser().resolve()
        self.base, self.segmenter = str(base), str(segmenter)
        self.refinements = tuple(refinements)
        try:
            self.pictures = self._place("pictures")
            self.cache = self._place("cache")
            self.library = Library(self._place("concepts"), self._place("trash"))
            self.jobs = Jobs(self._place("jobs"))
        except OSError as error:
            reason = error.strerror or "it cannot be written"
            raise StudioError(
                f"The folder {self.folder} cannot be used: {reason}.", "Choose another with --workspace."
            ) from error

    def _place(self, name: str) -> Path:
        place = self.folder / name
        place.mkdir(parents=True, exist_ok=True)
        return place

    def add_demo_concept(self) -> None:
        """Put the ready-made concept on the shelf of a workspace where nothing has happened yet, if it was
        made for this base."""
        untouched = not (self.library.entries() or self.jobs.list(1) or any(self.library.trash.iterdir()))
        if untouched and Path(self.base).resolve() == STARTER:
            for path in DEMO.glob("*.safetensors"):
                self.library.add(path)

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
    ) -> Job:
        """Queue a training on these very photos and their masks. `beside` are the (name, noun) of other
        subjects in them, in the order of the masks. Raises StudioError when something is missing or wrong."""
        method.check(len(photos))
        subject = self.subjects([(name, noun), *beside], method)
        handles = tuple(subject.handles)
        if not 0 <= seed <= MAX_SEED:
            raise StudioError(f"A seed of {seed} is out of range.", f"Give 0 to {MAX_SEED}.")
        task = {
            "method": method.id,
            "handle": subject.handle,
            "noun": subject.noun,
            "settings": self.parse_settings(method, settings or {}),
            "seed": seed,
            "photos": len(photos),
        }
        if subject.beside:
            task["beside"] = {other.handle: other.noun for other in subject.beside}
        squares = PhotoSet.of(photos, handles)
        check_masks(squares, handles, method.needs.masks)
        title = f"{' and '.join(handles)} with {method.title}"
        with self.jobs.adding("train", title, task) as (number, folder):
            squares.save(folder / "photos")
        return self.jobs.get(number)

    def parse_settings(self, method: MethodCard, settings: dict[str, Any]) -> dict[str, Any]:
        """Every setting, checked. A concept in the shared basis that names no block gets the first that no
        other of this workspace has. Raises StudioError on a bad value."""
        return method.parse(settings)

    def other_settings(self) -> list[dict[str, Any]]:
        """Return the settings of all concepts that are here or have been queued for training."""
        trainings = [job.task.get("settings") for job in self.jobs.list(MAX_JOBS, ("train",))]
        concepts = [entry.header.settings for entry in self.library.entries()]
        return concepts + [settings for settings in trainings if isinstance(settings, dict)]

    def subjects(self, names: Sequence[tuple[str, str]], method: MethodCard) -> Subject:
        """The first (name, noun) with the others beside it. Raises StudioError when one cannot be used or is
        taken, or the method does not learn that many together."""
        return parse_subjects(names, method.needs.max_subjects, method.title, self.used_handles)

    @property
    def used_handles(self) -> set[str]:
        """Return the handles of all concepts that are here, queued or being trained."""
        trainings = [job for job in self.jobs.list(MAX_JOBS, ("train",)) if not job.has_ended]
        coming: set[str] = set()
        for job in trainings:
            with suppress(DocumentError):  # its training will fail, and needs no name
                coming |= set(Subject.of(job.task).handles)
        return coming | {handle for entry in self.library.entries() for handle in entry.header.handles}

    def propose_mask(
        self,
        square: Image.Image,
        clicks: Sequence[tuple[float, float]],
        beside: Sequence[Image.Image] = (),
    ) -> Image.Image:
        """Return the mask of what was clicked on: "L", of the square's size, 0 or 255.

        It comes from the worker's segmenter when there is one and it answers in time, else from
        `studio.photos.click_mask.propose_mask`.

        Args:
            clicks: (x, y) in fractions of the square.
            beside: the masks of other subjects in it, which are left out.

        Raises:
            StudioError: nothing is found.
        """
        if not self.segmenter or self.worker_state().state not in ("ready", "busy"):
            return propose_mask(square, clicks, beside)
        with self.jobs.adding("mask", "a mask", {"clicks": list(clicks)}) as (number, folder):
            write_atomic(folder / "square.png", png_bytes(square))
        try:
            give_up = time.monotonic() + ANSWER_SECONDS
            while not (job := self.jobs.get(number)).has_ended and time.monotonic() < give_up:
                time.sleep(0.05)
            if job.status == "failed":
                raise StudioError(job.error, job.hint)
            if job.status != "done":
                return propose_mask(square, clicks, beside)
            return subtract(Image.open(folder / job.outcome["file"]).convert("L"), beside)
        finally:
            self.jobs.delete(number)

    # painting

    def create(self, recipe: Recipe) -> Job:
        """Queue pictures. Raises StudioError when the prompt names a concept that is not in the Library."""
        recipe = self.resolve_recipe(recipe)
        return self.jobs.add("create", recipe.prompt, recipe.to_json())

    def resolve_recipe(self, recipe: Recipe) -> Recipe:
        """`recipe`, checked, with the hash of every concept its prompts name."""
        handles = handles_in(f"{recipe.prompt} {recipe.negative}")
        concepts = {handle: self.library.hash(self.library.find(handle)) for handle in handles}
        strengths = {handle: recipe.strength(handle) for handle in handles}
        knobs = {handle: recipe.knobs[handle] for handle in handles if recipe.knobs.get(handle)}
        regions = {handle: recipe.regions[handle] for handle in handles if handle in recipe.regions}
        refinements = parse_refinements(recipe.refinements, self.refinements)
        named = {"concepts": concepts, "strengths": strengths, "knobs": knobs, "regions": regions}
        return dataclasses.replace(recipe, **named, refinements=refinements).checked()

    def reproducibility_warnings(self, recipe: Recipe) -> list[str]:
        """Why painting `recipe` here may not give the picture that it came with; empty when it will."""
        doubts = []
        here = self.worker_state().base.get("name", "")
        if recipe.base and here and Path(recipe.base).name != Path(here).name:
            doubts.append(f"It was painted with {Path(recipe.base).name}; here is {Path(here).name}.")
        for handle in handles_in(f"{recipe.prompt} {recipe.negative}"):
            known = recipe.concepts.get(handle)
            if not self.library.has(handle):
                doubts.append(f"{handle} is not in the Library.")
            elif known and known != self.library.hash(self.library.find(handle)):
                doubts.append(f"{handle} is another file than when this was painted.")
        return doubts

    # comparing

    def resolve_grid(self, grid: Grid) -> tuple[Grid, list[Cell]]:
        """A grid with what its concepts say of its axes, and its cells as they will be painted. Raises
        StudioError when one cannot be."""
        headers = self.library.headers()
        found = grid.cells(headers, self.refinements)
        cells = [dataclasses.replace(cell, recipe=self.resolve_recipe(cell.recipe)) for cell in found]
        there = {handle: headers[handle] for cell in cells for handle in cell.recipe.concepts}
        x, y = grid.x.with_help(there), grid.y.with_help(there)
        return dataclasses.replace(grid, x=x, y=y), cells

    def compare(self, grid: Grid) -> Job:
        """Queue a grid. Raises StudioError when a cell of it cannot be painted."""
        grid, cells = self.resolve_grid(grid)
        with self.jobs.adding("grid", grid.title, {"cells": len(cells)}) as (number, folder):
            GridFolder.create(folder, grid, cells)
        return self.jobs.get(number)

    def photos_of(self, handle: str) -> Path | None:
        """The folder with the photos that a concept was trained on here, None when they are not here: the
        concept came as a file, or it was trained without the page."""
        header = self.library.find(handle).header
        try:
            made = datetime.fromisoformat(header.created).timestamp()
        except (ValueError, OverflowError, OSError):
            return None
        for job in self.jobs.list(MAX_JOBS, ("train",)):
            begun, ended = job.started or 0.0, job.finished or 0.0
            its_own = job.task.get("seed") == header.seed and job.task.get("method") == header.method
            if job.status == "done" and its_own and int(begun) <= made <= ended:
                photos = self.jobs.folder(job.id) / "photos"
                return photos if any(photos.glob("*.png")) else None
        return None

    # jobs

    def progress(self, job: Job) -> Progress:
        """How far a job is."""
        return Progress.of(self.jobs.events(job.id))

    def retry(self, number: int) -> Job:
        """Queue an ended job again, with the same photos, settings and seed; a grid goes on where it was."""
        job = self.jobs.get(number)
        if not job.has_ended:
            raise StudioError(f"Job {number} has not ended.", "Wait for it, or stop it first.")
        if job.kind in RESUMABLE:
            self.jobs.requeue(number)
            return self.jobs.get(number)
        if job.kind == "create":
            return self.create(Recipe.from_json(job.task))
        taken = self.used_handles
        for handle, noun in Subject.of(job.task).handles.items():
            parse_subject(handle, noun, taken)
        photos = self.jobs.folder(number) / "photos"
        with self.jobs.adding(job.kind, job.title, job.task) as (again, folder):
            shutil.copytree(photos, folder / "photos")
        return self.jobs.get(again)

    def gallery(self, limit: int = 60) -> list[Path]:
        """The newest pictures, newest first."""
        return sorted(self.pictures.glob("*.png"), reverse=True)[:limit]

    # the base model and the worker

    def base_defaults(self) -> BaseDefaults:
        """How the base model likes to be painted with."""
        return BaseDefaults.of(self.base)

    @property
    def judge(self) -> Path | None:
        """The folder of the judge that the base brings, None when it brings none."""
        folder = Path(self.base).expanduser() / "judge"
        return folder if folder.is_dir() else None

    def tuned(self, card: MethodCard) -> MethodCard:
        """A method's card with the defaults that suit this workspace's base."""
        settings = self.base_defaults().settings.get(card.id)
        return card.tuned(settings, Path(self.base).name) if settings else card

    def worker_state(self) -> WorkerState:
        """What the worker last said of itself."""
        return WorkerState.read(self.folder)

    def write_worker_state(self, state: WorkerState) -> None:
        """Let the page know how the worker is."""
        state.save(self.folder)
