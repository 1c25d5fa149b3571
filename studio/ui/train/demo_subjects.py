"""Ready-made subjects to try the studio with: `assets/demo/subjects.json` and its pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path

from studio.starter import DEMO
from studio.ui.parts.markup import file_url
from studio.words import tr, trn


@dataclass(frozen=True)
class DemoSubject:
    """A subject with photos that come with the studio; `slug` is its id, `photos` are files."""

    slug: str
    title: str
    noun: str
    name: str
    photos: tuple[Path, ...]


def demo_subjects() -> list[DemoSubject]:
    """Read the subjects; a file that cannot be read gives none."""
    try:
        entries = json.loads((DEMO / "subjects.json").read_text(encoding="utf-8"))
        entries = entries["subjects"] if isinstance(entries, dict) else entries
        return [
            DemoSubject(
                entry["slug"],
                entry["title"],
                entry["noun"],
                entry.get("handle", entry["slug"]).strip("<>"),
                tuple(DEMO / photo for photo in entry["photos"]),
            )
            for entry in entries
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _photos(count: int) -> str:
    return trn("{count} photo", "{count:,} photos", count)


def demo_cards(subjects: list[DemoSubject]) -> str:
    """Return the subjects as buttons that fill the form."""
    if not subjects:
        return ""
    cards = "".join(
        f'<button type="button" class="demo" data-action="demo" data-id="{escape(subject.slug)}">'
        f'<img src="{escape(file_url(subject.photos[0]))}" alt=""><span><b>{escape(tr(subject.title))}</b>'
        f"<small>{escape(_photos(len(subject.photos)))}</small></span></button>"
        for subject in subjects
        if subject.photos and subject.photos[0].is_file()
    )
    return f'<p class="label">{escape(tr("Or try with"))}</p><div class="demos">{cards}</div>'
