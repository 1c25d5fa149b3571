"""`python -m trainers scenes-from`: subjects that were photographed alone come into one picture (Gen4Gen)."""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from studio.commands.base_flags import add_base_flags, open_base
from studio.errors import StudioError
from studio.events import Result
from studio.files import png_bytes, writable_folder, write_atomic
from studio.generation.generate import generate
from studio.handles import to_handle
from studio.method_card import MethodCard
from studio.models.backbone import Backbone
from studio.output import command_line
from studio.photos.composed_scenes import ComposedScene, compose_scene, cut_outs_of
from studio.photos.masked_folder import open_masked
from studio.photos.photo import open_photo
from studio.photos.photo_files import files_in
from studio.recipes.recipe import Sampling
from studio.starter import STARTER
from studio.words import tr
from studio.workspace.base_defaults import BaseDefaults

COMMAND = "scenes-from"
PLACES = ("on the beach", "in the forest", "on a table", "in the garden", "on the street")
MAX_SCENES = 200
MAX_SIDE = 1024


def add_scene_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument(
        "folder", type=Path, help="a folder with a folder of photos for each subject, cut out or with masks"
    )
    parser.add_argument(
        "--subjects", nargs="+", required=True, metavar="NAME=NOUN", help="its folders, and what is in each"
    )
    parser.add_argument("--count", type=int, default=5, help="scenes (default: %(default)s)")
    parser.add_argument("--places", nargs="+", default=PLACES, help="what the base paints as backgrounds")
    parser.add_argument(
        "--backgrounds", type=Path, metavar="DIR", help="pictures instead; each file's name says the place"
    )
    parser.add_argument("--sizes", nargs="+", default=[], metavar="NAME=SIZE", help="how tall each is")
    parser.add_argument("--whole", default="", metavar="NAME", help="a name for the composition itself")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("scenes-from"), help="the folder of the scenes")
    add_base_flags(parser)


def make_scenes(given: argparse.Namespace, learner: MethodCard) -> None:
    """Write scenes, their masks and captions, and say how `learner` learns from them.

    Raises StudioError for a name without photos, photos without anything cut out, and values out of range.
    """
    nouns = dict(_pair(text, tr("NAME=NOUN, such as lily=cat")) for text in given.subjects)
    if not 1 <= given.count <= MAX_SCENES:
        raise StudioError("--count is 1 to {most}.", "", most=MAX_SCENES)
    cut_outs = {to_handle(name): _cut_outs(given.folder / name) for name in nouns}
    sizes = {
        to_handle(name): _size(size) for name, size in (_pair(text, "NAME=SIZE") for text in given.sizes)
    }
    if unknown := set(sizes) - set(cut_outs):
        raise StudioError(
            "--sizes names {name}, --subjects does not.", "Write the same names.", name=min(unknown)
        )
    chance = random.Random(given.seed)
    whole = to_handle(given.whole) if given.whole else ""
    out = writable_folder(given.out)
    if given.backgrounds:
        backgrounds = _own_backgrounds(given.backgrounds)
    else:
        backgrounds = _painted_backgrounds(open_base(given), given, min(given.count, len(given.places)))
    for number in range(given.count):
        background, place = backgrounds[number % len(backgrounds)]
        _write(compose_scene(cut_outs, background, place, chance, sizes, whole), out, f"scene-{number + 1}")
    _say_how_to_learn(given, learner, nouns, out)


def _say_how_to_learn(
    given: argparse.Namespace, learner: MethodCard, nouns: Mapping[str, str], out: Path
) -> None:
    """Print the command that learns the subjects together, from as many scenes as the method takes."""
    (name, noun), *others = nouns.items()
    most = learner.needs.max_photos
    text = "{count} scenes are in {folder}. Learn all of them together with"
    photos = [str(out)]
    if given.count > most:
        text = "{count} scenes are in {folder}. {method} takes {most} at a time; learn from the first with"
        photos = [str(out / f"scene-{number + 1}.png") for number in range(most)]
    print(tr(text, count=given.count, folder=out, method=tr(learner.title), most=most))
    words = ["python", "-m", "trainers", learner.id, *photos, "--name", name, "--noun", noun]
    words += [word for other, its_noun in others for word in ("--beside", f"{other}={its_noun}")]
    if given.base != str(STARTER):
        words += ["--base", given.base]
    print(command_line(words))


def _pair(text: str, form: str) -> tuple[str, str]:
    """Return the two sides of "lily=cat". Raises StudioError for anything else."""
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value.strip()):
        raise StudioError("{written!r} is not of the form {form}.", "", written=text, form=form)
    return name.strip(), value.strip()


def _size(text: str) -> float:
    """Return a size above 0. Raises StudioError for anything else."""
    try:
        size = float(text)
    except ValueError:
        size = 0.0
    if not 0 < size <= 100:
        raise StudioError(
            "{written!r} is no size.", "Write a number above 0, such as 0.5 for half as tall.", written=text
        )
    return size


def _cut_outs(folder: Path) -> list[Image.Image]:
    """Return the cut-outs of a subject's folder. Raises StudioError when it has none."""
    if not folder.is_dir():
        raise StudioError(
            "There is no folder {folder}.", "Put each subject's photos into one of its name.", folder=folder
        )
    photos, refusals = open_masked(files_in([folder]), [to_handle(folder.name)])
    for refusal in refusals:
        print(tr("{file} is left out: {reason}", file=refusal.name, reason=refusal.reason))
    cut = cut_outs_of(photos)
    if not cut:
        hint = "Use cut-outs with a transparent ground, or put masks into masks/NAME beside the photos."
        raise StudioError("No photo in {folder} says where its subject is.", hint, folder=folder)
    return cut


def _own_backgrounds(folder: Path) -> list[tuple[Image.Image, str]]:
    """Return the pictures of a folder, each with the place that its file's name says."""
    found = []
    for path in files_in([folder]):
        photo = open_photo(path)
        side = min(photo.side, MAX_SIDE)
        found.append((photo.square(side), path.stem.replace("-", " ").replace("_", " ")))
    if not found:
        raise StudioError(
            "There are no pictures in {folder}.", "Name a folder of backgrounds.", folder=folder
        )
    return found


def _painted_backgrounds(
    backbone: Backbone, given: argparse.Namespace, count: int
) -> list[tuple[Image.Image, str]]:
    """Return pictures of the first places, painted by the base."""
    sampling = BaseDefaults.of(given.base).sampling(given.seed)
    return [(_painted(backbone, sampling, place), place) for place in given.places[:count]]


def _painted(backbone: Backbone, sampling: Sampling, place: str) -> Image.Image:
    """Return a picture of a place."""
    *_, last = generate(backbone, sampling.with_prompt(f"a photo {place}"), [])
    assert isinstance(last, Result)
    return last.value.image


def _write(scene: ComposedScene, out: Path, name: str) -> None:
    """Write the picture, its caption beside it and its masks in masks/NAME, as `open_masked` reads them."""
    write_atomic(out / f"{name}.png", png_bytes(scene.picture))
    write_atomic(out / f"{name}.txt", scene.caption.encode("utf-8"))
    for handle, mask in scene.masks.items():
        folder = writable_folder(out / "masks" / handle.strip("<>"))
        write_atomic(folder / f"{name}.png", png_bytes(mask))
