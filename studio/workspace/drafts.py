"""What a person has filled in and not used yet, kept for each browser in a folder of the workspace.

    drafts/<id of the browser>/draft.json       the form, and what is known of each photo
    drafts/<id of the browser>/<hash>.png       pixels of a photo or a mask

Only a browser that knows an id gets its draft. Whoever writes last wins, so that two tabs of one browser are
never in each other's way. A thread of its own does the writing: nobody waits for it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from studio.documents import DocumentError, Scalar, read_document
from studio.errors import StudioError, disk_errors, shortened
from studio.files import png_bytes, write_atomic
from studio.limits import MAX_DRAFT_BYTES, MAX_DRAFT_DAYS, MAX_DRAFTS
from studio.photos.photo import Photo
from studio.photos.swap import Swap
from studio.words import tr
from studio.workspace.draft_document import MAX_WITH_APART, Draft, DraftDocument, DraftPhoto, DraftSwap

WRITE_SECONDS = 1.0  # between two times that one draft is written
FILE = "draft.json"
ID = re.compile("[0-9a-f]{32}")
DAY = 86400.0  # seconds

log = logging.getLogger("likeness.page")


def is_draft_id(text: str) -> bool:
    """Return whether a text can be the id of a browser: 128 bits, which nobody guesses, and no path."""
    return ID.fullmatch(text) is not None


class Drafts:
    """The drafts below a folder, which is made when the first is kept. Safe from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._forms: dict[str, Mapping[str, Scalar]] = {}  # to be written
        self._photos: dict[str, tuple[tuple[Photo, ...], Swap | None]] = {}
        self._names: dict[int, tuple[weakref.ref[Image.Image], str]] = {}  # files of pictures, by id()
        self._waiting, self._disk = threading.Condition(), threading.Lock()
        self._writer: threading.Thread | None = None

    def keep_form(self, browser: str, form: Mapping[str, Scalar]) -> None:
        """Keep what the controls of a browser hold; it is on disk a second later."""
        with self._waiting:
            self._forms[browser] = dict(form)
            self._wake()

    def keep_photos(self, browser: str, photos: Sequence[Photo], swap: Swap | None = None) -> None:
        """Keep the photos of a browser, and those that they are in the place of.

        They are on disk a second later, or longer for many.
        """
        with self._waiting:
            self._photos[browser] = (tuple(photos), swap)
            self._wake()

    def read(self, browser: str) -> Draft:
        """Return the draft of a browser, an empty one when there is none, or it is damaged."""
        if not is_draft_id(browser):
            return Draft()
        self.flush()
        with self._disk:
            return self._document(browser).opened(self.folder / browser)

    def flush(self) -> None:
        """Write what is to be written. A disk that does not take it is noted in the log."""
        with self._disk:
            with self._waiting:
                forms, self._forms = self._forms, {}
                photos, self._photos = self._photos, {}
            for browser in {**forms, **photos}:
                try:
                    self._write(browser, forms.get(browser), photos.get(browser))
                except StudioError as error:
                    log.warning("the draft of a browser is not kept: %s", error)

    def sweep(self) -> None:
        """Delete drafts that are too old, and the oldest beyond the number that is kept."""
        found = sorted(self._ages(), reverse=True)
        for number, (changed, folder) in enumerate(found):
            if number >= MAX_DRAFTS or changed < time.time() - MAX_DRAFT_DAYS * DAY:
                shutil.rmtree(folder, ignore_errors=True)

    def _ages(self) -> Iterable[tuple[float, Path]]:
        with suppress(OSError):
            for folder in list(self.folder.iterdir()):
                if is_draft_id(folder.name):
                    with suppress(OSError):
                        yield folder.stat().st_mtime, folder

    def _wake(self) -> None:
        """Let the writer know that there is something to write."""
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_on, name="drafts", daemon=True)
            self._writer.start()
        self._waiting.notify_all()

    def _write_on(self) -> None:
        while True:
            with self._waiting:
                self._waiting.wait_for(lambda: self._forms or self._photos)
            time.sleep(WRITE_SECONDS)  # more may come
            try:
                self.flush()
            except Exception:
                log.exception("a draft cannot be written")

    def _document(self, browser: str) -> DraftDocument:
        try:
            text = (self.folder / browser / FILE).read_bytes()
            return read_document(DraftDocument, text, tr("The draft"))
        except (OSError, DocumentError):
            return DraftDocument()

    def _write(
        self,
        browser: str,
        form: Mapping[str, Scalar] | None,
        photos: tuple[Sequence[Photo], Swap | None] | None,
    ) -> None:
        """Write a draft; None leaves that part as it is. Raises DiskError."""
        folder, before = self.folder / browser, self._document(browser)
        if not folder.is_dir():
            with disk_errors(folder):
                folder.mkdir(parents=True)
            self.sweep()
        kept = (before.photos, before.swap) if photos is None else self._write_photos(folder, *photos)
        now = DraftDocument(before.form if form is None else dict(form), *kept)
        if now == before and (folder / FILE).exists():
            return
        write_atomic(folder / FILE, json.dumps(asdict(now)).encode("utf-8"))
        used = {FILE, *now.files}
        for path in folder.iterdir():
            if path.name not in used:
                with suppress(OSError):
                    path.unlink()

    def _write_photos(
        self, folder: Path, photos: Sequence[Photo], swap: Swap | None
    ) -> tuple[tuple[DraftPhoto, ...], DraftSwap | None]:
        """Write the pictures of photos and of those that made room; return what is known of them."""
        photos, made_room = photos[:MAX_WITH_APART], swap.photos[:MAX_WITH_APART] if swap else ()
        written = tuple(self._write_pictures(folder, [*photos, *made_room]))
        kept, gone = written[: len(photos)], written[len(photos) :]
        if swap is None or not gone:
            return kept, None
        others = tuple(one.file for photo, one in zip(photos, kept, strict=True) if swap.brought(photo))
        return kept, DraftSwap(gone, others, *swap.naming)

    def _write_pictures(self, folder: Path, photos: Iterable[Photo]) -> Iterable[DraftPhoto]:
        """Write the pictures of photos, as many as there is room for, and yield what is known of each."""
        size, names = 0, dict[int, tuple[weakref.ref[Image.Image], str]]()
        for photo in photos:
            pictures = [photo.image, *photo.masks.values()]
            files = [self._write_picture(folder, picture) for picture in pictures]
            names |= {id(picture): self._names[id(picture)] for picture in pictures}
            size += sum((folder / file).stat().st_size for file in files)
            if size > MAX_DRAFT_BYTES:
                log.warning("a draft has photos of more than %d MB; the others are not kept", size // 10**6)
                break
            masks = dict(zip(map(str, photo.masks), files[1:], strict=True))
            crop = (photo.crop.x, photo.crop.y, photo.crop.zoom)
            name = shortened(photo.name, 200)
            yield DraftPhoto(name, files[0], crop, masks, photo.caption, photo.is_apart)
        self._names = names

    def _write_picture(self, folder: Path, picture: Image.Image) -> str:
        """Write a picture if it is not there; return the name of its file."""
        known = self._names.get(id(picture))
        if known is None or known[0]() is not picture:
            about = f"{picture.mode} {picture.size}".encode()
            name = f"{hashlib.sha256(about + picture.tobytes()).hexdigest()[:32]}.png"
            known = self._names[id(picture)] = (weakref.ref(picture), name)
        if not (folder / known[1]).exists():
            write_atomic(folder / known[1], png_bytes(picture, compress_level=1))
        return known[1]
