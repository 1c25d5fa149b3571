"""What the worker runs for a job of each kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from studio.concepts.preview import preview_bytes
from studio.edits.concept import open_concepts
from studio.errors import StudioError
from studio.evaluation.encoders import open_encoders
from studio.evaluation.grid_scores import score_grid
from studio.events import Event, Note, Result, Step
from studio.files import png_bytes, write_atomic
from studio.generation.generate import Picture, generate
from studio.generation.grid_painting import paint_grid, write_overview
from studio.grids.grid_folder import GridFolder
from studio.importing.foreign_concept import import_concept
from studio.interop.foreign_file import look_at
from studio.method import Method
from studio.models.backbone import Backbone
from studio.models.segmenter import Segmenter
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Recipe
from studio.workspace.checkpoints import forget_old_checkpoints
from studio.workspace.import_task import ImportTask
from studio.workspace.job import STATE_FILE, Job
from studio.workspace.training_task import TrainingTask
from studio.workspace.workspace import Workspace

Train = Callable[..., Iterator[Event]]
Events = Generator[Event, None, None]


class Tasks:
    """Starts the tasks of jobs.

    Args:
        methods: by id.
        train: `trainers.train`; the studio does not import the trainers.
    """

    def __init__(
        self, workspace: Workspace, backbone: Backbone, methods: Mapping[str, type[Method]], train: Train
    ) -> None:
        self.workspace, self.backbone, self.methods, self.train = workspace, backbone, methods, train
        self.segmenter: Segmenter | None = None  # loaded for the first mask

    def events(self, job: Job) -> Events:
        """Return the events of a job that a person has queued; it runs while they are read."""
        tasks = {
            "train": self.training,
            "create": self.painting,
            "grid": self.comparing,
            "import": self.importing,
        }
        return tasks[job.kind](job)

    def training(self, job: Job) -> Events:
        """Run a training job; yields its events."""
        task = TrainingTask.of(job)
        if task.method not in self.methods:
            raise StudioError(
                "There is no method called {method!r}.", "Choose another method.", method=task.method
            )
        folder = self.workspace.jobs.folder(job.id)
        photos = PhotoSet.load(folder / "photos")
        method = self.methods[task.method]
        sampling = self.workspace.base_defaults().sampling(task.seed)
        settings = method.resolve_settings(task.settings, self.workspace.other_settings())
        self.workspace.jobs.change_task(
            job.id, {**job.task, "settings": settings}
        )  # the same when it goes on
        forget_old_checkpoints(self.workspace.jobs)
        yield from self.train(
            method,
            self.backbone,
            photos,
            task.subject,
            settings,
            sampling,
            self.workspace.cache,
            folder / STATE_FILE,
            task.more_steps,
            samples=task.samples,
        )

    def painting(self, job: Job) -> Events:
        """Run a painting job; yields its events."""
        recipe = Recipe.from_json(job.task)
        present, _ = self.workspace.former_names.present(recipe)
        if present != recipe:  # it ran while a concept got another name, and is begun again
            recipe = present
            self.workspace.jobs.change_task(job.id, recipe.to_json(), recipe.prompt)
        yield from generate(self.backbone, recipe, open_concepts(self.workspace.concepts, recipe))

    def comparing(self, job: Job) -> Events:
        """Run a grid job: paint the missing cells, then score all; yields its events."""
        library, folder = self.workspace.concepts, self.workspace.jobs.folder(job.id)

        def present(grid: GridFolder) -> GridFolder:
            """Return the grid with the names that its concepts have by now."""
            renamed = self.workspace.former_names.present_grid(grid)
            if renamed is not grid:
                self.workspace.jobs.change_task(job.id, job.task, renamed.grid.title)
            return renamed

        painting = paint_grid(
            self.backbone, GridFolder.open(folder), lambda recipe: open_concepts(library, recipe), present
        )
        if not (yield from painting):
            return
        encoders = open_encoders(self.backbone)
        painted = GridFolder.open(folder)
        if (grid := present(painted)) is not painted:  # opening them takes seconds
            write_overview(grid)
        if encoders.text is not None:
            nouns = {handle: header.handles[handle] for handle, header in library.headers().items()}
            yield from score_grid(encoders.text, grid, nouns, self.workspace.photos_of, encoders.judge)
        yield Result(grid)

    def importing(self, job: Job) -> Events:
        """Run an import; yields its notes, the Steps of its preview, and the Result with the concept."""
        task = ImportTask.of(job)
        if self.workspace.concepts.has(task.handle):
            hint = "Rename the one in the Library, then press Retry."
            raise StudioError("{handle} is the name of another concept by now.", hint, handle=task.handle)
        file = look_at(self.workspace.jobs.folder(job.id) / task.file)
        imported = import_concept(file, self.backbone, task.handle, task.noun, task.trigger)
        for note in imported.notes:
            yield Note(note)
        recipe = self.workspace.base_defaults().sampling(0).with_prompt(f"a photo of {task.handle}")
        for event in generate(self.backbone, recipe, [imported.concept]):
            match event:
                case Step():
                    yield event
                case Result(Picture(image=image)):
                    header = dataclasses.replace(imported.concept.header, preview=preview_bytes(image))
                    yield Result(dataclasses.replace(imported.concept, header=header))

    def find_mask(self, job: Job) -> dict[str, Any]:
        """Find the mask of what was clicked on; the page waits for it."""
        if self.segmenter is None:
            self.segmenter = Segmenter.open(Path(self.workspace.segmenter), self.backbone.device)
        folder, name = self.workspace.jobs.folder(job.id), "mask.png"
        square, step = Image.open(folder / "square.png"), job.task.get("step", 0)
        mask = self.segmenter.propose(square, job.task["clicks"], step)
        write_atomic(folder / name, png_bytes(mask))
        return {"file": name}
