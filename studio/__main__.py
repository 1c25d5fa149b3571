"""Paint and score in the foreground, without the page.

python -m studio paint "<lily> on a blue background" --seed 7
python -m studio paint "<lily> and <trek>" --composing regions --region lily=0,0,0.5,1
python -m studio again picture.png          the same picture, from the recipe inside it
python -m studio fuse lily trek --out both.safetensors
python -m studio grid "<lily> on blue" --x guidance=2,4,8 --y seed=1:3 --out grid
python -m studio score lily photos/         how good a concept is, beside its plain noun
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from studio.axis import SINGLE, Axis
from studio.backbone import Backbone
from studio.base import STARTER
from studio.concept import Concept
from studio.console import shown
from studio.errors import StudioError
from studio.events import Result
from studio.fill import fill
from studio.fuse import fuse
from studio.generate import generate
from studio.grid import Grid
from studio.picture_file import read_recipe, save_picture
from studio.places import file_for, folder_for
from studio.recipe import OBEYING, WAYS, Recipe, handles_in, normal_handle, random_seed, read_regions
from studio.scoring import add_score_flags, score_concept
from studio.sheet import ARCHIVE, PICTURE, Sheet
from studio.worker import open_concepts
from studio.workspace import Workspace

GRID = (
    "Paint a prompt once for every pair of two values. What can change: concept, method, prompt (the first "
    "value is searched for, each is put in its place), strength, any knob of the concepts, guidance, steps, "
    "seed and the other fields of a recipe. A grid that was interrupted goes on where it was."
)


def main(arguments: list[str] | None = None) -> int:
    """Parse, paint, save; the exit code is 2 when the user can mend what went wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m studio", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    paint = commands.add_parser("paint", help="paint a prompt", description="Paint a prompt.")
    paint.add_argument("--count", type=int, default=1, help="how many pictures")
    fusing = commands.add_parser(
        "fuse", help="put concepts into one file", description="Put concepts into one file."
    )
    fusing.add_argument("concepts", nargs="+", metavar="CONCEPT", help="files, or names in the library")
    fusing.add_argument("--out", type=Path, required=True, help="the .safetensors file to write")
    fusing.add_argument("--seed", type=int, default=0, help="of the pictures that are looked at for it")
    grid = commands.add_parser("grid", help="paint a prompt along two axes", description=GRID)
    values = "what changes, and to what: guidance=2,4,8 or lily.bias=0.2:0.8:0.2 or concept=lily,tom"
    grid.add_argument("--x", required=True, metavar="NAME=VALUES", help=f"the columns; {values}")
    grid.add_argument("--y", metavar="NAME=VALUES", help="the rows; without it there is one")
    for command in (paint, grid):
        _add_recipe_flags(command)
    again = commands.add_parser("again", help="paint a picture again", description="Paint a picture again.")
    again.add_argument("png", type=Path, help="a picture with a recipe inside")
    for command in (paint, grid, again):
        command.add_argument(
            "--obey",
            nargs="?",
            type=int,
            const=OBEYING,
            metavar="STEPS",
            help=f"first make concepts leave the rest of the prompt alone, in {OBEYING} or so many steps",
        )
        ways = "; ".join(f"{way}: {does[0].lower()}{does[1:]}" for way, does in WAYS.items())
        command.add_argument(
            "--composing", choices=WAYS, help=f"how several concepts share a picture ({ways})"
        )
        command.add_argument("--out", type=Path, help="folder for the pictures")
    for command in (paint, grid, again, fusing):
        command.add_argument("--base", default=str(STARTER), help="a diffusers folder or checkpoint file")
        command.add_argument("--workspace", type=Path, default=Path("likeness"), help="where concepts are")
    add_score_flags(commands.add_parser("score", help="score a concept", description="Score a concept."))
    given = parser.parse_args(arguments)
    try:
        {"fuse": _fuse, "grid": _grid, "score": score_concept}.get(given.command, _paint)(given)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _add_recipe_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt", help="what to paint; handles such as <lily> name concepts")
    parser.add_argument(
        "--concept",
        action="append",
        default=[],
        metavar="FILE[:STRENGTH]",
        help="a concept file, or a name in the library, with a strength from 0 to 2 (1 is as learned)",
    )
    parser.add_argument(
        "--knob", action="append", default=[], metavar="NAME.KNOB=V", help="such as lily.bias=0.4"
    )
    parser.add_argument("--negative", default="", help="what to stay away from")
    parser.add_argument("--seed", type=int, help="of the first picture; a random one without")
    parser.add_argument("--steps", type=int, help="sampling steps; what the base likes without")
    parser.add_argument("--guidance", type=float, help="how closely to follow the prompt; as above")
    parser.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="NAME=LEFT,TOP,RIGHT,BOTTOM",
        help="the part of the picture that is a concept's, in shares of it: lily=0,0,0.5,1",
    )


