"""A line below a prompt that repeats it, with the words underlined that the base does not know."""

from __future__ import annotations

from html import escape

from studio.recipes.known_words import unknown_words
from studio.workspace.workspace import Workspace

TITLE = "The base was not taught this word"


def underlined_prompt(workspace: Workspace, prompt: str) -> str:
    """Return the line, empty where the base knows every word or does not say which it knows."""
    known = frozenset(workspace.base_defaults().words.split())
    unknown = unknown_words(prompt, known)
    if not unknown:
        return ""
    parts, position = [], 0
    for start, end in unknown:
        word = f'<u title="{TITLE}">{escape(prompt[start:end])}</u>'
        parts.append(escape(prompt[position:start]) + word)
        position = end
    line = "".join(parts) + escape(prompt[position:])
    return (
        f'<p class="underlined">{line}</p><p class="faint">'
        "The base was not taught the underlined words; they change little or nothing.</p>"
    )
