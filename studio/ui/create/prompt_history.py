"""The prompts of earlier pictures and the favourites, to be taken up again by one press.

They are read when somebody asks for them, never while the page is built or polled. `scripts/prompt_field.js`
opens the list, searches it, and writes the pressed prompt into the text area, where it can be undone.
"""

from __future__ import annotations

from html import escape

from studio.ui.parts.icons import icon
from studio.ui.parts.markup import error_card
from studio.words import tr
from studio.workspace.workspace import Workspace

MAX_RECENT = 50  # prompts, each once
MAX_LETTERS = 1000  # as many as the prompt takes


def prompt_history(workspace: Workspace) -> str:
    """Return a search field and the prompts: the favourites first, then those painted last."""
    favourites = workspace.favourite_prompts.all()
    recent = [prompt for prompt in workspace.gallery.recent_prompts(MAX_RECENT) if _can_be_used(prompt)]
    others = [prompt for prompt in recent if prompt.strip() not in favourites]
    rows = "".join(_row(prompt, True) for prompt in favourites if _can_be_used(prompt))
    rows += "".join(_row(prompt, False) for prompt in others)
    trouble = workspace.favourite_prompts.trouble
    card = error_card(trouble) if trouble else ""
    if not rows:
        return f'{card}<p class="faint">{escape(tr("Prompts that you have painted are kept here."))}</p>'
    search, title = escape(tr("Search the prompts")), escape(tr("Earlier prompts"))
    return (
        f'{card}<input type="search" aria-label="{search}" placeholder="{search}"'
        f' autocomplete="off"><ul class="prompt-rows" aria-label="{title}">{rows}</ul>'
        f'<p class="nothing faint" hidden>{escape(tr("No prompt has these words."))}</p>'
    )


def _can_be_used(prompt: str) -> bool:
    return bool(prompt.strip()) and len(prompt) <= MAX_LETTERS


def _row(prompt: str, favourite: bool) -> str:
    words, label = escape(prompt), escape(tr("Favourite: {prompt}", prompt=prompt))
    pressed = str(favourite).lower()
    return (
        f'<li><button type="button" class="prompt-row" data-prompt="{words}">{words}</button>'
        f'<button type="button" class="icon-button" data-action="favourite" data-id="{words}"'
        f' aria-label="{label}" aria-pressed="{pressed}">{icon("star")}</button></li>'
    )
