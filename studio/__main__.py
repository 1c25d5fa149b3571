"""Paint in the foreground, without the page: `python -m studio "<lily> on a blue background" --seed 7`.

`--again picture.png` paints a picture anew from the recipe inside it, bit for bit.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from studio.backbone import Backbone
from studio.errors import StudioError
from studio.events import Note, Result
from studio.generate import generate
from studio.recipe import Recipe, random_seed, read_recipe, save_picture
from studio.worker import open_concepts
from studio.workspace import STARTER, Workspace


def main(arguments: list[str] | None = None) -> int:
    """Parse, paint, save; the exit code is 2 when the user can mend what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m studio", description=__doc__.split("\n")[0])
    parser.add_argument("prompt", nargs="?", help="what to paint; handles such as <lily> name concepts")
    parser.add_argument("--again", type=Path, metavar="PNG", help="paint from the recipe inside this picture")
    parser.add_argument("--negative", default="", help="what to stay away from")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--guidance", type=float, default=None)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument(
        "--strength", action="append", default=[], metavar="NAME=S", help="0 to 2, 1 as learned"
    )
    parser.add_argument(
        "--knob", action="append", default=[], metavar="NAME.KNOB=V", help="such as lily.bias=0.4"
    )
    parser.add_argument("--base", default=str(STARTER), help="a diffusers folder or checkpoint file")
    parser.add_argument("--workspace", type=Path, default=Path("likeness"), help="where concepts are kept")
    parser.add_argument("--out", type=Path, default=None, help="folder for the pictures")
    try:
        _paint(parser.parse_args(arguments))
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _recipe(given: argparse.Namespace, workspace: Workspace) -> Recipe:
    """What was asked for, the base's own habits where nothing was said."""
    if given.again:
        return read_recipe(given.again)
    if not given.prompt:
        raise StudioError("There is no prompt.", "Write what to paint, or give --again a picture.")
    defaults = workspace.base_defaults()
    return Recipe(
        given.prompt,
        given.negative,
        strengths={f"<{name}>": value for name, value in map(_setting, given.strength)},
        knobs=_knobs(given.knob),
        seed=random_seed() if given.seed is None else given.seed,
        steps=defaults.steps if given.steps is None else given.steps,
        guidance=defaults.guidance if given.guidance is None else given.guidance,
        count=given.count,
    )


def _setting(text: str) -> tuple[str, float]:
    """The text "lily=0.5" as ("lily", 0.5). Raises StudioError when it is something else."""
    name, _, value = text.partition("=")
    try:
        return name.strip("<>").lower(), float(value)
    except ValueError:
        raise StudioError(
            f"{text} is not understood.", "Write a name and a number, as in lily=0.5."
        ) from None


def _knobs(texts: list[str]) -> dict[str, dict[str, float]]:
    """The texts "lily.bias=0.4" by handle and knob."""
    knobs: dict[str, dict[str, float]] = {}
    for name, value in map(_setting, texts):
        handle, _, knob = name.partition(".")
        knobs.setdefault(f"<{handle.strip('<>')}>", {})[knob] = value
    return knobs


def _paint(given: argparse.Namespace) -> None:
    workspace = Workspace(given.workspace, given.base)
    asked = _recipe(given, workspace)
    recipe = workspace.resolved(asked)
    for handle, known in asked.concepts.items():
        if recipe.concepts.get(handle) != known:
            print(f"{handle} is another file than when this was painted; the picture will differ.")
    folder = given.out or workspace.pictures
    folder.mkdir(parents=True, exist_ok=True)
    backbone = Backbone.open(given.base)
    for event in generate(backbone, recipe, open_concepts(workspace, recipe)):
        match event:
            case Note(text=text):
                print(text)
            case Result(value=picture):
                named = "-".join(recipe.concepts).replace("<", "").replace(">", "") or "picture"
                path = folder / f"{named}-{picture.recipe.seed}.png"
                save_picture(picture.image, picture.recipe, path)
                print(path)


if __name__ == "__main__":
    sys.exit(main())
