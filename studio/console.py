"""A task on the terminal: where its results may go, a bar that moves, and what there is to say above it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tqdm import tqdm

from studio.errors import StudioError
from studio.events import Event, Note, Step


def shown(events: Iterable[Event]) -> Iterator[Event]:
    """Pass on what a task brings, pictures and concepts, while its steps move a bar on stderr, one for each
    stage, and its notes are printed above it."""
    bar: tqdm | None = None
    try:
        for event in events:
            match event:
                case Step(step=step, steps=steps, values=values, stage=stage):
                    if bar is None or (bar.desc, bar.total) != (stage, steps):
                        if bar is not None:
                            bar.close()
                        bar = tqdm(desc=stage, total=steps, dynamic_ncols=True)
                    if "loss" in values:
                        bar.set_postfix(loss=f"{values['loss']:.4f}", refresh=False)
                    bar.update(step - bar.n)
                case Note(text=text):
                    tqdm.write(text)
                case _:
                    yield event
    finally:
        if bar is not None:
            bar.close()


def folder_for(place: Path) -> Path:
    """A folder to write to, made where there is none; asked for before a long task, not after it. Raises
    StudioError when nothing can be written there."""
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudioError(f"{place} cannot be a folder: {error.strerror}.", "Name another.") from error
    if not os.access(place, os.W_OK | os.X_OK):
        raise StudioError(f"Nothing can be written to {place}.", "Name another folder.")
    return place


def file_for(place: Path) -> Path:
    """A file to write, likewise."""
    folder_for(place.parent)
    if place.is_dir():
        raise StudioError(f"{place} is a folder.", "Name a file in it.")
    return place
