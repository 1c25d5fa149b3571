"""Build the page with every translation in brackets, and print as JSON what it says outside of them.

    python -m tests.ui.marked_page FOLDER

The words are settled before the page is imported, which is why this is a process of its own.
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio import words

SHOWN = ("label", "info", "placeholder", "html_template")  # of a component
SAYING = ("html", "button", "markdown")  # kinds of components whose value is what they say
ATTRIBUTES = re.compile(r'\b(?:title|aria-label|placeholder|alt|data-ask|data-write)="([^"]*)"')
LETTERS = re.compile(r"[A-Za-zÄÖÜäöüß]{2,}")
# names, examples of prompts and nouns (prompts are English), and places in templates of the scripts
ALLOWED = re.compile(
    r"Likeness|arXiv|Gal et al\.|[\w.-]+\.(?:png|safetensors|txt|jpg)|<[\w-]+>|\$\{\w+\}|&\w+;"
    r"|\b(?:DDIM|DPM\+\+ 2M Karras|Euler a|Euler|CPU|PNG|JPEG)(?!\w)|lily=\S+ trek=\S+"
    r"|\{\} in (?:the snow|a box|the forest)|in a meadow|on the beach at sunset"
    r"|\b(?:armchair|cat|cup|duck|duke|lily|mug|throne)\b"
)


class Marked(dict[str, str]):
    """Translates every text into itself, in brackets."""

    def get(self, text: str, default: Any = None) -> Any:
        return f"⟦{text}⟧"


def outside(text: str) -> str:
    """Return what of a text stands outside of all brackets, which may be nested."""
    kept, depth = [], 0
    for letter in text:
        depth += (letter == "⟦") - (letter == "⟧" and depth > 0)
        if not depth and letter != "⟧":
            kept.append(letter)
    return "".join(kept)


def visible(markup: str) -> Iterator[str]:
    """Yield the texts and the spoken attributes of a piece of HTML."""
    markup = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", markup, flags=re.DOTALL)
    yield from map(html.unescape, ATTRIBUTES.findall(markup))
    yield html.unescape(re.sub(r"<code>.*?</code>|<[^>]*>", " ", markup, flags=re.DOTALL))


def unmarked(text: str) -> str:
    """Return the words of a text that are in no bracket and no name; empty for none."""
    left = ALLOWED.sub(" ", outside(text))
    return " ".join(left.split()) if LETTERS.search(left) else ""


def main(folder: Path) -> None:
    """Build the page and print what it says in no bracket."""
    words.WORDS = Marked()
    from studio.ui.app import build
    from studio.workspace.workspace import Workspace
    from tests.browser.stage import catalogue

    workspace = Workspace(folder / "work")
    page = build(workspace, catalogue(), lambda: None)
    found: set[str] = set()
    for component in page.config["components"]:
        props = component["props"]
        for name in SHOWN:
            if isinstance(props.get(name), str) and props.get("visible", True) is not False:
                found.update(unmarked(text) for text in visible(props[name]))
        if component["type"] in SAYING and isinstance(props.get("value"), str):
            found.update(unmarked(text) for text in visible(props["value"]))
        for choice in props.get("choices") or ():
            found.add(unmarked(str(choice[0])))
    print(json.dumps(sorted(found - {""}), ensure_ascii=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
