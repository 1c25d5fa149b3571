"""The hash by which other programs know a checkpoint: the SHA-256 of its file.

A1111 writes its first ten digits into pictures as `Model hash`, and model sites look files up by it. Only a
checkpoint in a single file has one: a diffusers folder is several files that nobody looks up by a hash, so
that any we made up for it would name no model. `studio.models.fingerprint` is ours, the same for a folder,
a file and every precision.
"""

from __future__ import annotations

import hashlib
import re
import threading
from contextlib import suppress
from pathlib import Path

from studio.errors import DiskError
from studio.files import write_atomic

FOLDER = "hashes"  # in the cache of a workspace
SHORT = 10  # digits that other programs write
SHA_256 = re.compile("[0-9a-f]{64}")
CHUNK = 1 << 20  # bytes read at a time


class FileHash:
    """The hash of a file, made beside other work, and remembered until the file changes.

    A checkpoint of 7 GB takes seconds to a minute to read, once: whoever asks before it is done waits.

    Args:
        path: the file; anything else has no hash.
        cache: the folder in which hashes are remembered.
    """

    def __init__(self, path: Path, cache: Path) -> None:
        self._path, self._cache = path, cache
        self._short = known_hash(path, cache)
        self._thread = threading.Thread(target=self._make, name="file hash", daemon=True)
        self._is_made = bool(self._short) or not path.is_file()
        if not self._is_made:
            self._thread.start()

    def short(self) -> str:
        """Return its first ten digits; empty for what is no file, or cannot be read any more."""
        if not self._is_made:
            self._thread.join()
        return self._short

    def _make(self) -> None:
        """Hash the file and remember it, unless it was changed meanwhile."""
        with suppress(OSError):
            place = _place_of(self._path, self._cache)
            digest = hashlib.sha256()
            with self._path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
            if place == _place_of(self._path, self._cache):
                self._short = digest.hexdigest()[:SHORT]
                with suppress(DiskError):  # it is made again the next time
                    place.parent.mkdir(parents=True, exist_ok=True)
                    write_atomic(place, digest.hexdigest().encode("ascii"))


def known_hash(path: str | Path, cache: Path) -> str:
    """Return the first ten digits of a file's hash as they are remembered; empty where they are not."""
    try:
        text = _place_of(Path(path).expanduser(), cache).read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
    return text[:SHORT] if SHA_256.fullmatch(text) else ""


def _place_of(path: Path, cache: Path) -> Path:
    """Return where the hash of a file, in its present size and time, is remembered. Raises OSError."""
    facts = path.stat()
    if not path.is_file():
        raise FileNotFoundError(path)
    key = f"{path.resolve()}\0{facts.st_size}\0{facts.st_mtime_ns}"
    return cache / FOLDER / hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:32]