def _recipe(given: argparse.Namespace, workspace: Workspace, axes: Sequence[Axis] = ()) -> Recipe:
    """What was asked for, the base's own habits where nothing was said; `axes` name concepts too."""
    if given.command == "again":
        asked = {"obeying": given.obey, "composing": given.composing}
        asked = {name: value for name, value in asked.items() if value is not None}
        return dataclasses.replace(read_recipe(given.png), **asked)
    defaults = workspace.base_defaults()
    turns = [str(value) for axis in axes for value in axis.values]
    named = handles_in(" ".join([given.prompt, given.negative, *turns]))
    return Recipe(
        given.prompt,
        given.negative,
        strengths=_strengths(given.concept, named, workspace),
        knobs=_knobs(given.knob),
        seed=random_seed() if given.seed is None else given.seed,
        steps=defaults.steps if given.steps is None else given.steps,
        guidance=defaults.guidance if given.guidance is None else given.guidance,
        count=1 if axes else given.count,
        obeying=given.obey or 0,
        composing=given.composing or Recipe.composing,
        regions=read_regions(" ".join(given.region)),
    )


def _strengths(texts: list[str], named: list[str], workspace: Workspace) -> dict[str, float]:
    """By handle, the strength of every --concept; files lie beside the shelf for this once. Raises
    StudioError for one that there is not, or that is not `named`."""
    strengths: dict[str, float] = {}
    for text in texts:
        place, _, tail = text.rpartition(":")
        place, strength = (place, _number(tail, text)) if place and not Path(text).exists() else (text, 1.0)
        handles = list(workspace.shelf.named(place).header.handles)
        if not set(handles) & set(named):
            raise StudioError(f"The prompt does not name {handles[0]}.", "Write it where it should appear.")
        strengths |= dict.fromkeys(handles, strength)
    return strengths


def _knobs(texts: list[str]) -> dict[str, dict[str, float]]:
    """The texts "lily.bias=0.4" by handle and knob. Raises StudioError when one is something else."""
    knobs: dict[str, dict[str, float]] = {}
    for text in texts:
        name, _, value = text.partition("=")
        handle, _, knob = name.rpartition(".")
        knobs.setdefault(normal_handle(handle), {})[knob] = _number(value, text)
    return knobs


def _number(value: str, text: str) -> float:
    """`value`, a part of `text`, as a number. Raises StudioError when it is none."""
    try:
        return float(value)
    except ValueError:
        hint = "Write --concept lily.safetensors:0.8 or --knob lily.bias=0.4."
        raise StudioError(f"{text!r} is not understood.", hint) from None


def _paint(given: argparse.Namespace) -> None:
    workspace = Workspace(given.workspace, given.base)
    asked = _recipe(given, workspace)
    recipe = workspace.resolved(asked)
    for handle, known in asked.concepts.items():
        if recipe.concepts.get(handle) != known:
            print(f"{handle} is another file than when this was painted; the picture will differ.")
    folder = folder_for(given.out or workspace.pictures)
    backbone = Backbone.open(given.base)
    for event in shown(generate(backbone, recipe, open_concepts(workspace, recipe))):
        if isinstance(event, Result):
            picture = event.value
            named = "-".join(recipe.concepts).replace("<", "").replace(">", "") or "picture"
            obeying = "-obeying" if picture.recipe.obeying else ""
            way = f"-{picture.recipe.composing}" if picture.recipe.composing != Recipe.composing else ""
            path = folder / f"{named}-{picture.recipe.seed}{obeying}{way}.png"
            save_picture(picture.image, picture.recipe, path)
            print(path)


def _fuse(given: argparse.Namespace) -> None:
    workspace = Workspace(given.workspace, given.base)
    defaults = workspace.base_defaults()
    look = Recipe("", seed=given.seed, guidance=defaults.guidance)
    concepts = [Concept.open(workspace.shelf.named(place).path) for place in given.concepts]
    out = file_for(given.out)
    for event in shown(fuse(Backbone.open(given.base), concepts, look)):
        if isinstance(event, Result):
            event.value.save(out)
            print(f"Kept as {out} ({out.stat().st_size / 1000:.0f} kB)")


def _grid(given: argparse.Namespace) -> None:
    workspace = Workspace(given.workspace, given.base)
    x, y = (_axis(text) if text else SINGLE for text in (given.x, given.y))
    grid, cells = workspace.explained(Grid(_recipe(given, workspace, (x, y)), x, y))
    sheet = Sheet.lay(folder_for(given.out or Path("grid")), grid, cells)
    backbone = Backbone.open(given.base)
    for _ in shown(fill(backbone, sheet, lambda recipe: open_concepts(workspace, recipe))):
        pass
    print(f"{sheet.folder / PICTURE}, and every picture by its place in {sheet.folder / ARCHIVE}")


def _axis(text: str) -> Axis:
    """The axis that "guidance=2,4,8" stands for."""
    name, _, values = text.partition("=")
    return Axis.parse(name, values)


if __name__ == "__main__":
    sys.exit(main())
