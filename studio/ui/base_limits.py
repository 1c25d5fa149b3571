"""A line about what the base was taught, for a base that says so, with the way to another one.

A base model of the real world says nothing of the kind, and has no such line.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import gradio as gr

from studio.bases.trained_size import trained_pixels
from studio.starter import STARTER
from studio.ui.parts.html_blocks import button_block
from studio.ui.parts.markup import button, counted
from studio.workspace.workspace import Workspace


def limits_block(workspace: Workspace, tab: str) -> gr.HTML:
    """Create the line in a tab. Its button opens the list of bases (`studio.ui.base_picker`)."""
    return button_block(f"base-limits-{tab}", base_limits(workspace))


def base_limits(workspace: Workspace) -> str:
    """Return the line; empty for a base that does not say what its pictures are."""
    taught = workspace.base_defaults()
    if not taught.pictures:
        return ""
    name = "The starter" if workspace.base == str(STARTER) else Path(workspace.base).name
    known = [counted(len(taught.nouns), "noun")] if taught.nouns else []
    known += [counted(len(taught.places), "place")] if taught.places else []
    knows = f" of {' in '.join(known)}" if known else ""
    pixels = trained_pixels(Path(workspace.base))
    size = f", {pixels} pixels wide" if pixels else ""
    return (
        f'<p class="base-limits"><span>{escape(name)} paints {escape(taught.pictures)}{knows}{size}. '
        f"Photographs need another base.</span> {button('bases', 'Choose one', kind='link')}</p>"
    )
