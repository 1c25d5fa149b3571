"""Presets: settings of a method under a name of one's own, one small file for each.

    presets/quick-puppy.preset.json     {"name": "Quick puppy", "method": "dreambooth", "settings": {...}}

Every change is one atomic write of one file, so that a damaged one never costs another. The file keeps its
name when the preset is renamed.
"""

from __future__ import annotations

import json
import os
import re
import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from annotated_types import MaxLen

from studio.documents import DocumentError, Scalar, ShortText, read_document
from studio.errors import StudioError, disk_errors, shortened
from studio.file_index import FileIndex
from studio.files import move_to_trash, write_atomic
from studio.folder_listing import FolderListing
from studio.limits import MAX_PRESET_LETTERS, MAX_PRESET_SETTINGS, MAX_PRESETS
from studio.method_card import MethodCard
from studio.words import tr

SUFFIX = ".preset.json"
HINT = "Choose one of those shown."


@dataclass(frozen=True)
class Preset:
    """Settings of a method, by its id: all of them, so that they stay what they are on another base."""

    name: Annotated[str, MaxLen(MAX_PRESET_LETTERS)]
    method: ShortText
    settings: Annotated[dict[ShortText, Scalar], MaxLen(MAX_PRESET_SETTINGS)] = field(default_factory=dict)

    def values_for(self, card: MethodCard) -> dict[str, Any]:
        """Return the settings for a method, checked; those that it has no longer are left out.

        Raises StudioError for another method, or a value that is out of range.
        """
        if card.id != self.method:
            raise StudioError(
                "“{preset}” holds settings of another method.",
                "It is {method}.",
                preset=self.name,
                method=self.method,
            )
        known = {field.name for field in card.fields}
        return card.parse({name: value for name, value in self.settings.items() if name in known})


def read_preset(path: Path) -> Preset:
    """Return the preset in a file. Raises StudioError, which names the file, when it is none."""
    hint = "Put it into the trash, or mend the file."
    try:
        preset = read_document(Preset, path.read_bytes(), path.name, hint=hint)
    except OSError as error:
        raise StudioError(
            "{file} cannot be read: {reason}.",
            hint,
            file=path.name,
            reason=error.strerror or tr("it is gone"),
        ) from error
    try:
        is_usable = preset.name == clean_name(preset.name)
    except StudioError:
        is_usable = False
    if not is_usable:
        raise DocumentError(path.name, "its `name` cannot be one", hint)
    return preset


def clean_name(text: str) -> str:
    """Return a typed name in one line, without spaces around. Raises StudioError for an empty or long one."""
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if not name:
        raise StudioError("The preset has no name.", "Write one.")
    if len(name) > MAX_PRESET_LETTERS:
        raise StudioError(
            "That name is too long.",
            "Write at most {most} letters.",
            most=MAX_PRESET_LETTERS,
        )
    return name


class Presets:
    """The presets in `folder`, made with the first; deleted ones go to `trash`. Any thread may ask."""

    def __init__(self, folder: Path, trash: Path) -> None:
        self.folder, self.trash = folder, trash
        self._listing, self._index = FolderListing(folder, SUFFIX), FileIndex(folder, Preset, read_preset)
        self._lock = threading.Lock()

    def _read(self) -> dict[str, Preset | StudioError]:
        """Return by file name what each file holds."""
        try:
            files = self._listing.files()
        except OSError:
            return {}  # there is no folder yet
        return {file.name: content for file, content in self._index.read(files).items()}

    def by_file(self) -> dict[str, Preset]:
        """Return the presets by file name, sorted by their own names; of two with one name, the first."""
        found = {file: one for file, one in self._read().items() if isinstance(one, Preset)}
        names: dict[str, str] = {}
        for file in sorted(found):
            names.setdefault(found[file].name.casefold(), file)
        return {names[name]: found[names[name]] for name in sorted(names)}

    def all(self) -> list[Preset]:
        """Return the presets by name."""
        return list(self.by_file().values())

    def unreadable(self) -> dict[str, StudioError]:
        """Return by file name why files in the folder are no presets."""
        return {file: one for file, one in self._read().items() if isinstance(one, StudioError)}

    def find(self, name: str) -> Preset:
        """Return the preset of this name, whatever its capitals. Raises StudioError when there is none."""
        return self.by_file()[self._file(name)]

    def save(self, name: str, method: str, settings: Mapping[str, Scalar]) -> Preset:
        """Keep settings under a new name. Raises StudioError when it is taken or cannot be used."""
        preset = Preset(clean_name(name), method, dict(settings))
        with self._lock:
            self._check_free(preset.name)
            if len(self._read()) >= MAX_PRESETS:
                raise StudioError(
                    "There are {most} presets, which is the most.",
                    "Delete one first.",
                    most=MAX_PRESETS,
                )
            with disk_errors(self.folder):
                self.folder.mkdir(exist_ok=True)
            self._write(self._unused_file(preset.name), preset)
        return preset

    def rename(self, name: str, new: str) -> Preset:
        """Give a preset another name. Raises StudioError when there is none, or the name is taken."""
        with self._lock:
            file, new = self._file(name), clean_name(new)
            if new.casefold() != name.casefold():
                self._check_free(new)
            preset = replace(self.by_file()[file], name=new)
            self._write(file, preset)
        return preset

    def delete(self, name: str) -> Path:
        """Move a preset to the trash; return its path there. Raises StudioError when there is none."""
        with self._lock:
            return move_to_trash(self.folder / self._file(name), self.trash)

    def discard(self, file: str) -> Path:
        """Move a file that is no preset to the trash; return its path there. Raises StudioError."""
        found = [name for name in self.unreadable() if shortened(name) == file]
        if not found:
            raise StudioError(
                "{file} is no longer there, or is a preset by now.", "Look at the presets.", file=file
            )
        return move_to_trash(self.folder / found[0], self.trash)

    def _file(self, name: str) -> str:
        wanted = name.strip().casefold()
        for file, preset in self.by_file().items():
            if preset.name.casefold() == wanted:
                return file
        names = ", ".join(preset.name for preset in self.all())
        raise StudioError(
            "There is no preset called {name!r}.",
            "Yours: {names}."
            if names
            else "Save one in the page, under “Every setting, and presets of your own”.",
            name=shortened(name.strip(), 80),
            names=shortened(names, 200),
        )

    def _check_free(self, name: str) -> None:
        if name.casefold() in {preset.name.casefold() for preset in self.all()}:
            raise StudioError("There is a preset called “{name}” already.", "Choose another name.", name=name)

    def _unused_file(self, name: str) -> str:
        """Return a file name that says the preset's name in plain letters, and is not used."""
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        stem, number = re.sub("[^a-z0-9]+", "-", plain).strip("-") or "preset", 1
        file = f"{stem}{SUFFIX}"
        while os.path.lexists(self.folder / file):
            number += 1
            file = f"{stem}-{number}{SUFFIX}"
        return file

    def _write(self, file: str, preset: Preset) -> None:
        write_atomic(
            self.folder / file, json.dumps(asdict(preset), indent=1, ensure_ascii=False).encode("utf-8")
        )
        self._listing.forget()
