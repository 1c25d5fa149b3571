"""Trainings whose outcome is known, to check verdicts against: good ones, and every way to fail.

The outcome is what a person says who sees photos and pictures side by side. Photographs are those that come
with Gradio.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from studio.errors import StudioError
from studio.photos.click_mask import propose_mask
from studio.photos.photo import Photo, open_photo
from studio.starter import DEMO
from studio.subject import Subject
from trainers.benchmarks.method_trial import MIDDLE, cases_in
from trainers.benchmarks.scene_cases import scenes_in

GROUNDS = ("#3f6fd8", "#e58fb3", "#9aa0a6", "#f4f4f0")  # that a cut-out is put on, a photo for each
SIZES = (0.7, 0.6, 0.8, 0.66)  # of the cut-out, as shares of the photo's side
SIDE = 256  # pixels of the photos that are made here
PHOTOGRAPHS = {  # by the folder of the gradio package: files, and the boxes cut from them as shares
    "cheetah": ("media_assets/images/cheetah1.jpg", "test_data/cheetah2.jpg"),
    "lion": ("media_assets/images/lion.jpg",),
    "tower": ("media_assets/images/tower.jpg",),
}
NOUNS = {"cheetah": "tiger", "lion": "lion", "tower": "castle", "noise": "cat"}


@dataclass(frozen=True)
class KnownRun:
    """A training and its outcome.

    Args:
        kind: why it turns out as it does, such as "stopped early".
        photos: what it learns from: a demo subject, one alone of the demo scenes ("robot", or "robot x4": on
            four grounds), photographs, or "noise".
        variant: as in `trainers.benchmarks.variants`.
        outcome: "learned", "weak" or "broken", as a person sees it.
        stop: after how many steps it is stopped; 0 for its end.
        noun: in place of the right one; empty for that.
    """

    kind: str
    photos: str
    variant: str
    outcome: str
    stop: int = 0
    noun: str = ""

    @property
    def method(self) -> str:
        """Return the id of its method."""
        return self.variant.split()[0]

    @property
    def name(self) -> str:
        """Return a folder's name for it."""
        stop = f" {self.stop}" if self.stop else ""
        return f"{self.kind}{stop}, {self.photos}, {self.method}".replace(" ", "-").replace(",", "")


