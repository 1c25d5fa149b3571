"""The export of a concept to other programs: the menu on its card, and the files that it brings."""

from __future__ import annotations

import io
import zipfile
from html import escape
from pathlib import Path

from studio.concepts.concept_library import Entry
from studio.errors import StudioError
from studio.files import write_atomic
from studio.interop.exporting import PROGRAMS, export_concept
from studio.interop.sharing import SHARED, write_without_traces
from studio.ui.parts.markup import button, download
from studio.words import tr
from studio.workspace.workspace import Workspace

TITLES = {name: tr("For {program}", program=title) for name, title in PROGRAMS.items()}
TITLES[SHARED] = tr("For sharing")
ABOUT_SHARING = tr("Its own file, without preview, prompts, note and the number of photos.")


def export_folder(workspace: Workspace) -> Path:
    """Return the folder of exported files, which the page may serve."""
    return workspace.cache / "exports"


def export_menu(handle: str) -> str:
    """Return the menu of a concept's card; its buttons are pressed with the action "export"."""
    buttons = "".join(button("export", title, f"{name} {handle}") for name, title in TITLES.items())
    summary = f"<summary>{escape(tr('Export'))}</summary>"
    return f'<details class="export">{summary}<div class="actions">{buttons}</div></details>'


def exported(workspace: Workspace, entry: Entry, program: str) -> str:
    """Write the files of an export, and return what to do with them and a link to save them.

    Raises StudioError for a concept that has no form in the program.
    """
    if program not in TITLES:
        raise StudioError("There is no such export.", "Choose one of those shown.")
    folder = export_folder(workspace)
    folder.mkdir(exist_ok=True)
    name = entry.header.handle.strip("<>")
    if program == SHARED:
        path = folder / f"{name}.safetensors"
        write_without_traces(entry.path, path)
        return _card(program, ABOUT_SHARING, path)
    export = export_concept(entry.path, program)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file, content in export.files.items():
            archive.writestr(file, content)
    path = folder / f"{name}-{program}.zip"
    write_atomic(path, packed.getvalue())
    return _card(program, export.text, path)


def _card(program: str, text: str, path: Path) -> str:
    """Return the card of an export."""
    return (
        f'<section class="card export-card" aria-label="{escape(tr("Export"))}">'
        f"<h3>{escape(TITLES[program])}</h3>"
        f'<pre>{escape(text.strip())}</pre><div class="actions">{download(path, tr("Save the files"))}'
        f"{button('close-export', tr('Close'))}</div></section>"
    )
