"""One quiet line that says how the next picture is painted; each part of it opens the controls behind it.

`scripts/quiet_line.js` opens and shuts them, so that a press costs no request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from studio.recipes.foreign_syntax import handles_called
from studio.recipes.recipe import Box
from studio.starter import STARTER
from studio.ui.parts.page_files import page_script
from studio.words import tr, trn
from studio.workspace.workspace import Workspace

SIZE, SAMPLING, GUIDANCE, PLACES = "size", "sampling", "guidance", "places"
SCRIPT = page_script("quiet_line")


@dataclass(frozen=True)
class PaintSettings:
    """What the line and the board of boxes show of the form.

    Args:
        width, height: in pixels, 0 for the base's own.
        nouns: by handle, the noun of each concept of the prompt that is in the Library, in its order.
        boxes: by handle, its part of the picture.
    """

    width: int
    height: int
    sampler: str
    steps: int
    guidance: float
    nouns: Mapping[str, str]
    boxes: Mapping[str, Box]

    @property
    def used_boxes(self) -> dict[str, Box]:
        """The boxes of concepts that the prompt names."""
        return {handle: self.boxes[handle] for handle in self.nouns if handle in self.boxes}


def concepts_of(workspace: Workspace, prompt: str) -> dict[str, str]:
    """Return by handle the noun of each concept that a prompt names and the Library has, in its order."""
    headers = workspace.concepts.headers()
    named = handles_called(prompt, headers)
    return {handle: headers[handle].handles[handle] for handle in named if handle in headers}


def sampling_line(workspace: Workspace, now: PaintSettings) -> str:
    """Return the line: size, "DDIM 20 steps", "guidance 3", "starter", and the boxes if there can be some."""
    sampler = trn("{sampler} {count} step", "{sampler} {count:,} steps", now.steps, sampler=now.sampler)
    guidance = tr("guidance {guidance:g}", guidance=now.guidance)
    parts = [
        _part(SIZE, size_words(workspace, now.width, now.height), tr("Size of the picture")),
        _part(SAMPLING, sampler, tr("Sampler and steps")),
        _part(GUIDANCE, guidance, tr("How closely the prompt is followed")),
        _base_part(workspace),
    ]
    if now.nouns:
        parts.append(_part(PLACES, place_words(now), tr("Where in the picture each concept is")))
    dot, label = '<i aria-hidden="true">·</i>', escape(tr("How it is painted"))
    return f'<div class="quiet-line" role="group" aria-label="{label}">{dot.join(parts)}</div>'


def size_words(workspace: Workspace, width: int, height: int) -> str:
    """Return a size in pixels, in words where it is the base's own and none is loaded."""
    width, height = picture_size(workspace, width, height)
    return f"{width} × {height}" if width and height else tr("usual size")


def picture_size(workspace: Workspace, width: int, height: int) -> tuple[int, int]:
    """Return width and height in pixels with the base's own in place of 0; 0 where none is loaded."""
    own = workspace.worker_state().base.get("resolution", 0)
    side = own if isinstance(own, int) else 0
    return width or side, height or side


def place_words(now: PaintSettings) -> str:
    """Return where the concepts are: by themselves, or in how many boxes."""
    count = len(now.used_boxes)
    return trn("{count} box", "{count} boxes", count) if count else tr("no boxes")


def _part(opens: str, words: str, title: str) -> str:
    return (
        f'<button type="button" class="quiet" data-opens="{opens}" aria-expanded="false"'
        f' aria-controls="quiet-{opens}" title="{escape(title)}">{escape(words)}</button>'
    )


def _base_part(workspace: Workspace) -> str:
    """Return the part that opens the list of bases, as the button in the header does."""
    is_starter = Path(workspace.base).resolve() == STARTER
    name = tr("starter") if is_starter else Path(str(workspace.worker_state().base.get("name", ""))).name
    words = name or Path(workspace.base).name
    title = escape(tr("The base model: choose another"))
    return (
        f'<button type="button" class="quiet" data-bases title="{title}"'
        f' aria-haspopup="true">{escape(words)}</button>'
    )
