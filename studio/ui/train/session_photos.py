"""The photos that one visitor has dropped in for a training."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from studio.errors import StudioError
from studio.photos.captions import clean_caption
from studio.photos.photo import Photo
from studio.photos.scenes_of_photos import is_scene
from studio.photos.swap import Naming, Swap

NONE = -1  # the number of the chosen photo when none is in the editor
Keep = Callable[[Sequence[Photo], Swap | None], None]


class SessionPhotos:
    """Photos in the order in which they came, and which of them is in the editor.

    Not a dataclass: Gradio would take one apart.

    Attributes:
        chosen: the number of the photo in the editor, `NONE` when there is none.
        taken_out: all photos as they were before some were removed last, for `bring_back`.
        swapped: the photos that made room for all others (`swap`), until they come back (`swap_back`) or
            photos of one's own are learned (`settle`).
        restored: the naming of those that came back, until the form has it again.
        apart: the photos that scenes were composed of, put aside; empty while there are no scenes.
        lock: held while a handler changes the photos.
        keep: called with `all_photos` and `swapped` after a handler has changed them, so that a reload does
            not lose them.
    """

    def __init__(self, photos: Iterable[Photo] = ()) -> None:
        self.photos, self.chosen, self.lock = list(photos), NONE, threading.Lock()
        self.keep: Keep | None = None
        self.apart: list[Photo] = []
        self.taken_out: list[Photo] = []
        self.swapped: Swap | None = None
        self.restored: Naming | None = None
        self._kept: tuple[list[Photo], Swap | None] = (self.photos, None)

    def __deepcopy__(self, memo: dict) -> SessionPhotos:
        """Return a copy with its own lock: Gradio copies the initial value of a State for each visitor."""
        return SessionPhotos(self.photos)

    @property
    def is_empty(self) -> bool:
        """Whether there are no photos, nor any that made room."""
        return not self.all_photos and self.swapped is None

    def restore(self, photos: Iterable[Photo], keep: Keep, swap: Swap | None = None) -> None:
        """Begin with photos that are kept already, unless some are here; `keep` keeps later changes."""
        self.keep = keep
        if self.is_empty:
            self.begin(photos, swap)
            self._kept = self.photos, self.swapped

    def begin(self, photos: Iterable[Photo], swap: Swap | None = None) -> None:
        """Begin with these photos, as `all_photos` returned them; nothing from before them can come back.

        Args:
            swap: the photos that they are in the place of.
        """
        self.start_anew(photos)
        self.taken_out, self.swapped, self.restored = [], swap, None

    def keep_changes(self) -> None:
        """Keep the photos if they were changed since."""
        photos, swap = self._kept
        if self.keep is not None and (photos is not self.photos or swap is not self.swapped):
            self._kept = self.photos, self.swapped
            self.keep(self.all_photos, self.swapped)

    def replace_all(self, photos: list[Photo]) -> None:
        """Replace the photos, with none in the editor."""
        self.photos, self.chosen = photos, NONE

    @property
    def all_photos(self) -> list[Photo]:
        """The photos, then those that are put aside."""
        return [*self.photos, *self.apart]

    def start_anew(self, photos: Iterable[Photo]) -> None:
        """Replace the photos and those that are put aside, as `all_photos` returned them."""
        photos = list(photos)
        self.replace_all([photo for photo in photos if not photo.is_apart])
        self.apart = [photo for photo in photos if photo.is_apart]

    def put_into_scenes(self, alone: Sequence[Photo], scenes: Sequence[Photo]) -> None:
        """Put scenes in the place of the photos that they were composed of, which are put aside."""
        kept = [photo for photo in self.photos if all(photo is not one for one in alone)]
        aside = [replace(photo, is_apart=True) for photo in alone]
        self.start_anew([*kept, *scenes, *self.apart, *aside])

    def take_apart(self) -> None:
        """Put the photos back in the place of the scenes, also of those that were changed since."""
        self.start_anew(self._without_scenes())

    def _without_scenes(self) -> list[Photo]:
        others = [photo for photo in self.photos if not is_scene(photo)]
        return [*(replace(photo, is_apart=False) for photo in self.apart), *others]

    def remove_subject(self, number: int) -> None:
        """Remove a subject's masks; the numbers of those after it move up."""
        self.start_anew([photo.without_subject(number) for photo in self.all_photos])

    def photo(self, number: int) -> Photo:
        """Return the photo of a number. Raises StudioError when there is none."""
        if not 0 <= number < len(self.photos):
            raise StudioError("That photo is no longer there.", "Select another one.")
        return self.photos[number]

    @property
    def chosen_photo(self) -> Photo:
        """The photo in the editor. Raises StudioError when there is none."""
        return self.photo(self.chosen)

    def put(self, number: int, photo: Photo) -> None:
        """Replace the photo of a number. Raises StudioError when there is none."""
        self.photo(number)
        self.photos = [photo if i == number else other for i, other in enumerate(self.photos)]

    def number_of(self, key: str) -> int:
        """Return the number of the photo with this `photo_key`. Raises StudioError when it is gone."""
        for number, photo in enumerate(self.photos):
            if photo_key(photo, number) == key:
                return number
        raise StudioError("That photo is no longer there.", "Select another one.")

    def write_caption(self, key: str, caption: str) -> bool:
        """Keep what was typed as the caption of a photo, whichever is in the editor by now.

        Args:
            key: says which photo it is (`photo_key`); of one that is gone, nothing is kept.

        Returns whether the photo has a caption now and had none, or the other way round.
        """
        changed = False
        for number, photo in enumerate(self.photos):
            if key == photo_key(photo, number) and photo.caption != (text := clean_caption(caption)):
                changed = bool(photo.caption) != bool(text)
                self.photos = [
                    *self.photos[:number],
                    replace(photo, caption=text),
                    *self.photos[number + 1 :],
                ]
        return changed

    def remove(self, number: int) -> Photo:
        """Remove a photo, and return it. Raises StudioError when there is none."""
        removed = self.photo(number)
        self.taken_out = self.all_photos
        self.replace_all([photo for i, photo in enumerate(self.photos) if i != number])
        return removed

    def remove_all(self) -> None:
        """Remove all photos, also those that are put aside."""
        self.taken_out = self.all_photos
        self.start_anew([])

    def swap(self, photos: Iterable[Photo], naming: Naming) -> None:
        """Put others in the place of all photos until `swap_back`; `naming` is that of those here.

        Of several in a row, the photos from before the first come back, and those that were added since.
        """
        here, photos = self.all_photos, list(photos)
        if self.swapped is not None:
            here, naming = [*self.swapped.photos, *self._own_photos(self.swapped)], self.swapped.naming
        others = tuple(photo.image for photo in photos)
        self.begin(photos, Swap(tuple(here), others, naming) if here else None)

    def swap_back(self) -> None:
        """Put back the photos that made room for others, which go; what was added since stays."""
        if (swap := self.swapped) is not None:
            self.begin([*swap.photos, *self._own_photos(swap)])
            self.restored = swap.naming

    def settle(self) -> bool:
        """Forget the photos that made room, once photos of one's own are learned in their place.

        Returns whether there were any.
        """
        if self.swapped is None or not self._own_photos(self.swapped):
            return False
        self.swapped = None
        return True

    def _own_photos(self, swap: Swap) -> list[Photo]:
        """Return all photos but those that a swap has brought, and without scenes that those are part of."""
        photos = self._without_scenes() if any(map(swap.brought, self.apart)) else self.all_photos
        return [photo for photo in photos if not swap.brought(photo)]

    def bring_back(self) -> None:
        """Put back what was removed last, where it was; what was changed or added since stays as it is."""
        photos = self.all_photos
        here = [photo.image for photo in photos]  # a photo that was changed has the same picture
        for number, photo in enumerate(self.taken_out):
            if all(photo.image is not one for one in here):
                photos.insert(number, photo)
        self.start_anew(photos)
        self.taken_out = []

    def move(self, number: int, to: int) -> int:
        """Move a photo to another place among the others; return its new number. Raises StudioError."""
        moved, to = self.photo(number), min(max(to, 0), len(self.photos) - 1)
        others = [photo for i, photo in enumerate(self.photos) if i != number]
        is_in_editor = self.chosen == number
        self.replace_all([*others[:to], moved, *others[to:]])
        self.chosen = to if is_in_editor else NONE
        return to


def photo_key(photo: Photo, number: int) -> str:
    """Return a text that differs for each photo: the browser sends it with what it changes of the photo."""
    return f"{number} {photo.name}"


def locked(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Run a handler alone on its `session`, a SessionPhotos.

    Gradio runs handlers in threads; quick clicks are so handled one after the other, each on the photos that
    the one before left. What a handler has changed is kept.
    """

    @functools.wraps(handler)
    def run(*, session: SessionPhotos, **arguments: Any) -> Any:
        with session.lock:
            try:
                return handler(session=session, **arguments)
            finally:
                session.keep_changes()

    return run
