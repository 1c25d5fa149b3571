"""What the worker keeps of a running job: its log, its pictures, and the concept that it brings."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from PIL import Image

from studio.concepts.concept_library import Entry
from studio.edits.concept import Concept
from studio.edits.saving import save_anywhere
from studio.errors import DiskError, StudioError
from studio.events import Checkpoint, Estimate, Event, Insight, Kept, Note, Preview, Result, Step
from studio.files import move_to_trash, other_folders, png_bytes, write_atomic
from studio.generation.checked_file import save_checked
from studio.generation.generate import Picture
from studio.grids.grid_folder import GridFolder
from studio.models.backbone import Backbone
from studio.recipes.png import save_picture
from studio.words import tr
from studio.workspace.checkpoints import SUGGESTED, checkpoint_file, forget_checkpoints
from studio.workspace.job import Job
from studio.workspace.own_concept import is_made_by
from studio.workspace.workspace import Workspace

log = logging.getLogger("likeness.worker")


@contextmanager
def if_room() -> Iterator[None]:
    """Leave out, when the disk does not take it, what a job can do without, such as a preview."""
    try:
        yield
    except DiskError as error:
        log.warning("%s", error)


class Recorder:
    """Appends events to the logs of jobs, and saves the pictures and concepts that they bring."""

    def __init__(self, workspace: Workspace, backbone: Backbone) -> None:
        self.workspace, self.backbone = workspace, backbone

    def record(self, job: Job, event: Event, outcome: dict[str, Any]) -> None:
        """Record an event of a job; `outcome` gets what came of it.

        Raises UnsavedError for a concept that had to be kept outside the Library.
        """
        folder = self.workspace.jobs.folder(job.id)
        match event:
            case Step(step=step, steps=steps, values=values, stage=stage):
                self._note(job, "step", step=step, steps=steps, values=values, stage=stage)
            case Kept(step=step):
                self._note(job, "kept", step=step)
            case Note(text=text):
                self._note(job, "note", text=text)
            case Estimate():
                self._note(job, "estimate", text=event.words, values={"seconds": event.seconds})
            case Preview(picture=picture, prompt=prompt, step=step):
                name = f"preview-{_count(folder, 'preview'):02d}-{step:06d}.png"
                self._note(job, "preview", picture, file=name, prompt=prompt, step=step)
            case Checkpoint():
                self._save_checkpoint(job, event)
            case Insight(picture=picture, caption=caption):
                name = f"insight-{_count(folder, 'insight'):02d}.png"
                self._note(job, "insight", picture, file=name, caption=caption)
            case Result(value=Picture() as painted):
                self._save_picture(job, painted, outcome)
            case Result(value=Path() as cell):
                self._note(job, "picture", file=cell.name)
            case Result(value=GridFolder() as grid):
                outcome["cells"] = len(grid.cells)
            case Result(value=Concept() as concept):
                self._save_concept(job, concept, outcome)

    def _note(self, job: Job, kind: str, picture: Image.Image | None = None, **values: Any) -> None:
        """Append a line to the job's log, and save a picture as the file it names, if the disk has room."""
        with if_room():
            if picture is not None:
                write_atomic(self.workspace.jobs.folder(job.id) / values["file"], png_bytes(picture))
            self.workspace.jobs.log(job.id, {"event": kind, **values})

    def _save_checkpoint(self, job: Job, event: Checkpoint) -> None:
        """Save what was learned so far, if the disk has room, in place of the oldest where there are many."""
        folder = self.workspace.jobs.folder(job.id)
        path = checkpoint_file(folder, event.step)
        with if_room():
            event.concept.save(path)
            self._note(
                job, "checkpoint", file=path.name, step=event.step, text=SUGGESTED * event.is_suggested
            )
        forget_checkpoints(folder)

    def _save_picture(self, job: Job, painted: Picture, outcome: dict[str, Any]) -> None:
        pictures = list(outcome.get("pictures", ()))
        name = f"{job.id:05d}-{len(pictures) + 1:02d}.png"
        save_picture(painted.image, painted.recipe, self.workspace.pictures / name)
        outcome["pictures"] = [*pictures, name]
        self._note(job, "picture", file=name)

    def _save_concept(self, job: Job, concept: Concept, outcome: dict[str, Any]) -> None:
        handle = concept.header.handle
        library = self.workspace.concepts
        path = library.path(handle)
        before = Entry.of(path) if path.exists() else None
        if before is not None and not is_made_by(before, job):  # put there by hand meanwhile
            move_to_trash(path, library.trash)
            text, before = "What was called {handle} before is in the trash.", None
            self._note(job, "note", text=tr(text, handle=handle))
        sampling = self.workspace.base_defaults().sampling(0)
        save = functools.partial(save_checked, self.backbone, concept, sampling=sampling)
        others = [self.workspace.jobs.folder(job.id), *other_folders()]
        saved = save_anywhere(handle, save, path, others, log.warning)
        if saved != path:
            raise UnsavedError(handle, saved)
        if before is not None:
            with suppress(StudioError):  # the concept is saved, which matters more than its star
                self.workspace.marks.pass_on(before.header, concept.header)
        outcome.update(handle=handle, file=path.name)
        self._note(job, "concept", **outcome)


class UnsavedError(StudioError):
    """A concept that the Library had no room for; it is kept in the file `path`."""

    def __init__(self, handle: str, path: Path) -> None:
        text = "{handle} is learned, but the Library has no room for it. It is kept as {file}."
        hint = tr("Free some space, then press Retry: it is put into the Library without another training.")
        super().__init__(tr(text, handle=handle, file=path), hint)
        self.path = path


def _count(folder: Path, kind: str) -> int:
    """Return how many pictures of a kind a job has saved so far."""
    return sum(1 for _ in folder.glob(f"{kind}-*.png"))
