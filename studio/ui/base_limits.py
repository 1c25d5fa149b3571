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
from studio.ui.parts.markup import button
from studio.words import tr, trn
from studio.workspace.base_defaults import BaseDefaults
from studio.workspace.workspace import Workspace


def limits_block(workspace: Workspace, tab: str) -> gr.HTML:
    """Create the line in a tab. Its button opens the list of bases (`studio.ui.base_picker`)."""
    return button_block(f"base-limits-{tab}", base_limits(workspace))


def base_limits(workspace: Workspace) -> str:
    """Return the line; empty for a base that does not say what its pictures are."""
    taught = workspace.base_defaults()
    if not taught.pictures:
        return ""
    name = tr("The starter") if workspace.base == str(STARTER) else Path(workspace.base).name
    pictures, pixels = _pictures(taught), trained_pixels(Path(workspace.base))
    words = tr("{name} paints {pictures}. Photographs need another base.", name=name, pictures=pictures)
    if pixels:
        words = tr(
            "{name} paints {pictures}, {pixels} pixels wide. Photographs need another base.",
            name=name,
            pictures=pictures,
            pixels=pixels,
        )
    choose = button("bases", tr("Choose one"), kind="link")
    return f'<p class="base-limits"><span>{escape(words)}</span> {choose}</p>'


def _pictures(taught: BaseDefaults) -> str:
    """Return what the pictures of a base are: "drawings of 40 nouns in 29 places"."""
    pictures, nouns, places = tr(taught.pictures), len(taught.nouns), len(taught.places)
    of_nouns = trn("{count} noun", "{count:,} nouns", nouns)
    in_places = trn("{count} place", "{count:,} places", places)
    if nouns and places:
        of_nouns = tr("{nouns} in {places}", nouns=of_nouns, places=in_places)
    if not (nouns or places):
        return pictures
    return tr("{pictures} of {known}", pictures=pictures, known=of_nouns if nouns else in_places)
