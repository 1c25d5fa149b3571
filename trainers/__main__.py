"""Train in the foreground, without the page: `python -m trainers dreambooth photos/ --name lily --noun cat`.

The flags of each method are its settings. `python -m trainers catalogue` prints the cards of all methods,
refinements and families of base models as JSON, which is how the page knows them without loading torch.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from studio.bases.family_card import FamilyCard
from studio.commands.base_flags import MEMORY, PREDICTION, add_base_flags, open_base
from studio.commands.console import show_progress
from studio.commands.interrupts import EXIT_CODE, STOPPED
from studio.errors import StudioError, machine_trouble
from studio.events import Result
from studio.files import (
    keep_private,
    read_lines,
    writable_file,
)
from studio.generation.refinements import REFINEMENTS
from studio.models import opening
from studio.models.backbone import Backbone
from studio.models.families import FAMILIES
from studio.models.memory_plan import AUTO, CHOICES
from studio.output import allow_any_letter
from studio.recipes.recipe import Sampling
from studio.words import tr
from studio.workspace.catalogue import Catalogue
from trainers import BROKEN, METHODS
from trainers.benchmarks.base_check import check_base
from trainers.benchmarks.commands import COMPARISONS, add_comparisons, compare
from trainers.commands.scenes_from import COMMAND as COMPOSE
from trainers.commands.scenes_from import add_scene_flags, make_scenes
from trainers.commands.training import add_training_flags, train_method
from trainers.kit import text_moments as moments
from trainers.kit.captions import plain_captions
from trainers.kit.processes import launched

CHECK = "check-base"
OF_SCENES = "break_a_scene"  # the method that learns what is photographed together


def flags() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainers", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("catalogue", help="print what the page shows without loading a model, as JSON")
    add_comparisons(commands, METHODS)
    add_scene_flags(commands.add_parser(COMPOSE, help="compose scenes of subjects photographed alone"))
    _add_check_flags(commands.add_parser(CHECK, help="train, save and paint a little on a base"))
    _add_moments_flags(commands.add_parser("moments", help="read captions for Perfusion's text statistics"))
    for method in METHODS.values():
        add_training_flags(commands.add_parser(method.id, help=method.summary), method.card())
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 2 when the user can mend what went wrong."""
    allow_any_letter()
    given = flags().parse_args(arguments)
    keep_private()
    if given.command == "catalogue":
        print(json.dumps(_catalogue().to_json()))
        for name, reason in BROKEN.items():
            print(
                tr("{file} cannot be used: {reason}", file=f"trainers/{name}.py", reason=reason),
                file=sys.stderr,
            )
        return 0
    try:
        if launched() and given.command not in METHODS:
            raise StudioError(
                "{command} is done by one process.", "Start it without a launcher.", command=given.command
            )
        if given.command in COMPARISONS:
            compare(given, METHODS)
        elif given.command == CHECK:
            return 0 if _check_base(given) else 1
        elif given.command in METHODS:
            train_method(given, METHODS[given.command])
        elif given.command == COMPOSE:
            make_scenes(given, METHODS[OF_SCENES].card())
        else:
            _moments(given)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        return EXIT_CODE
    except Exception as error:
        if (trouble := machine_trouble(error)) is None:
            raise
        print(trouble, file=sys.stderr)
        return 2
    return 0


def _catalogue() -> Catalogue:
    """Return the cards of all methods, refinements and families of base models."""
    return Catalogue(
        tuple(method.card() for method in METHODS.values()),
        tuple(refinement.card() for refinement in REFINEMENTS.values()),
        tuple(map(_family_card, FAMILIES.values())),
    )


def _family_card(family: type[Backbone]) -> FamilyCard:
    """Return what is known of a family's bases before one of them is loaded."""
    refusals = {id: reason for id, method in METHODS.items() if (reason := method.works_on(family))}
    return FamilyCard(family.family, family.kinds, family.distilled, refusals)


def _add_check_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("base", help="a diffusers folder, a .safetensors checkpoint, or a name on the hub")
    parser.add_argument("--prediction", metavar="KIND", default="", help=PREDICTION)
    parser.add_argument("--memory", choices=CHOICES, default=AUTO, help=f"{MEMORY} (default auto)")
    parser.add_argument("--device", help="such as cuda or cpu (default: a card if there is one)")
    names = f"only these: {', '.join(METHODS)}"
    parser.add_argument("--methods", nargs="+", metavar="METHOD", default=list(METHODS), help=names)
    parser.add_argument("--steps", type=int, default=4, help="that each method trains (default %(default)s)")
    parser.add_argument("--sampling-steps", type=int, default=4, help="of a picture (default %(default)s)")


def _check_base(given: argparse.Namespace) -> bool:
    """Check a base and print the table; returns whether everything worked."""
    unknown = sorted(set(given.methods) - set(METHODS))
    if unknown:
        raise StudioError(
            "There is no method called {name!r}.",
            "Choose {methods}.",
            name=unknown[0],
            methods=", ".join(METHODS),
        )
    if min(given.steps, given.sampling_steps) < 2:
        raise StudioError(
            "Less than 2 steps cannot be timed.", "Give --steps and --sampling-steps 2 or more."
        )
    backbone = opening.open_backbone(
        given.base, given.device, prediction=given.prediction, memory=given.memory
    )
    chosen = {name: METHODS[name] for name in given.methods}
    sampling = Sampling(seed=0, steps=given.sampling_steps)
    with tempfile.TemporaryDirectory() as cache:
        *_, last = show_progress(check_base(backbone, chosen, given.steps, sampling, Path(cache)))
    assert isinstance(last, Result)
    print(f"\n{last.value.table}")
    return last.value.works


def _add_moments_flags(parser: argparse.ArgumentParser) -> None:
    add_base_flags(parser)
    parser.add_argument("--captions", type=Path, help="a text file, one caption a line; plain ones without")
    parser.add_argument("--count", type=int, default=100_000, help="how many plain captions to read")
    parser.add_argument("--out", type=Path, help=f"default: {moments.FILE} in the base's folder")


def _moments(given: argparse.Namespace) -> None:
    backbone = open_base(given)
    out = given.out or (backbone.folder and backbone.folder / moments.FILE)
    if out is None:
        raise StudioError("{base} is no folder to save them in.", "Name a file with --out.", base=given.base)
    writable_file(out)
    captions = read_lines(given.captions) if given.captions else plain_captions(given.count)
    for event in show_progress(moments.estimate(backbone.text, captions)):
        if isinstance(event, Result):
            known = event.value
            moments.save(known, out)
            text = "Saved as {file}: {tokens} tokens ({counted}), hash {hash}"
            values = {"tokens": known.tokens, "counted": tr(known.counted), "hash": known.hash}
            print(tr(text, file=out, **values))


if __name__ == "__main__":
    sys.exit(main())
