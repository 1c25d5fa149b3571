"""Train a method in the foreground: `python -m trainers dreambooth photos/ --name lily --noun cat`.

Started by `accelerate launch` or `torchrun`, several processes share the training (`trainers.kit.processes`).
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from studio.commands.base_flags import add_base_flags, add_workspace_flag, open_base
from studio.commands.console import show_progress
from studio.commands.interrupts import ending_early
from studio.commands.setting_flags import add_setting_flags, given_settings
from studio.edits.saving import save_and_say
from studio.errors import DiskError, StudioError
from studio.events import Checkpoint, Estimate, Event, Insight, Note, Preview, Result
from studio.files import delete_file, other_folders, png_bytes, writable_file, writable_folder, write_atomic
from studio.generation.checked_file import save_checked
from studio.method import Method
from studio.method_card import MethodCard
from studio.photos.advice import advise
from studio.photos.categories import open_sorted, sort_photos
from studio.photos.mask_checks import check_masks, masks_sentence
from studio.photos.masked_folder import open_masked
from studio.photos.photo_files import files_in
from studio.photos.photo_set import PhotoSet
from studio.recipes.sample_prompts import MAX_SAMPLES, sample_prompts
from studio.starter import STARTER
from studio.words import tr
from studio.workspace.effort import BALANCED, FACTORS, with_effort
from studio.workspace.presets import Presets
from studio.workspace.workspace import Workspace
from trainers.kit.kept_state import identity_of, without_later_settings
from trainers.kit.loop import train
from trainers.kit.preflight import MIN_STEPS
from trainers.kit.preflight import STAGE as TRIAL
from trainers.kit.processes import Processes, join

REPEATS = 2.0  # seconds after a Ctrl-C in which a launcher passes it on to processes that have it already


def add_training_flags(parser: argparse.ArgumentParser, card: MethodCard) -> None:
    """Add the flags of a method: photos, names, base and its settings."""
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
    add_workspace_flag(parser)
    parser.add_argument("--out", type=Path, help="a .safetensors file, instead of the library")
    parser.add_argument("--preset", metavar="NAME", help="settings that were kept under a name in the page")
    parser.add_argument(
        "--effort", choices=list(FACTORS), default=BALANCED, help="half as many steps as the recipe, or twice"
    )
    parser.add_argument(
        "--sample",
        action="append",
        default=[],
        metavar="PROMPT",
        help=f"a prompt to paint beside every preview, with {{}} for the name; up to {MAX_SAMPLES}",
    )
    parser.add_argument(
        "--keep-steps",
        action="store_true",
        help="also save what was learned at every preview, as previews/NAME-step-80.safetensors",
    )
    parser.add_argument("--estimate", action="store_true", help="only say what time and memory it will need")
    defaults = {field.name: f"{field.default}, or what the base prefers" for field in card.fields}
    add_setting_flags(parser, card.fields, defaults)


def train_method(given: argparse.Namespace, method: type[Method]) -> None:
    """Train in one process, or in one of several that share it, of which only the first prints.

    Raises StudioError when it cannot be trained.
    """
    processes = join()
    if processes.is_alone:
        _train(given, method, processes)
        return
    try:
        with _silence() if not processes.is_main else nullcontext():
            _train(given, method, processes)
    except StudioError as error:
        if processes.is_main:
            raise
        message = tr("Process {number}: {reason}", number=processes.index + 1, reason=error.message)
        raise StudioError(message, error.hint) from error
    finally:
        processes.leave()


def chosen_settings(given: argparse.Namespace, card: MethodCard, presets: Presets) -> dict[str, Any]:
    """Return the settings of a training: flags count more than a preset, and that more than an effort."""
    kept = presets.find(given.preset).values_for(card) if given.preset else {}
    return card.parse(with_effort(card, given.effort) | kept | given_settings(given, card.fields))


@contextmanager
def _silence() -> Iterator[None]:
    """Context manager: nothing is printed."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _train(given: argparse.Namespace, method: type[Method], processes: Processes) -> None:
    workspace = Workspace(given.workspace, given.base)
    card = workspace.tuned(method.card())
    settings = chosen_settings(given, card, workspace.presets)
    settings = method.resolve_settings(settings, workspace.other_settings())
    beside = [_name_and_noun(text) for text in getattr(given, "beside", ())]
    subject = workspace.subjects([(given.name, given.noun), *beside], card)
    handles = tuple(subject.handles)
    if card.needs.sorted:
        photos, refusals = open_sorted(given.photos, handles)
    else:
        photos, refusals = open_masked(files_in(given.photos), handles)
    for refusal in refusals:
        print(tr("{file} is left out: {reason}", file=refusal.name, reason=refusal.reason))
    if masks := masks_sentence(photos, handles):
        print(masks)
    card.check(len(photos))
    squares = PhotoSet.of(photos, handles)
    _check_masks(squares, handles, card.needs.masks)
    if card.needs.sorted:
        sort_photos(squares.captions, len(squares))
    samples = sample_prompts(given.sample, handles)
    path = writable_file(given.out or workspace.concepts.path(subject.handle))
    sampling = workspace.base_defaults().sampling(given.seed)
    backbone = open_base(given)
    advice = advise(photos, backbone.resolution, only_drawings=Path(given.base) == STARTER)
    for line in advice.lines([photo.name for photo in photos]):
        print(line)
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
    training = train(
        method,
        backbone,
        squares,
        subject,
        settings,
        sampling,
        workspace.cache,
        state if processes.is_main else None,
        processes=processes,
        samples=samples,
    )
    previews = writable_folder(workspace.folder / "previews")
    saved = False
    if given.estimate:
        _estimate(training)
        return
    for event in show_progress(ending_early(training, repeats=0.0 if processes.is_alone else REPEATS)):
        match event:
            case Preview(picture=picture) | Insight(picture=picture):
                number += 1
                try:
                    write_atomic(previews / f"{name}-{number:02d}.png", png_bytes(picture))
                except DiskError as error:  # the training is worth more than a picture of it
                    print(error, file=sys.stderr)
            case Checkpoint(is_suggested=is_suggested) if given.keep_steps or is_suggested:
                _keep_step(event, previews / f"{name}-step-{event.step}.safetensors")
            case Result(value=concept):
                save = functools.partial(save_checked, backbone, concept, sampling=sampling)
                others = [workspace.concepts.folder, Path.cwd(), *other_folders()]
                save_and_say(subject.handle, save, path, others)
                with suppress(DiskError):  # the concept is saved, which is what counts
                    delete_file(state)
                saved = True
    if not saved and processes.is_main:
        raise StudioError("Stopped before anything was learned.", "Start it again when you like.")


