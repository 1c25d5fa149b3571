"""Reads the table of a safetensors file, which names its tensors and says where they are; loads none.

It trusts nothing, and has limits: the file may come from a stranger, ours or another program's.
"""

from __future__ import annotations

import json
import stat
import struct
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from studio.limits import MAX_CONCEPT_BYTES, MAX_TABLE_BYTES, MAX_TENSORS, MB
from studio.words import tr


class TableError(Exception):
    """A file has no table that can be read.

    Args:
        reason: why, as part of a sentence.
        is_pickle: whether the file begins as one.
        is_over: whether the file has more than a limit allows.
    """

    def __init__(self, reason: str, is_pickle: bool = False, is_over: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.is_pickle, self.is_over = reason, is_pickle, is_over


def read_table(path: Path, most_bytes: int = MAX_CONCEPT_BYTES) -> tuple[dict[str, Any], int]:
    """Return the safetensors table of `path`, and where its tensor bytes start; reads no tensor.

    Args:
        most_bytes: of the file.

    Raises TableError when the file is none, was cut short, or is too large.
    """
    try:
        about = path.stat()
        size = about.st_size
        if not stat.S_ISREG(about.st_mode):  # opening a pipe would wait for ever
            raise TableError(tr("it is no file"))
        if size > most_bytes:
            larger = tr("it is larger than {megabytes} MB", megabytes=most_bytes // MB)
            raise TableError(larger, is_over=True)
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
            if length > size - 8:
                # a table's length may begin with these bytes too, but read as a length a pickle's are huge
                if start[:2] == b"PK" or start[:1] == b"\x80":
                    pickled = tr("it is a pickle, which could run code and is never opened")
                    raise TableError(pickled, is_pickle=True)
                raise TableError(tr("it is no safetensors file, or was cut short"))
            if length > MAX_TABLE_BYTES:
                megabytes = MAX_TABLE_BYTES // MB
                larger = tr("its table is larger than {megabytes} MB", megabytes=megabytes)
                raise TableError(larger, is_over=True)
            table = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_unique)
        if not isinstance(table, dict) or not isinstance(table.get("__metadata__", {}), dict):
            # safetensors itself takes null for a table without tensors, and for no metadata
            raise TableError(tr("its table is damaged"))
        if len(table.keys() - {"__metadata__"}) > MAX_TENSORS:
            raise TableError(tr("it has more than {most} tensors", most=MAX_TENSORS), is_over=True)
        with safe_open(path, framework="numpy"):  # checks that the tensors fill the file
            return table, 8 + length
    except OSError as error:
        raise TableError(error.strerror or tr("it cannot be read")) from error
    except SafetensorError as error:
        raise TableError(tr("it is damaged or was cut short")) from error
    except (ValueError, RecursionError) as error:
        raise TableError(tr("its table is damaged")) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object whose names all differ. Raises ValueError for one with a name twice."""
    names = dict(pairs)  # safetensors itself lets the last of two equal names win
    if len(names) != len(pairs):
        raise ValueError("the same name twice")
    return names
