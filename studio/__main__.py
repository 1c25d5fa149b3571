"""Paint and score in the foreground, without the page.

python -m studio paint "<lily> on a blue background" --seed 7
python -m studio paint "<lily> and <trek>" --composing regions --region lily=0,0,0.5,1
python -m studio again picture.png          the same picture, from the recipe inside it
python -m studio merge lily trek --out both.safetensors
python -m studio grid "<lily> on blue" --x guidance=2,4,8 --y seed=1:3 --out grid
python -m studio score lily photos/         how good a concept is, beside its plain noun
python -m studio evenness pictures/ --categories "red robot" "blue robot"      how evenly they are spread
python -m studio export lily --for a1111    as files of another program
python -m studio import style.safetensors --name ink --noun drawing     an embedding or a LoRA of another
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from studio.commands.base_flags import add_base_flags, add_workspace_flag
from studio.commands.evenness import add_evenness_flags, run_evenness
from studio.commands.exchange import add_export_flags, add_import_flags, run_export, run_import
from studio.commands.grid import GRID, add_grid_flags, run_grid
from studio.commands.interrupts import EXIT_CODE
from studio.commands.merge import add_merge_flags, run_merge
from studio.commands.paint import run_again, run_paint
from studio.commands.recipe_flags import DEFAULTS, FIELDS, add_recipe_flags, add_refinement_flags
from studio.commands.score import add_score_flags, run_score
from studio.commands.setting_flags import add_setting_flags
from studio.errors import StudioError, machine_trouble
from studio.files import keep_private
from studio.output import allow_any_letter
from studio.words import tr


def flags() -> argparse.ArgumentParser:
    """Return the parser of all commands. The function that runs a command is its default `run`."""
    parser = argparse.ArgumentParser(
        prog="python -m studio", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    paint = commands.add_parser("paint", help="paint a prompt", description="Paint a prompt.")
    again = commands.add_parser("again", help="paint a picture again", description="Paint a picture again.")
    grid = commands.add_parser("grid", help="paint a prompt along two axes", description=GRID)
    merging = "put concepts into one file"
    merge = commands.add_parser(
        "merge", aliases=["fuse"], help=merging, description=f"{merging.capitalize()}."
    )
    score = commands.add_parser("score", help="score a concept", description="Score a concept.")
    add_recipe_flags(paint)
    again.add_argument("png", type=Path, help="a picture with a recipe inside")
    add_setting_flags(again, [FIELDS["composing"]], DEFAULTS | {"composing": "that of the picture"})
    add_recipe_flags(grid, "count")
    add_grid_flags(grid)
    add_merge_flags(merge)
    add_score_flags(score)
    spread = "say how evenly pictures are spread over categories"
    even = commands.add_parser("evenness", help=spread, description=f"{spread.capitalize()}.")
    add_evenness_flags(even)
    for command in (paint, again, grid):
        add_refinement_flags(command)
        command.add_argument("--out", type=Path, help="folder for the pictures")
    away = "write a concept as files of another program"
    export = commands.add_parser("export", help=away, description=f"{away.capitalize()}.")
    brought = "take an embedding or a LoRA of another program"
    bring = commands.add_parser("import", help=brought, description=f"{brought.capitalize()}.")
    add_export_flags(export)
    add_import_flags(bring)
    for command in (paint, again, grid, merge, score):
        add_base_flags(command)
    runs = {paint: run_paint, again: run_again, grid: run_grid, merge: run_merge, score: run_score}
    runs |= {export: run_export, bring: run_import, even: run_evenness}
    for command, run in runs.items():
        add_workspace_flag(command)
        command.set_defaults(run=run)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Returns the exit code: 2 after an error that the user can mend, which is printed."""
    keep_private()
    allow_any_letter()
    given = flags().parse_args(arguments)
    try:
        given.run(given)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(tr("Stopped. What was finished is kept."), file=sys.stderr)
        return EXIT_CODE
    except Exception as error:
        if (trouble := machine_trouble(error)) is None:
            raise
        print(trouble, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
