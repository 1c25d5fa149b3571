"""Train in the foreground, without the page: `python -m trainers dreambooth photos/ --name lily --noun cat`.

The flags of each method are its settings. `python -m trainers catalogue` prints the cards of all methods,
refinements and families of base models as JSON, which is how the page knows them without loading torch.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

from studio.bases.family_card import FamilyCard
from studio.commands.base_flags import MEMORY, PREDICTION, add_base_flags, open_base
from studio.commands.console import show_progress
from studio.commands.interrupts import EXIT_CODE, STOPPED, ending_early
from studio.commands.setting_flags import add_setting_flags, given_settings
from studio.edits.saving import save_and_say
from studio.errors import DiskError, StudioError, disk_trouble
from studio.events import Estimate, Event, Insight, Note, Preview, Result
from studio.files import (
    keep_private,
    other_folders,
    png_bytes,
    read_lines,
    writable_file,
    writable_folder,
    write_atomic,
)
from studio.generation.checked_file import save_checked
from studio.generation.refinements import REFINEMENTS
from studio.method_card import MethodCard
from studio.models import opening
from studio.models.backbone import Backbone
from studio.models.families import FAMILIES
from studio.models.memory_plan import AUTO, CHOICES
from studio.output import allow_any_letter
from studio.photos.advice import advise
from studio.photos.categories import open_sorted, sort_photos
from studio.photos.mask_checks import check_masks, masks_sentence
from studio.photos.masked_folder import open_masked
from studio.photos.photo_files import files_in
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from studio.starter import STARTER
from studio.workspace.catalogue import Catalogue
from studio.workspace.workspace import Workspace
from trainers import BROKEN, METHODS, train
from trainers.benchmarks.base_check import check_base
from trainers.benchmarks.commands import COMPARISONS, add_comparisons, compare
from trainers.commands.scenes_from import COMMAND as COMPOSE
from trainers.commands.scenes_from import add_scene_flags, make_scenes
from trainers.kit import text_moments as moments
from trainers.kit.captions import plain_captions
from trainers.kit.kept_state import identity_of, without_later_settings
from trainers.kit.preflight import MIN_STEPS
from trainers.kit.preflight import STAGE as TRIAL

CHECK = "check-base"


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 2 when the user can mend what went wrong."""
    allow_any_letter()
    parser = argparse.ArgumentParser(prog="python -m trainers", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("catalogue", help="print what the page shows without loading a model, as JSON")
    add_comparisons(commands, METHODS)
    add_scene_flags(commands.add_parser(COMPOSE, help="compose scenes of subjects photographed alone"))
    _add_check_flags(commands.add_parser(CHECK, help="train, save and paint a little on a base"))
    _add_moments_flags(commands.add_parser("moments", help="read captions for Perfusion's text statistics"))
    for method in METHODS.values():
        _add_flags(commands.add_parser(method.id, help=method.summary), method.card())
    given = parser.parse_args(arguments)
    keep_private()
    if given.command == "catalogue":
        print(json.dumps(_catalogue().to_json()))
        for name, reason in BROKEN.items():
            print(f"trainers/{name}.py cannot be used: {reason}", file=sys.stderr)
        return 0
    try:
        if given.command in COMPARISONS:
            compare(given, METHODS)
        elif given.command == CHECK:
            return 0 if _check_base(given) else 1
        else:
            {"moments": _moments, COMPOSE: make_scenes}.get(given.command, _train)(given)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        return EXIT_CODE
    except OSError as error:
        if (trouble := disk_trouble(error)) is None:
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
    return FamilyCard(family.family, family.kinds, family.of_distilled(), refusals)


def _add_flags(parser: argparse.ArgumentParser, card: MethodCard) -> None:
    parser.add_argument(
        "photos",
        type=Path,
        nargs="+",
        help="a folder with a folder of photos for each category, such as toys/red and toys/blue"
        if card.needs.sorted
        else "photos, or folders of them; with masks in masks/NAME/PHOTO.png",
    )
    parser.add_argument("--name", required=True, help='the name of the concept: "lily" becomes <lily>')
    parser.add_argument("--noun", required=True, help='what it is in a word: "cat"')
    if card.needs.max_subjects > 1:
        parser.add_argument(
            "--beside",
            action="append",
            default=[],
            metavar="NAME=NOUN",
            help=f"another thing in the same photos; up to {card.needs.max_subjects} together",
        )
    parser.add_argument("--seed", type=int, default=0)
    add_base_flags(parser)
    parser.add_argument(
        "--workspace", type=Path, default=Path("likeness"), help="the folder of the concept library"
    )
    parser.add_argument("--out", type=Path, help="a .safetensors file, instead of the library")
    parser.add_argument("--estimate", action="store_true", help="only say what time and memory it will need")
    defaults = {field.name: f"{field.default}, or what the base prefers" for field in card.fields}
    add_setting_flags(parser, card.fields, defaults)


def _train(given: argparse.Namespace) -> None:
    workspace = Workspace(given.workspace, given.base)
    card = workspace.tuned(METHODS[given.command].card())
    settings = card.parse(given_settings(given, card.fields))
    settings = METHODS[given.command].resolve_settings(settings, workspace.other_settings())
    beside = [_name_and_noun(text) for text in getattr(given, "beside", ())]
    subject = workspace.subjects([(given.name, given.noun), *beside], card)
    handles = tuple(subject.handles)
    if card.needs.sorted:
        photos, refusals = open_sorted(given.photos, handles)
    else:
        photos, refusals = open_masked(files_in(given.photos), handles)
    for refusal in refusals:
        print(f"{refusal.name} is left out: {refusal.reason}")
    if masks := masks_sentence(photos, handles):
        print(masks)
    card.check(len(photos))
    squares = PhotoSet.of(photos, handles)
    _check_masks(squares, handles, card.needs.masks)
    if card.needs.sorted:
        sort_photos(squares.captions, len(squares))
    path = writable_file(given.out or workspace.concepts.path(subject.handle))
    sampling = workspace.base_defaults().sampling(given.seed)
    backbone = open_base(given)
    advice = advise(photos, backbone.resolution, only_drawings=Path(given.base) == STARTER)
    for line in advice.lines([photo.name for photo in photos]):
        print(line)
    method = METHODS[given.command]
    name, number = subject.handle.strip("<>"), 0
    identity = identity_of(
        command=given.command,
        settings=without_later_settings(settings),
        subject=subject,
        seed=given.seed,
        base=str(given.base),
        photos=squares.digest,
    )
    state = writable_folder(workspace.cache / "trainings") / f"{identity}.safetensors"
    training = train(method, backbone, squares, subject, settings, sampling, workspace.cache, state)
    previews = writable_folder(workspace.folder / "previews")
    saved = False
    if given.estimate:
        _estimate(training)
        return
    for event in show_progress(ending_early(training)):
        match event:
            case Preview(picture=picture) | Insight(picture=picture):
                number += 1
                try:
                    write_atomic(previews / f"{name}-{number:02d}.png", png_bytes(picture))
                except DiskError as error:  # the training is worth more than a picture of it
                    print(error, file=sys.stderr)
            case Result(value=concept):
                save = functools.partial(save_checked, backbone, concept, sampling=sampling)
                others = [workspace.concepts.folder, Path.cwd(), *other_folders()]
                save_and_say(subject.handle, save, path, others)
                state.unlink(missing_ok=True)
                saved = True
    if not saved:
        raise StudioError("Stopped before anything was learned.", "Start it again when you like.")


def _estimate(training: Generator[Event, None, None]) -> None:
    """Say what a training will need, and do no more of it. Raises StudioError when that cannot be said."""
    for event in training:
        if isinstance(event, Estimate):
            training.close()
            print(f"It takes {event.words} of memory.")
            return
        if not isinstance(event, Note) and getattr(event, "stage", "") != TRIAL:
            break
    training.close()
    hint = f"It has fewer than {MIN_STEPS} steps, or goes on from where it was interrupted."
    raise StudioError("There is nothing to estimate.", hint)


def _name_and_noun(text: str) -> tuple[str, str]:
    """Return ("tom", "dog") for "tom=dog". Raises StudioError when one of them is missing."""
    name, _, noun = text.partition("=")
    if not name or not noun:
        raise StudioError(f"{text!r} is not understood.", "Write --beside NAME=NOUN, such as tom=dog.")
    return name, noun


def _check_masks(squares: PhotoSet, handles: tuple[str, ...], needed: bool) -> None:
    """Raise StudioError for missing or unusable masks, in words that fit the command line."""
    missing = [handle for handle in handles if handle not in squares.masks]
    if needed and missing:
        example = f"masks/{missing[0].strip('<>')}/PHOTO.png"
        hint = f"Put one beside a photo as {example}, of the photo's shape, white where it is."
        raise StudioError(f"There is no mask of {missing[0]}.", hint)
    check_masks(squares, handles, needed)


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
        raise StudioError(f"There is no method called {unknown[0]!r}.", f"Choose {', '.join(METHODS)}.")
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
        raise StudioError(f"{given.base} is no folder to save them in.", "Name a file with --out.")
    writable_file(out)
    captions = read_lines(given.captions) if given.captions else plain_captions(given.count)
    for event in show_progress(moments.estimate(backbone.text, captions)):
        if isinstance(event, Result):
            known = event.value
            moments.save(known, out)
            print(f"Saved as {out}: {known.tokens} tokens ({known.counted}), hash {known.hash}")


if __name__ == "__main__":
    sys.exit(main())
