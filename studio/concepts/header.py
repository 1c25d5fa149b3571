"""The readable header of a concept file.

A concept is one safetensors file; its header is a JSON text under the metadata key `likeness`. This file
reads and rewrites headers without touching a tensor, so that the page can list a library without torch.
It trusts nothing: a concept may come from a stranger.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import MaxLen

from studio.concepts import tensor_table
from studio.concepts.tensor_table import TableError
from studio.concepts.verdict import OLD_NAMES as OLD_VERDICT_NAMES
from studio.concepts.verdict import Verdict
from studio.documents import (
    Count,
    Date,
    DocumentError,
    Handle,
    Measured,
    Scalar,
    ShortText,
    read_document,
    renamed,
)
from studio.errors import StudioError
from studio.files import write_atomic
from studio.limits import MAX_NOTE_LETTERS, MAX_TABLE_BYTES
from studio.settings import Knob
from studio.words import tr

FORMAT = 1
METADATA_KEY = "likeness"
DTYPES = ("F64", "F32", "F16", "BF16")  # numbers that tensors of a concept may have
OLD_NAMES = {"shared": "dependencies"}  # fields that files of earlier versions call otherwise


@dataclass(frozen=True)
class Header:
    """What a concept file says of itself.

    Nothing here names a path of the machine that made the file, and no photo is inside.

    Args:
        handles: the noun of each handle.
        settings: those of the method, as it was trained.
        base, fingerprint: the base model's name, and a hash of its weights.
        base_kind: its family and the width of its text (`Backbone.kind`); older files do not say.
        created: date and time, as in ISO 8601.
        report: what the method measured about what was learned.
        dependencies: hashes of external data; concepts in one picture must agree in them.
        knobs: what can be changed while painting.
        own_knobs: by handle, the knobs of its own edits in a merged file; of a handle that is not here, all.
        verdicts: by handle, whether it was learned. Older files have none.
        memory: what was done to fit the training into the device's memory, empty for nothing.
        preview: a small PNG, empty for none.
        note: what its maker wrote about it.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"val_json_bytes": "base64"}

    handles: dict[Handle, ShortText]
    method: ShortText
    method_title: ShortText
    paper: ShortText
    settings: dict[ShortText, Scalar]
    seed: Count
    base: ShortText
    fingerprint: ShortText
    photos: Count
    steps: Count
    final_loss: Measured
    created: Date
    program: ShortText
    format: int = FORMAT
    report: dict[ShortText, Measured] = field(default_factory=dict)
    dependencies: dict[ShortText, ShortText] = field(default_factory=dict)
    knobs: dict[ShortText, Knob] = field(default_factory=dict)
    own_knobs: dict[Handle, dict[ShortText, Knob]] = field(default_factory=dict)
    verdicts: dict[Handle, Verdict] = field(default_factory=dict)
    preview: bytes = b""
    memory: ShortText = ""
    base_kind: ShortText = ""
    note: Annotated[str, MaxLen(MAX_NOTE_LETTERS)] = ""

    @property
    def handle(self) -> str:
        """Return the first handle, by which the concept is known."""
        return next(iter(self.handles))

    @property
    def noun(self) -> str:
        """Return the first handle's noun."""
        return self.handles[self.handle]

    def knobs_of(self, handle: str) -> dict[str, Knob]:
        """Return the knobs that a handle's own edits have."""
        return self.own_knobs.get(handle, self.knobs)

    def other_handles(self, handle: str) -> list[str]:
        """Return the handles that were learned together with this one."""
        return [other for other in self.handles if other != handle]

    def to_text(self) -> str:
        """Return the JSON text that goes into the file."""
        values = dataclasses.asdict(self)
        values["preview"] = base64.b64encode(self.preview).decode("ascii")
        return json.dumps(values, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Header:
        """Return the header that `to_text` wrote. Raises DocumentError with the reason when it is none."""
        header = read_document(cls, text, WHAT, _upgrade)
        if header.format != FORMAT:
            raise DocumentError(
                WHAT,
                "its format is {format}, and this version knows {known}",
                format=header.format,
                known=FORMAT,
            )
        if not header.handles:
            raise DocumentError(WHAT, "it names nothing that was learned")
        for knobs in (header.knobs, *header.own_knobs.values()):
            for name, knob in knobs.items():
                if not knob.low <= knob.default <= knob.high:
                    raise DocumentError(WHAT, "the default of {name} is out of its range", name=name)
        return header


WHAT = tr("The header of a concept")


def _upgrade(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a file of an earlier version under the present field names."""
    values = renamed(values, OLD_NAMES)
    verdicts = values.get("verdicts")
    if isinstance(verdicts, dict):
        values["verdicts"] = {key: renamed(one, OLD_VERDICT_NAMES) for key, one in verdicts.items()}
    names, knobs = values.pop("knob_names", None), values.get("knobs")
    if isinstance(names, dict) and isinstance(knobs, dict):  # only the names of a handle's own
        own = {handle: map(str, listed) for handle, listed in names.items() if isinstance(listed, list)}
        values["own_knobs"] = {
            handle: {name: knobs[name] for name in listed if name in knobs} for handle, listed in own.items()
        }
    return values


def not_a_concept(path: Path, reason: str) -> StudioError:
    """Return the error for a file that is no concept of ours."""
    return StudioError(
        "{file} is not a concept file: {reason}.",
        "Choose a .safetensors file that Likeness wrote.",
        file=path.name,
        reason=reason,
    )


def read_table(path: Path) -> tuple[dict[str, Any], int]:
    """Return what `tensor_table.read_table` does. Raises StudioError for what is no concept file."""
    try:
        return tensor_table.read_table(path)
    except TableError as error:
        raise not_a_concept(path, error.reason) from error


def is_ours(path: Path) -> bool:
    """Return whether a file is a concept of Likeness, or was one before something cut or spoilt it."""
    try:
        with path.open("rb") as file:
            return f'"{METADATA_KEY}"'.encode() in file.read(MAX_TABLE_BYTES)
    except OSError:
        return False


def read_header(path: Path) -> Header:
    """Return the header of the concept file `path`. Raises StudioError with the reason when it is none."""
    table, _ = read_table(path)
    metadata = table.pop("__metadata__", {})
    if METADATA_KEY not in metadata:
        raise not_a_concept(path, tr("it carries no Likeness header"))
    for entry in table.values():
        if entry["dtype"] not in DTYPES:
            raise not_a_concept(path, tr("it holds numbers of the kind {kind}", kind=entry["dtype"]))
    try:
        return Header.from_text(metadata[METADATA_KEY])
    except DocumentError as error:
        reason = tr("its header cannot be read ({reason})", reason=error.reason)
        raise not_a_concept(path, reason) from error


def rename_handle(path: Path, old: str, new: str, target: Path) -> None:
    """Write the concept at `path` to `target`, its handle `old` called `new`; no tensor changes."""
    table, start = read_table(path)
    header = read_header(path)
    names = {handle: new if handle == old else handle for handle in header.handles}
    handles = {names[handle]: noun for handle, noun in header.handles.items()}
    verdicts = {names.get(handle, handle): verdict for handle, verdict in header.verdicts.items()}
    knobs = {names.get(handle, handle): own for handle, own in header.own_knobs.items()}
    renamed = {name.replace(f"/{old}/", f"/{new}/"): entry for name, entry in table.items()}
    header = dataclasses.replace(header, handles=handles, verdicts=verdicts, own_knobs=knobs)
    _write(path, start, renamed, header, target)


def write_with_header(path: Path, header: Header, target: Path, alone: bool = False) -> None:
    """Write the concept at `path` to `target` with another header; no tensor changes.

    Args:
        alone: whether other metadata of the file is left out.
    """
    table, start = read_table(path)
    if alone:
        table.pop("__metadata__", None)
    _write(path, start, table, header, target)


def _write(path: Path, start: int, table: dict[str, Any], header: Header, target: Path) -> None:
    """Write a concept with this table and header, and the tensor bytes that `path` has from `start` on."""
    metadata = {**table.get("__metadata__", {}), METADATA_KEY: header.to_text()}
    head = json.dumps({**table, "__metadata__": metadata}).encode("utf-8")
    head += b" " * (-len(head) % 8)
    with path.open("rb") as file:
        file.seek(start)
        write_atomic(target, struct.pack("<Q", len(head)) + head + file.read())
