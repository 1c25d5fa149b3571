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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.errors import StudioError
from studio.files import write_atomic
from studio.handles import to_handle
from studio.library.verdict import Verdict
from studio.settings import Knob

FORMAT = 1
METADATA_KEY = "likeness"
MAX_TABLE_BYTES = 4_000_000
MAX_FILE_BYTES = 512_000_000
OLD_NAMES = {"shared": "dependencies"}  # fields that files of earlier versions call otherwise


@dataclass(frozen=True)
class Header:
    """What a concept file says of itself.

    `handles` maps each handle to its noun, `verdicts` to whether it was learned; older files have none.
    `preview` is a small PNG. Nothing here names a path of the machine that made the file, and no photo is
    inside.
    """

    handles: dict[str, str]
    method: str
    method_title: str
    paper: str
    settings: dict[str, Any]
    seed: int
    base: str
    fingerprint: str
    photos: int
    steps: int
    final_loss: float
    created: str
    program: str
    format: int = FORMAT
    report: dict[str, float] = field(default_factory=dict)
    dependencies: dict[str, str] = field(default_factory=dict)
    knobs: dict[str, Knob] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    preview: bytes = b""

    @property
    def handle(self) -> str:
        """The first handle, by which the concept is known."""
        return next(iter(self.handles))

    @property
    def noun(self) -> str:
        """The first handle's noun."""
        return self.handles[self.handle]

    def other_handles(self, handle: str) -> list[str]:
        """The other handles of the file, which were learned together with this one."""
        return [other for other in self.handles if other != handle]

    def to_text(self) -> str:
        """The JSON text that goes into the file."""
        values = dataclasses.asdict(self)
        values["preview"] = base64.b64encode(self.preview).decode("ascii")
        return json.dumps(values, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Header:
        """The header that `to_text` wrote. Raises ValueError, TypeError or KeyError when it is none."""
        values = json.loads(text)
        if values.get("format") != FORMAT:
            raise ValueError(f"format {values.get('format')!r}")
        values = {OLD_NAMES.get(name, name): value for name, value in values.items()}
        known = {field.name for field in dataclasses.fields(cls)}
        values = {name: value for name, value in values.items() if name in known}
        values["preview"] = base64.b64decode(values.get("preview", ""))
        values["knobs"] = {name: Knob(**knob) for name, knob in values.get("knobs", {}).items()}
        verdicts = values.get("verdicts", {}).items()
        values["verdicts"] = {handle: Verdict.from_json(verdict) for handle, verdict in verdicts}
        header = cls(**values)
        handles = header.handles
        if not handles or any(to_handle(handle) != handle for handle in handles):
            raise ValueError("handles")
        if not all(isinstance(noun, str) and len(noun) < 100 for noun in handles.values()):
            raise ValueError("nouns")
        texts = (
            header.method,
            header.method_title,
            header.paper,
            header.base,
            header.fingerprint,
            header.created,
        )
        if not all(isinstance(text, str) and len(text) < 500 for text in texts) or not isinstance(
            header.settings, dict
        ):
            raise ValueError("fields")
        for knob in header.knobs.values():
            if not knob.low <= knob.default <= knob.high or not isinstance(knob.help, str):
                raise ValueError("knobs")
        if not isinstance(header.final_loss, int | float) or not isinstance(header.photos, int):
            raise ValueError("numbers")
        return header


def not_a_concept(path: Path, reason: str) -> StudioError:
    """The error for a file that is no concept of ours."""
    return StudioError(
        f"{path.name} is not a concept file: {reason}.", "Choose a .safetensors file that Likeness wrote."
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names must differ; safetensors itself lets the last of two equal names win."""
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("the same name twice")
    return names


def read_table(path: Path) -> tuple[dict[str, Any], int]:
    """The safetensors table of `path`, and where its tensor bytes start. Raises StudioError."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise not_a_concept(path, f"it is larger than {MAX_FILE_BYTES // 1_000_000} MB")
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
            if length > min(MAX_TABLE_BYTES, size - 8):
                # a table's length may begin with these bytes too, but read as a length a pickle's are huge
                if start[:2] == b"PK" or start[:1] == b"\x80":
                    raise not_a_concept(path, "it is a pickle, which could run code and is never opened")
                raise not_a_concept(path, "it is no safetensors file, or was cut short")
            table = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_unique)
        if not isinstance(table, dict):
            raise ValueError("no table")
        return table, 8 + length
    except OSError as error:
        raise not_a_concept(path, error.strerror or "it cannot be read") from error
    except (ValueError, RecursionError) as error:
        raise not_a_concept(path, "its table is damaged") from error


def read_header(path: Path) -> Header:
    """The header of the concept file `path`. Raises StudioError with the reason."""
    table, _ = read_table(path)
    metadata = table.get("__metadata__")
    if not isinstance(metadata, dict) or METADATA_KEY not in metadata:
        raise not_a_concept(path, "it carries no Likeness header")
    try:
        return Header.from_text(metadata[METADATA_KEY])
    except (ValueError, TypeError, KeyError, AttributeError, StudioError) as error:
        raise not_a_concept(path, f"its header cannot be read ({error})") from error


def rename_handle(path: Path, old: str, new: str, target: Path) -> None:
    """Write the concept at `path` to `target` with the handle `old` called `new`; no tensor changes."""
    table, start = read_table(path)
    header = read_header(path)
    handles, verdicts = (
        {new if handle == old else handle: value for handle, value in named.items()}
        for named in (header.handles, header.verdicts)
    )
    text = dataclasses.replace(header, handles=handles, verdicts=verdicts).to_text()
    renamed = {"__metadata__": {**table.pop("__metadata__"), METADATA_KEY: text}}
    renamed |= {name.replace(f"/{old}/", f"/{new}/"): entry for name, entry in table.items()}
    head = json.dumps(renamed).encode("utf-8")
    head += b" " * (-len(head) % 8)
    with path.open("rb") as file:
        file.seek(start)
        write_atomic(target, struct.pack("<Q", len(head)) + head + file.read())
