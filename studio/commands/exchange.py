"""The commands `export` and `import`: concepts to other programs, and out of their files."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

from studio.commands.base_flags import add_base_flags, open_base
from studio.commands.recipe_flags import open_workspace
from studio.concepts.header import is_ours, read_header
from studio.edits.saving import save_and_say
from studio.errors import StudioError
from studio.files import other_folders, writable_folder
from studio.generation.checked_file import save_checked
from studio.importing.foreign_concept import import_concept
from studio.interop.exporting import PROGRAMS, export_concept, refuse_existing
from studio.interop.foreign_file import look_at
from studio.interop.sharing import SHARED, write_without_traces
from studio.subject import parse_subject
from studio.words import tr
from studio.workspace.workspace import Workspace


def add_export_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `run_export` needs."""
    parser.add_argument("concept", metavar="CONCEPT", help="a file, or a name in the library")
    programs = ", ".join(f"{name}: {title}" for name, title in PROGRAMS.items())
    shared = f"{SHARED}: our own file without preview, prompts and the number of photos"
    parser.add_argument(
        "--for", dest="program", choices=(*PROGRAMS, SHARED), required=True, help=f"{programs}; {shared}"
    )
    parser.add_argument("--out", type=Path, default=Path(), help="the folder to write to (default: here)")


def run_export(given: argparse.Namespace) -> None:
    """Write a concept as files of another program. Raises StudioError."""
    path = Workspace(given.workspace).concepts.resolve(given.concept).path
    folder = writable_folder(given.out)
    if given.program == SHARED:
        target = folder / f"{read_header(path).handle.strip('<>')}.safetensors"
        refuse_existing(target)
        write_without_traces(path, target)
        print(tr("Saved as {file}", file=target))
        return
    export = export_concept(path, given.program)
    for written in export.write(folder):
        print(tr("Saved as {file}", file=written))
    print(f"\n{export.text}", end="")


def add_import_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `run_import` needs."""
    parser.add_argument("file", type=Path, help="an embedding, a LoRA, or a concept of Likeness")
    parser.add_argument("--name", help='what prompts will call it: "lily" becomes <lily>')
    parser.add_argument("--noun", help='what it is in a word: "cat"')
    parser.add_argument(
        "--trigger",
        help='words that a LoRA answers to, or "" for the noun (default: those in the file)',
    )
    add_base_flags(parser)


def run_import(given: argparse.Namespace) -> None:
    """Put a concept out of a file into the library. Raises StudioError."""
    workspace = open_workspace(given)
    if not given.file.is_file():
        raise StudioError("There is no {file}.", "Name a .safetensors file.", file=given.file)
    if is_ours(given.file):
        entry = workspace.concepts.add(given.file)
        if given.name:
            entry = workspace.concepts.rename(entry.header.handle, given.name)
        print(tr("{handle} is in the library.", handle=entry.header.handle))
        return
    foreign = look_at(given.file)
    if not given.name or not given.noun:
        raise StudioError(
            "{file} is {kind}.",
            "Say what it is with --name and --noun.",
            file=given.file.name,
            kind=foreign.kind,
        )
    subject = parse_subject(given.name, given.noun, workspace.used_handles)
    backbone = open_base(given)
    imported = import_concept(foreign, backbone, subject.handle, subject.noun, given.trigger)
    for note in imported.notes:
        print(note)
    sampling = workspace.base_defaults().sampling(0)
    save = functools.partial(save_checked, backbone, imported.concept, sampling=sampling)
    others = [Path.cwd(), *other_folders()]
    save_and_say(subject.handle, save, workspace.concepts.path(subject.handle), others)
