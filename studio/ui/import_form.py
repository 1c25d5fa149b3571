"""The form for a file of another program: what it will be called, and what it is."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from studio.concepts.header import is_ours
from studio.errors import StudioError
from studio.files import sweep_folders
from studio.handles import HANDLE, to_handle
from studio.interop.foreign_file import ForeignFile, look_at
from studio.subject import MAX_NOUN_LETTERS
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import delete_uploads, html_block, uploaded_files
from studio.ui.parts.markup import note_card
from studio.words import tr
from studio.workspace.workspace import Workspace

FOLDER = "imports"
MAX_NAME_LETTERS = 40
MAX_TRIGGER_LETTERS = 200
WAITING_SECONDS = 3600.0  # how long a file may wait for its name
OF_LORA = tr("A LoRA has no word of its own: what prompts call it is read as its trigger words.")


@dataclass
class ImportForm:
    """The components of the form; `file` keeps the path of the file that waits."""

    box: gr.Column
    about: gr.HTML
    file: gr.State
    name: gr.Textbox
    noun: gr.Textbox
    trigger: gr.Textbox
    start: gr.Button
    cancel: gr.Button

    @property
    def outputs(self) -> list[Any]:
        """The components that `opened_with` and `closed` change."""
        return [self.box, self.about, self.file, self.name, self.noun, self.trigger]

    @property
    def inputs(self) -> dict[str, Any]:
        """What an import needs, by name."""
        return {"file": self.file, "name": self.name, "noun": self.noun, "trigger": self.trigger}

    def opened_with(self, file: ForeignFile) -> dict[Any, Any]:
        """Return the changes that show the form for a file."""
        note = "" if file.words else f"<p>{escape(OF_LORA)}</p>"
        about = f"<h3>{escape(file.path.name)}</h3><p>{escape(_about(file))}</p>{note}"
        return {
            self.box: gr.update(visible=True),
            self.about: about,
            self.file: str(file.path),
            self.name: _proposed_name(file.path.stem),
            self.noun: "",
            self.trigger: gr.update(value=_proposed_trigger(file), visible=not file.words),
        }

    def closed(self) -> dict[Any, Any]:
        """Return the changes that hide the form."""
        return {self.box: gr.update(visible=False), self.file: ""}

    def connect(
        self,
        workspace: Workspace,
        connector: Connector,
        drop: gr.HTML,
        show: Callable[[str], dict[Any, Any]],
        shown: Sequence[Any],
        said: gr.HTML,
        notice: gr.HTML,
    ) -> None:
        """Connect the form and the drop zone.

        Args:
            show: returns the changes, of `shown`, that show a concept by its handle.
            said: where it is said that an import is under way.
        """

        def import_concept(event: gr.EventData) -> Changes:
            paths, failed = uploaded_files(event)
            if not paths:
                raise StudioError(
                    "{failed} could not be uploaded.",
                    "Try again.",
                    failed=failed[0] if failed else tr("The file"),
                )
            try:
                if not is_ours(paths[0]):
                    return self.opened_with(keep_upload(workspace, paths[0]))
                entry = workspace.concepts.add(paths[0])
            finally:
                delete_uploads(paths)
            return show(entry.header.handle)

        def import_foreign(file: str, name: str, noun: str, trigger: str) -> Changes:
            if not Path(file).is_file():
                raise StudioError("The file is gone.", "Drop it in again.")
            job = workspace.import_foreign(Path(file), name, noun, trigger)
            discard_upload(file)
            words = tr(
                "{title} is being imported. It appears here, or in the Queue with the reason why not.",
                title=job.title,
            )
            return self.closed() | {said: note_card(words)}

        def cancel_import(file: str) -> Changes:
            discard_upload(file)
            return self.closed()

        connect = functools.partial(connector.connect, notice=notice)
        connect(drop.upload, import_concept, outputs=[*shown, *self.outputs])
        connect(self.start.click, import_foreign, inputs=self.inputs, outputs=[*self.outputs, said])
        connect(self.cancel.click, cancel_import, inputs={"file": self.file}, outputs=self.outputs)


def import_form() -> ImportForm:
    """Build the form, hidden."""
    with gr.Column(visible=False, elem_classes="card", elem_id="import-form") as box:
        about = html_block()
        with gr.Row():
            name = gr.Textbox(
                "",
                label=tr("Name"),
                info=tr("What prompts will call it."),
                max_length=MAX_NAME_LETTERS,
                max_lines=1,
                elem_id="import-name",
            )
            noun = gr.Textbox(
                "",
                label=tr("Noun"),
                info=tr("What it is in a word, such as cat, or painting for a style."),
                max_length=MAX_NOUN_LETTERS,
                max_lines=1,
                elem_id="import-noun",
            )
        trigger = gr.Textbox(
            "",
            label=tr("Trigger words"),
            info=tr("The words that it was trained with. If you do not know them, leave this empty."),
            max_length=MAX_TRIGGER_LETTERS,
            max_lines=1,
            elem_id="import-trigger",
        )
        with gr.Row(elem_classes="actions"):
            start = gr.Button(tr("Import"), variant="primary", size="sm", elem_id="import-start")
            cancel = gr.Button(tr("Cancel"), size="sm", elem_id="import-cancel")
    return ImportForm(box, about, gr.State(""), name, noun, trigger, start, cancel)


def keep_upload(workspace: Workspace, path: Path) -> ForeignFile:
    """Move an uploaded file of another program to where it can wait. Raises StudioError if it is none."""
    look_at(path)
    folder = workspace.cache / FOLDER
    folder.mkdir(exist_ok=True)
    sweep_folders(folder, WAITING_SECONDS)
    return look_at(Path(shutil.move(path, Path(tempfile.mkdtemp(dir=folder)) / path.name)))


def discard_upload(path: str) -> None:
    """Delete a file that waited, with the folder that it waited in."""
    folder = Path(path).parent
    if path and folder.parent.name == FOLDER:
        shutil.rmtree(folder, ignore_errors=True)


def _about(file: ForeignFile) -> str:
    """Return a sentence about what a file is, how large, and what it was made on."""
    values = {"kind": file.kind, "count": len(file.layers), "base": file.base}
    if file.layers and file.base:
        return tr("This is {kind} of {count} layers, made on {base}.", **values)
    if file.layers:
        return tr("This is {kind} of {count} layers.", **values)
    return tr("This is {kind}, made on {base}." if file.base else "This is {kind}.", **values)


def _proposed_trigger(file: ForeignFile) -> str:
    """Return the words that a LoRA says it answers to, unless they are a whole caption."""
    return "" if file.words or len(file.trigger) > MAX_TRIGGER_LETTERS else file.trigger


def _proposed_name(stem: str) -> str:
    """Return a name for the concept in a file, empty when that of the file cannot be one."""
    letters = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in stem.lower())
    name = letters.encode("ascii", "ignore").decode().strip("-_")[:31]
    return to_handle(name).strip("<>") if HANDLE.fullmatch(f"<{name}>") else ""
