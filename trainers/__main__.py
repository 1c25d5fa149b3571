"""Train in the foreground, without the page: `python -m trainers dreambooth photos/ --name lily --noun cat`.

The flags of each method are its settings. `python -m trainers catalogue` prints every method's card as
JSON, which is how the page learns of them without loading torch.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from studio.backbone import Backbone
from studio.errors import StudioError
from studio.events import Note, Preview, Result, Step
from studio.method import MethodCard
from studio.photo_set import PhotoSet
from studio.photos import open_photos
from studio.recipe import Recipe
from studio.workspace import STARTER, Workspace
from trainers import BROKEN, METHODS, train
from trainers.kit.trial import cases_in, table, trial


def main(arguments: list[str] | None = None) -> int:
    """Parse, train, save; the exit code is 2 when the user can mend what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m trainers", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("catalogue", help="print the cards of all methods as JSON")
    _add_trial_flags(commands.add_parser("trial", help="compare methods on the same subjects"))
    for method in METHODS.values():
        _add_flags(commands.add_parser(method.id, help=method.summary), method.card())
    given = parser.parse_args(arguments)
    if given.command == "catalogue":
        print(json.dumps([method.card().to_json() for method in METHODS.values()]))
        for name, reason in BROKEN.items():
            print(f"trainers/{name}.py cannot be used: {reason}", file=sys.stderr)
        return 0
    try:
        _trial(given) if given.command == "trial" else _train(given)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _add_flags(parser: argparse.ArgumentParser, card: MethodCard) -> None:
    parser.add_argument("photos", type=Path, help="a folder of photos")
    parser.add_argument("--name", required=True, help='the name of the concept: "lily" becomes <lily>')
    parser.add_argument("--noun", required=True, help='what it is in a word: "cat"')
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base", default=str(STARTER), help="a diffusers folder or checkpoint file")
    parser.add_argument("--workspace", type=Path, default=Path("likeness"), help="where concepts are kept")
    for field in card.fields:
        bounds = f" ({field.low:g} to {field.high:g})" if field.low is not None else ""
        text = f"{field.help}{bounds} Default {field.default}, or what the base prefers.".replace("%", "%%")
        parser.add_argument(f"--{field.name.replace('_', '-')}", default=None, help=text)


def _train(given: argparse.Namespace) -> None:
    workspace = Workspace(given.workspace, given.base)
    card = workspace.tuned(METHODS[given.command].card())
    settings = {field.name: getattr(given, field.name) for field in card.fields}
    settings = card.parse({name: value for name, value in settings.items() if value is not None})
    subject = workspace.subject(given.name, given.noun)
    if not given.photos.is_dir():
        raise StudioError(f"There is no folder {given.photos}.", "Name a folder with photos in it.")
    photos, refusals = open_photos(sorted(path for path in given.photos.iterdir() if path.is_file()))
    for refusal in refusals:
        print(f"{refusal.name} is left out: {refusal.reason}")
    if not photos:
        raise StudioError(f"No photo in {given.photos} can be used.", "Add 1 to 30 photos.")
    defaults = workspace.base_defaults()
    look = Recipe("", seed=given.seed, steps=defaults.steps, guidance=defaults.guidance)
    backbone = Backbone.open(given.base)
    method = METHODS[given.command]
    for event in train(method, backbone, PhotoSet.of(photos), subject, settings, look, workspace.cache):
        match event:
            case Step(step=step, steps=steps, values=values, stage=stage):
                loss = f"  loss {values['loss']:.4f}" if "loss" in values else ""
                print(f"\r{stage}: {step} of {steps}{loss}   ", end="" if step < steps else "\n", flush=True)
            case Note(text=text):
                print(text)
            case Preview(picture=picture, step=step):
                path = workspace.pictures / f"{subject.handle.strip('<>')}-{step:06d}.png"
                picture.save(path)
            case Result(value=concept):
                path = workspace.library.path(subject.handle)
                concept.save(path)
                print(f"Kept as {path} ({path.stat().st_size / 1000:.0f} kB)")


def _add_trial_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", type=Path, help="a folder with a subjects.json, such as assets/demo")
    parser.add_argument("--out", type=Path, default=Path("trial"), help="where pictures and scores are kept")
    parser.add_argument("--base", default=str(STARTER), help="a diffusers folder with a judge in it")
    parser.add_argument("--methods", nargs="+", default=sorted(METHODS), choices=sorted(METHODS))
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)


def _trial(given: argparse.Namespace) -> None:
    from studio.score import Judge  # slow to import, and only a trial needs it

    workspace = Workspace(given.out, given.base)
    defaults = workspace.base_defaults()
    look = Recipe("", seed=given.seed, steps=defaults.steps, guidance=defaults.guidance)
    methods = [(METHODS[name], workspace.tuned(METHODS[name].card()).parse({})) for name in given.methods]
    backbone, judge = Backbone.open(given.base), Judge.open(Path(given.base) / "judge")
    cases = cases_in(given.subjects)
    for event in trial(backbone, judge, cases, methods, look, given.out / "trial", given.seeds):
        match event:
            case Note(text=text):
                print(text, flush=True)
            case Result(value=scores):
                print(table(scores))
                (given.out / "table.md").write_text(table(scores) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