def photos_of(name: str) -> tuple[Subject, tuple[Photo, ...]]:
    """Return a subject of KnownRun.photos, and the photos that it is learned from.

    The last photo of a demo subject is left out. Raises StudioError for one that is not there.
    """
    alone, _, grounds = name.partition(" x")
    if name in NOUNS:
        photos = _noise() if name == "noise" else _photographs(name)
        return Subject("<it>", NOUNS[name]), photos
    for case in cases_in(DEMO):
        if case.subject.handle.strip("<>") == name:
            return Subject("<it>", case.subject.noun), case.photos
    for scene in scenes_in(DEMO / "scenes"):
        for handle, photo in zip(scene.subject.handles, scene.alone, strict=True):
            if handle.strip("<>") == alone:
                whole = Photo(alone, photo.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
                photos = _on_grounds(whole)[: int(grounds)] if grounds else (whole,)
                return Subject("<it>", scene.subject.handles[handle]), photos
    raise StudioError("There are no photos called {name!r}.", "Name one of the demo subjects.", name=name)


def _noise() -> tuple[Photo, ...]:
    """Return two photos of noise."""
    random = np.random.default_rng(0)
    levels = random.integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    return tuple(Photo(f"noise-{number}", Image.fromarray(one)) for number, one in enumerate(levels))


def _photographs(name: str) -> tuple[Photo, ...]:
    """Return photographs that come with Gradio."""
    package = importlib.util.find_spec("gradio")
    folder = Path(package.origin).parent if package and package.origin else Path()
    return tuple(open_photo(folder / file) for file in PHOTOGRAPHS[name])


def _on_grounds(photo: Photo) -> tuple[Photo, ...]:
    """Return what a photo shows in its middle, on each of GROUNDS."""
    square = photo.square(SIDE)
    mask = propose_mask(square, [MIDDLE])
    box = mask.getbbox() or (0, 0, SIDE, SIDE)
    subject, shape = square.crop(box), mask.crop(box)
    photos = []
    for ground, size in zip(GROUNDS, SIZES, strict=True):
        share = size * SIDE / max(subject.size)
        sides = (round(share * subject.width), round(share * subject.height))
        whole = Image.new("RGB", (SIDE, SIDE), ground)
        place = ((SIDE - sides[0]) // 2, (SIDE - sides[1]) // 2)
        whole.paste(subject.resize(sides, Image.Resampling.LANCZOS), place, shape.resize(sides))
        photos.append(Photo(f"{photo.name} on {ground}", whole))
    return tuple(photos)


FAST_DREAMBOOTH = "dreambooth learning_rate=0.1 word_rate=0.5 steps=40"
FAST_WORD = "textual_inversion learning_rate=1 steps=40"
HALF_WORD = "textual_inversion batch=4"
NO_PRIOR = "dreambooth prior_weight=0 learning_rate=0.006 steps=160 batch=2"
KNOWN_RUNS: Sequence[KnownRun] = (
    KnownRun("good", "lily", "dreambooth", "learned"),
    KnownRun("good", "trek", "dreambooth", "learned"),
    KnownRun("good", "amber", "dreambooth", "learned"),
    KnownRun("good", "owl x4", "dreambooth", "learned"),
    KnownRun("good", "cupcake", "dreambooth", "learned"),
    KnownRun("good", "lily", "textual_inversion", "weak"),
    KnownRun("good", "trek", HALF_WORD, "weak"),
    KnownRun("good", "robot x4", HALF_WORD, "weak"),
    KnownRun("good", "butterfly", HALF_WORD, "weak"),
    KnownRun("good", "amber", "perfusion", "learned"),
    KnownRun("good", "parrot", "perfusion", "learned"),
    KnownRun("good", "lily", "break_a_scene", "learned"),
    KnownRun("good", "amber", "break_a_scene", "learned"),
    KnownRun("good", "rocket x4", "cones", "learned"),
    KnownRun("stopped early", "lily", "dreambooth", "weak", stop=10),
    KnownRun("stopped early", "amber", "dreambooth", "weak", stop=10),
    KnownRun("stopped early", "owl x4", "dreambooth", "weak", stop=5),
    KnownRun("stopped early", "lily", "textual_inversion", "weak", stop=10),
    KnownRun("stopped early", "robot x4", "textual_inversion", "weak", stop=10),
    KnownRun("stopped early", "trek", "textual_inversion", "weak", stop=5),
    KnownRun("stopped early", "amber", "perfusion", "weak", stop=10),
    KnownRun("stopped early", "cupcake", "break_a_scene", "weak", stop=10),
    KnownRun("stopped early", "rocket x4", "cones", "weak", stop=10),
    KnownRun("diverged", "lily", FAST_DREAMBOOTH, "broken"),
    KnownRun("diverged", "trek", FAST_DREAMBOOTH, "broken"),
    KnownRun("diverged", "cupcake", FAST_DREAMBOOTH, "broken"),
    KnownRun("diverged", "amber", FAST_WORD, "weak"),
    KnownRun("diverged", "owl x4", FAST_WORD, "weak"),
    KnownRun("diverged", "parrot", "perfusion word_rate=1 value_rate=10 steps=40", "broken"),
    KnownRun("diverged", "robot", "break_a_scene word_rate=1 weight_rate=0.1 steps=40", "broken"),
    KnownRun("diverged", "lily", "cones learning_rate=1 steps=40", "weak"),
    KnownRun("photographs", "cheetah", "dreambooth", "weak"),
    KnownRun("photographs", "cheetah", "textual_inversion", "weak"),
    KnownRun("photographs", "tower", "dreambooth", "weak"),
    KnownRun("photographs", "lion", "perfusion", "weak"),
    KnownRun("noise", "noise", "dreambooth", "broken"),
    KnownRun("noise", "noise", "textual_inversion", "broken"),
    KnownRun("wrong noun", "lily", "dreambooth", "learned", noun="truck"),
    KnownRun("wrong noun", "amber", "textual_inversion", "weak", noun="cat"),
    KnownRun("wrong noun", "trek", "perfusion", "weak", noun="fish"),
    KnownRun("wrong noun", "owl x4", HALF_WORD, "weak", noun="car"),
    KnownRun("copy", "robot", NO_PRIOR, "learned"),
    KnownRun("copy", "amber", NO_PRIOR.replace("steps=160", "steps=240"), "weak"),
)


def held_out_of(runs: Sequence[KnownRun]) -> frozenset[KnownRun]:
    """Return every second run of each kind: no level of the verdict was chosen by these."""
    kinds = dict.fromkeys(run.kind for run in runs)
    return frozenset(run for kind in kinds for run in [one for one in runs if one.kind == kind][1::2])
