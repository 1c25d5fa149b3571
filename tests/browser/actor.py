"""A stand-in for the worker process, without torch.

It takes jobs, draws pictures with Pillow, and writes valid concept files with a single number in them. A
training of the noun "failure" fails on purpose; "sloth" is long in getting ready; "tortoise" is slow and
"snail" slower, until somebody asks for more of it.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import struct
import sys
import time
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageDraw

from studio.concepts.header import METADATA_KEY, Header
from studio.errors import StudioError
from studio.events import Pause
from studio.files import write_atomic
from studio.grids.contact_sheet import contact_sheet
from studio.grids.grid_folder import ARCHIVE, PICTURE, GridFolder
from studio.grids.scores import GridScores, PictureScore
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.workspace.checkpoints import checkpoint_file
from studio.workspace.job import STATE_FILE
from studio.workspace.jobs import Job
from studio.workspace.supervisor import exit_with_parent
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace

SLOWNESS = {"tortoise": 10, "snail": 40}
BASE = {
    "name": "stand-in",
    "fingerprint": "stand-in-1",
    "kind": "stable_diffusion 32",
    "resolution": 128,
    "device": "CPU",
}
STEPS = 40
PREPARATION = 60  # steps before the first in which anything is learned


def draw_face(seed: int, share: float = 1.0) -> Image.Image:
    """Draw a face; its colours come from the seed, its size from `share`, 0 to 1."""
    hue = (seed * 47) % 360
    picture = Image.new("RGB", (128, 128), f"hsl({hue}, 45%, 78%)")
    draw = ImageDraw.Draw(picture)
    side = 20 + 30 * share
    draw.ellipse((64 - side, 64 - side, 64 + side, 64 + side), fill=f"hsl({(hue + 150) % 360}, 60%, 55%)")
    for x in (-0.35, 0.35):
        eye = 64 + x * side
        draw.ellipse((eye - 5, 50, eye + 5, 60), fill="white")
    draw.arc((64 - side / 2, 56, 64 + side / 2, 56 + side / 2), 20, 160, fill="white", width=4)
    return picture


def draw_recipe(recipe: Recipe) -> Image.Image:
    """Draw a face that depends on every part of a recipe, so that only equal recipes give equal pictures."""
    text = json.dumps(replace(recipe, base="", concepts={}).to_json(), sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    picture = draw_face(recipe.seed, 0.5 + digest[0] / 512)
    for number, value in enumerate(digest[:16]):
        picture.paste((value, 160, 255 - value), (8 * number, 120, 8 * number + 8, 128))
    return picture


def save_concept(path: Path, header: Header) -> None:
    """Write a concept file with a single number in it."""
    name = f"tokens/{header.handle}/vectors"
    table = {
        "__metadata__": {METADATA_KEY: header.to_text()},
        name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
    }
    head = json.dumps(table).encode("utf-8")
    head += b" " * (-len(head) % 8)
    write_atomic(path, struct.pack("<Q", len(head)) + head + struct.pack("<f", 1.0))


def header_of(handle: str, noun: str, seed: int, photos: int, steps: int, fingerprint: str = "") -> Header:
    """Return the header of a made-up concept."""
    buffer = io.BytesIO()
    draw_face(seed).save(buffer, format="PNG")
    return Header(
        handles={handle: noun},
        method="textual_inversion",
        method_title="Textual Inversion",
        paper="Gal et al. 2022, arXiv 2208.01618",
        settings={"steps": steps, "learning_rate": 0.002, "vectors": 2},
        seed=seed,
        base=BASE["name"] if not fingerprint else "some other base",
        fingerprint=fingerprint or BASE["fingerprint"],
        photos=photos,
        steps=steps,
        final_loss=0.1,
        created=time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        program="stand-in",
        preview=buffer.getvalue(),
    )


def train(workspace: Workspace, job: Job, step_seconds: float) -> dict[str, object]:
    """Pretend to learn; returns the outcome, empty when it was to be discarded."""
    jobs, task = workspace.jobs, job.task
    jobs.log(job.id, {"event": "note", "text": f"Looking at {task['photos']} photos of a {task['noun']}."})
    seed = sum(map(ord, task["handle"]))
    events = jobs.events(job.id) if (jobs.folder(job.id) / STATE_FILE).exists() else []  # else it begins anew
    kept = [event.step for event in events if event.event == "kept"]
    asked = any(event.event == "asked" for event in events)
    for step in range(1, PREPARATION + 1 if task["noun"] == "sloth" else 1):
        time.sleep(step_seconds * 4)
        jobs.log(job.id, {"event": "step", "step": step, "steps": PREPARATION, "stage": "class pictures"})
        if jobs.stop_request(job.id):
            return {}
    for step in range(max(kept, default=0) + 1, STEPS + 1):
        time.sleep(step_seconds * (1 if asked else SLOWNESS.get(task["noun"], 1)))
        if task["noun"] == "failure" and step == 5:
            raise StudioError(
                "The loss is not a number any more.", "Lower the learning rate, then press Retry."
            )
        loss = 0.2 + 0.8 * math.exp(-step / 9) + 0.05 * math.sin(step * 7)
        event = {"event": "step", "step": step, "steps": STEPS, "values": {"loss": loss}, "stage": "learn"}
        jobs.log(job.id, event)
        if step % 10 == 0:
            name = f"preview-{step:06d}.png"
            draw_face(seed, step / STEPS).save(jobs.folder(job.id) / name)
            prompt = f"a photo of {task['handle']}"
            jobs.log(job.id, {"event": "preview", "file": name, "prompt": prompt, "step": step})
            file = checkpoint_file(jobs.folder(job.id), step)
            header = header_of(task["handle"], task["noun"], seed, task["photos"], step)
            save_concept(file, replace(header, seed=task["seed"]))
            jobs.log(job.id, {"event": "checkpoint", "file": file.name, "step": step})
        (jobs.folder(job.id) / STATE_FILE).touch()
        jobs.log(job.id, {"event": "kept", "step": step})
        stop = jobs.stop_request(job.id)
        if stop == "discard":
            (jobs.folder(job.id) / STATE_FILE).unlink()
            return {}
        if stop == "pause":
            raise Pause
        if stop == "keep":
            break
    path = workspace.concepts.path(task["handle"])
    header = header_of(task["handle"], task["noun"], seed, task["photos"], step)
    save_concept(path, replace(header, settings=task["settings"], seed=task["seed"]))
    return {"handle": task["handle"], "file": path.name}


def paint(workspace: Workspace, job: Job, step_seconds: float) -> dict[str, object]:
    """Draw as many pictures as the recipe asks for; returns the outcome."""
    recipe = Recipe.from_json(job.task)
    names: list[str] = []
    for index in range(recipe.count):
        for step in range(1, 6):
            time.sleep(step_seconds)
            steps = {"step": index * 5 + step, "steps": recipe.count * 5, "values": {}, "stage": ""}
            workspace.jobs.log(job.id, {"event": "step", **steps})
        name = f"{job.id:05d}-{index + 1:02d}.png"
        one = recipe.single(index)
        save_picture(draw_recipe(one), replace(one, base=BASE["name"]), workspace.pictures / name)
        workspace.jobs.log(job.id, {"event": "picture", "file": name})
        names.append(name)
        if workspace.jobs.stop_request(job.id):
            break
    return {"pictures": names}


def paint_grid(workspace: Workspace, job: Job, step_seconds: float) -> dict[str, object]:
    """Draw the missing cells of a grid and score them; more guidance means less likeness, more agreement."""
    grid, scores = GridFolder.open(workspace.jobs.folder(job.id)), {}
    for number, cell in enumerate(grid.cells):
        path, recipe = grid.path(cell), cell.recipe
        likeness = 0.8 - 0.03 * recipe.guidance + cell.row / 50
        scores[path.name] = PictureScore(likeness, 0.2 + 0.02 * recipe.guidance, likeness + 0.05)
        if grid.is_painted(cell, BASE["name"]):
            continue
        time.sleep(step_seconds * 4)
        steps = {"step": number + 1, "steps": len(grid.cells), "values": {}, "stage": "painting"}
        workspace.jobs.log(job.id, {"event": "step", **steps})
        partial = path.with_name(f".{path.name}")
        save_picture(draw_recipe(recipe), replace(recipe, base=BASE["name"]), partial)
        partial.replace(path)
        workspace.jobs.log(job.id, {"event": "picture", "file": path.name})
        if workspace.jobs.stop_request(job.id):
            return {}
    contact_sheet(grid).save(grid.folder / PICTURE)
    grid.archive(grid.folder / ARCHIVE)
    GridScores("the stand-in's judge", scores, {"<mona>": 5}).save(grid.folder)
    return {"cells": len(grid.cells)}


BY_KIND = {"train": train, "create": paint, "grid": paint_grid}


def work(workspace: Workspace, step_seconds: float) -> None:
    """Take jobs until the page's process ends."""
    exit_with_parent()
    (workspace.folder / "actor.pid").write_text(str(os.getpid()), encoding="utf-8")
    workspace.write_worker_state(WorkerState("ready", BASE))
    while True:
        job = workspace.jobs.claim()
        if job is None:
            time.sleep(0.1)
            continue
        workspace.write_worker_state(WorkerState("busy", BASE))
        try:
            outcome = {"train": train, "create": paint, "grid": paint_grid}[job.kind](
                workspace, job, step_seconds
            )
            workspace.jobs.end(job.id, "done" if outcome else "stopped", outcome)
        except Pause:
            workspace.jobs.end(job.id, "paused")
        except StudioError as error:
            workspace.jobs.end(job.id, "failed", error=error.message, hint=error.hint)
        workspace.write_worker_state(WorkerState("ready", BASE))


if __name__ == "__main__":
    work(Workspace(Path(sys.argv[1])), float(sys.argv[2]))
