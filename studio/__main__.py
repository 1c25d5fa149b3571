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
import sys
from pathlib import Path

from studio.commands.grid import GRID, run_grid
from studio.commands.merge import run_merge
from studio.commands.paint import run_paint
from studio.commands.recipe_flags import add_recipe_flags, add_refinement_flags
from studio.commands.score import add_score_flags, run_score
from studio.errors import StudioError
from studio.recipes.recipe import MODES
from studio.starter import STARTER


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
        add_recipe_flags(command)
    again = commands.add_parser("again", help="paint a picture again", description="Paint a picture again.")
    again.add_argument("png", type=Path, help="a picture with a recipe inside")
    for command in (paint, grid, again):
        add_refinement_flags(command)
        ways = "; ".join(f"{way}: {does[0].lower()}{does[1:]}" for way, does in MODES.items())
        command.add_argument(
            "--composing", choices=MODES, help=f"how several concepts share a picture ({ways})"
        )
        command.add_argument("--out", type=Path, help="folder for the pictures")
    for command in (paint, grid, again, fusing):
        command.add_argument("--base", default=str(STARTER), help="a diffusers folder or checkpoint file")
        command.add_argument("--workspace", type=Path, default=Path("likeness"), help="where concepts are")
    add_score_flags(commands.add_parser("score", help="score a concept", description="Score a concept."))
    given = parser.parse_args(arguments)
    try:
        {"fuse": run_merge, "grid": run_grid, "score": run_score}.get(given.command, run_paint)(given)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
