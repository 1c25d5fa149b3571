"""The button that puts things photographed alone into scenes together, and the one that takes them back."""

from __future__ import annotations

import random

from studio.photos.scenes_of_photos import compose_photos, photos_alone, subjects_in
from studio.ui.parts.markup import button
from studio.ui.train.mask_overlay import Subjects
from studio.ui.train.session_photos import SessionPhotos
from studio.words import tr

COMPOSE, TAKE_APART = "compose", "take-apart"  # actions of the buttons
MAX_SCENES = 5  # more of the same few cut-outs say nothing new


def scenes_button(session: SessionPhotos, subjects: Subjects) -> str:
    """Return the button as HTML.

    Scenes can be taken apart again; where there are none and the method learns several masked subjects, some
    can be composed of two or more photos that do not show several already. Empty otherwise.
    """
    if session.apart:
        title = tr("Puts the photos that the scenes were composed of back in their place")
        return button(TAKE_APART, tr("Back to the photos"), title=title)
    apart = [photo for photo in session.photos if len(subjects_in(photo, len(subjects.names))) < 2]
    if not subjects.max_scenes or len(apart) < 2:
        return ""
    title = tr("Puts things that were photographed alone into pictures together, cut out by their masks")
    return button(COMPOSE, tr("Compose scenes of these"), title=title)


def change_scenes(session: SessionPhotos, subjects: Subjects, action: str) -> None:
    """Compose scenes of the photos of a session, or take them apart again.

    Photos that show several subjects already stay, and count among the scenes that the method has room for.
    Raises StudioError as `compose_photos` does.
    """
    if action == TAKE_APART:
        session.take_apart()
        return
    alone = photos_alone(session.photos, len(subjects.names))
    room = subjects.max_scenes - (len(session.photos) - len(alone))
    count = max(1, min(room, MAX_SCENES))
    scenes = compose_photos(session.photos, subjects.titles, count, random.Random())
    session.put_into_scenes(alone, scenes)