def _keep_step(checkpoint: Checkpoint, file: Path) -> None:
    """Save a checkpoint, a concept file like any other, and say where it is if it is suggested."""
    try:
        checkpoint.concept.save(file)
    except DiskError as error:  # the training is worth more than a step of it
        print(error, file=sys.stderr)
        return
    if checkpoint.is_suggested:
        print(tr("Step {step} is kept as {file}.", step=checkpoint.step, file=file))


def _estimate(training: Generator[Event, None, None]) -> None:
    """Say what a training will need, and do no more of it. Raises StudioError when that cannot be said."""
    for event in training:
        if isinstance(event, Estimate):
            training.close()
            print(tr("It takes {time_and_memory} of memory.", time_and_memory=event.words))
            return
        if not isinstance(event, Note) and getattr(event, "stage", "") != TRIAL:
            break
    training.close()
    hint = (
        "It has fewer than {fewest} steps, goes on from where it was interrupted, or is shared "
        "by several processes."
    )
    raise StudioError("There is nothing to estimate.", hint, fewest=MIN_STEPS)


def _name_and_noun(text: str) -> tuple[str, str]:
    """Return ("tom", "dog") for "tom=dog". Raises StudioError when one of them is missing."""
    name, _, noun = text.partition("=")
    if not name or not noun:
        raise StudioError(
            "{written!r} is not understood.", "Write --beside NAME=NOUN, such as tom=dog.", written=text
        )
    return name, noun


def _check_masks(squares: PhotoSet, handles: tuple[str, ...], needed: bool) -> None:
    """Raise StudioError for missing or unusable masks, in words that fit the command line."""
    missing = [handle for handle in handles if handle not in squares.masks]
    if needed and missing:
        example = f"masks/{missing[0].strip('<>')}/PHOTO.png"
        hint = "Put one beside a photo as {example}, of the photo's shape, white where it is."
        raise StudioError("There is no mask of {handle}.", hint, handle=missing[0], example=example)
    check_masks(squares, handles, needed)
