"""What may be put into a prompt with a click: concepts, and sentences that suit the base."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import islice

from studio.handles import HANDLE, handles_in
from studio.ui.parts.thumbnails import portrait
from studio.workspace.workspace import Workspace

EXAMPLES_HIGH = 6


def with_handle(workspace: Workspace, prompt: str, handle: str) -> str:
    """`prompt` with a handle at its end; an empty one becomes what the base's first example says of a single
    concept, since not every base knows photos."""
    if not prompt.strip():
        examples = (text for text in workspace.base_defaults().prompts if len(handles_in(text)) == 1)
        return about([handle], next(examples, f"a photo of {handle}"))
    return prompt if handle in handles_in(prompt) else f"{prompt.rstrip()} {handle}"


def chips(workspace: Workspace) -> str:
    """Every concept as a button that writes its handle into the prompt."""
    entries = workspace.library.entries()
    if not entries:
        return '<p class="faint">Concepts you have trained appear here, ready to be put into the prompt.</p>'
    return (
        '<div class="chips" aria-label="Concepts">'
        + "".join(
            f'<button type="button" class="chip" data-act="insert" data-id="{escape(handle)}"'
            f' title="Put {escape(handle)} into the prompt">{portrait(workspace, entry)}'
            f"<code>{escape(handle)}</code><small>{escape(noun)}</small></button>"
            for entry in entries
            for handle, noun in entry.header.handles.items()
        )
        + "</div>"
    )


def examples(workspace: Workspace) -> str:
    """Prompts that suit the base, about the newest concepts, as buttons."""
    here = [handle for entry in workspace.library.entries() for handle in entry.header.handles]
    prompts = filter(None, (about(here, prompt) for prompt in workspace.base_defaults().prompts))
    rows = "".join(
        f'<button type="button" class="act act-link" data-act="example" data-id="{escape(prompt)}">'
        f"{escape(prompt)}</button>"
        for prompt in islice(prompts, EXAMPLES_HIGH)
    )
    return f'<div class="examples"><span class="faint">Try</span>{rows}</div>' if rows else ""


def about(handles: Sequence[str], prompt: str) -> str:
    """`prompt` with the first of these handles in the places of its own; empty when there are too few."""
    own = handles_in(prompt)
    if len(own) > len(handles):
        return ""
    others = dict(zip(own, handles, strict=False))
    return HANDLE.sub(lambda match: others[match.group().lower()], prompt)
