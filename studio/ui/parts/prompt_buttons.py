"""Buttons that write into a prompt: concepts, and example prompts that suit the base model."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import islice

from studio.handles import HANDLE, handles_in
from studio.ui.parts.pager import first_of_page, pager
from studio.ui.parts.thumbnails import portrait
from studio.words import tr
from studio.workspace.workspace import Workspace

MAX_EXAMPLES = 6
PAGE_SIZE = 24


def with_handle(workspace: Workspace, prompt: str, handle: str) -> str:
    """Return `prompt` with a handle at its end.

    An empty prompt becomes the base's first example about a single concept, since some bases cannot paint "a
    photo".
    """
    if not prompt.strip():
        examples = (text for text in workspace.base_defaults().prompts if len(handles_in(text)) == 1)
        return with_handles(next(examples, f"a photo of {handle}"), [handle])
    return prompt if handle in handles_in(prompt) else f"{prompt.rstrip()} {handle}"


def concept_buttons(workspace: Workspace, page: int = 0) -> str:
    """Return a button for every concept of a page that writes its handle into the prompt."""
    everything = workspace.concepts.entries()
    first = first_of_page(page, len(everything), PAGE_SIZE)
    entries = everything[first : first + PAGE_SIZE]
    if not entries:
        words = tr("Concepts you have trained appear here, ready to be put into the prompt.")
        return f'<p class="faint">{escape(words)}</p>'
    return (
        f'<div class="round-buttons" aria-label="{escape(tr("Concepts"))}">'
        + "".join(
            f'<button type="button" class="round-button" data-action="insert" data-id="{escape(handle)}"'
            f' title="{escape(tr("Put {handle} into the prompt", handle=handle))}">'
            f"{portrait(workspace, entry)}"
            f"<code>{escape(handle)}</code><small>{escape(noun)}</small></button>"
            for entry in entries
            for handle, noun in entry.header.handles.items()
        )
        + "</div>"
        + pager(page, len(everything), PAGE_SIZE, "concepts")
    )


def example_buttons(workspace: Workspace) -> str:
    """Return a button for each example prompt of the base, about the newest concepts."""
    newest = workspace.concepts.entries()[:PAGE_SIZE]
    handles = [handle for entry in newest for handle in entry.header.handles]
    prompts = filter(None, (with_handles(prompt, handles) for prompt in workspace.base_defaults().prompts))
    rows = "".join(
        f'<button type="button" class="action action-link" data-action="example" data-id="{escape(prompt)}">'
        f"{escape(prompt)}</button>"
        for prompt in islice(prompts, MAX_EXAMPLES)
    )
    return f'<div class="examples"><span class="faint">{escape(tr("Try"))}</span>{rows}</div>' if rows else ""


def with_handles(prompt: str, handles: Sequence[str]) -> str:
    """Return `prompt` with its handles replaced by the first of `handles`; empty when there are too few."""
    own = handles_in(prompt)
    if len(own) > len(handles):
        return ""
    others = dict(zip(own, handles, strict=False))
    return HANDLE.sub(lambda match: others[match.group().lower()], prompt)
