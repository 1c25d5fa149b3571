"""Check verdicts against trainings whose outcome is known, and say how often they are right.

Every training of `trainers.benchmarks.verdict_cases` is done once and judged as at the end of a training.
The levels of `studio.concepts.verdict` were chosen on every second training of each kind; the table has the
others apart.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from studio.concepts.verdict import WORDS, Verdict
from studio.documents import DocumentError, read_document
from studio.edits.concept import Concept
from studio.errors import DiskError, StudioError
from studio.events import Event, FinishEarly, Note, Result, Step
from studio.files import png_bytes, write_atomic
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from studio.words import tr
from trainers.benchmarks.method_trial import Case, shown_to
from trainers.benchmarks.saved_scores import write_json
from trainers.benchmarks.trained_concepts import CONCEPT, is_of_training
from trainers.benchmarks.variants import Variant
from trainers.benchmarks.verdict_cases import KNOWN_RUNS, KnownRun, held_out_of, photos_of
from trainers.kit.found_subjects import with_found_subjects
from trainers.kit.loop import train
from trainers.kit.verdict import STAGE, Judge

VERDICT, SHEET = "verdict.json", "sheet.png"
CELL = 96  # pixels of a picture on a sheet


@dataclasses.dataclass(frozen=True)
class JudgedRun:
    """A known run and its verdict, None where the training itself said that it had failed.

    Args:
        is_held_out: whether no level was chosen by it.
    """

    known: KnownRun
    verdict: Verdict | None
    is_held_out: bool

    @property
    def word(self) -> str:
        """Return the verdict in a word; a training that failed is broken."""
        return self.verdict.word if self.verdict else "broken"


def verdict_trial(
    backbone: Backbone,
    runs: Sequence[KnownRun],
    variant_of: Callable[[str], Variant],
    sampling: Sampling,
    folder: Path,
    again: bool = False,
    everything: Sequence[KnownRun] = KNOWN_RUNS,
) -> Iterator[Event]:
    """Train and judge; the last event is a Result with the list of JudgedRuns.

    Concepts, verdicts and sheets of photos and pictures are saved in `folder`, and not made again.

    Args:
        variant_of: parses the variant of a run.
        again: whether saved concepts are judged once more.
        everything: all known runs, of which `runs` are some: every second of each kind is held out.
    """
    judged, held_out = [], held_out_of(everything)
    for known in runs:
        place = folder / known.name
        subject, photos = photos_of(known.photos)
        subject = dataclasses.replace(subject, noun=known.noun or subject.noun)
        variant = variant_of(known.variant)
        squares = PhotoSet.of(shown_to(variant.method, Case(subject, photos)), tuple(subject.handles))
        verdict, concept = None, None
        try:
            concept = yield from _learned(backbone, known, subject, squares, variant, sampling, place)
        except DiskError:
            raise
        except StudioError as error:
            yield Note(f"{known.name}: {error.message}")
        if concept is not None:
            verdict = None if again else _saved(place / VERDICT)
            if verdict is None:
                verdict = yield from _judge(backbone, concept, subject, squares, variant, sampling, place)
            yield Note(f"{known.name}: {verdict.sentence}")
        judged.append(JudgedRun(known, verdict, is_held_out=known in held_out))
    yield Result(judged)


def _learned(
    backbone: Backbone,
    known: KnownRun,
    subject: Subject,
    squares: PhotoSet,
    variant: Variant,
    sampling: Sampling,
    place: Path,
) -> Generator[Event, None, Concept]:
    """Return the concept of a run, trained unless `place` has it; yields the training's events.

    The training's own verdict is left out. Raises StudioError when the training fails.
    """
    file = place / CONCEPT
    if not (file.exists() and is_of_training(file, backbone, subject, variant, sampling)):
        cache = place.parent / "cache"
        training = train(variant.method, backbone, squares, subject, variant.settings, sampling, cache)
        has_stopped, event = False, next(training)
        while not isinstance(event, Result):
            yield event
            is_last = isinstance(event, Step) and (
                event.stage == STAGE or ("loss" in event.values and event.step == known.stop)
            )
            if is_last and not has_stopped:
                has_stopped = event.stage != STAGE  # type: ignore[union-attr]  # it is a Step
                event = training.throw(FinishEarly())
            else:
                event = next(training)
        place.mkdir(parents=True, exist_ok=True)
        (place / VERDICT).unlink(missing_ok=True)  # it was on another
        event.value.save(file)
    return Concept.open(file)


def _judge(
    backbone: Backbone,
    concept: Concept,
    subject: Subject,
    squares: PhotoSet,
    variant: Variant,
    sampling: Sampling,
    place: Path,
) -> Generator[Event, None, Verdict]:
    """Return the verdict on a concept, and save it with a sheet of what was compared; yields Steps."""
    method = variant.method(
        backbone, subject, variant.method.own(variant.settings), torch.Generator().manual_seed(sampling.seed)
    )
    masked = with_found_subjects(squares, subject.handle, method.settings)  # as its training was judged
    judge = Judge(backbone, masked, [method.preview_prompt], sampling)
    verdicts = yield from judge.judge(concept)
    columns: list[Sequence[Image.Image]] = [squares.squares]
    columns += [
        backbone.decode(latents) if latents.isfinite().all() else [] for latents in judge.painted.values()
    ]
    write_atomic(place / SHEET, png_bytes(_sheet(columns)))
    verdict = verdicts[subject.handle]
    write_json(place / VERDICT, dataclasses.asdict(verdict))
    return verdict


def _saved(file: Path) -> Verdict | None:
    """Return a saved verdict; None where there is none."""
    try:
        return read_document(Verdict, file.read_bytes(), tr("The verdict"))
    except (OSError, DocumentError):
        return None


def _sheet(columns: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Return pictures in columns: the photos, then concept, concept in a scene, noun, noun in a scene."""
    rows = max(map(len, columns[1:]), default=1) or 1
    sheet = Image.new("RGB", (CELL * len(columns), CELL * rows), "gray")
    for across, pictures in enumerate(columns):
        for down, picture in enumerate(pictures[:rows]):
            sheet.paste(picture.convert("RGB").resize((CELL, CELL)), (CELL * across, CELL * down))
    return sheet


def verdict_table(judged: Sequence[JudgedRun]) -> str:
    """Return as Markdown how verdicts and known outcomes agree, by half, and every run with its figures."""
    parts = []
    halves = (("levels chosen on these", False), ("held out", True))
    for title, is_held_out in halves:
        part = [run for run in judged if run.is_held_out == is_held_out]
        right = sum(run.word == run.known.outcome for run in part)
        parts.append(_confusion(f"{title}: {right} of {len(part)} right", part))
    lines = ["| run | a person says | verdict | figures |", "|---|---|---|---|"]
    for run in judged:
        mark = "" if run.word == run.known.outcome else " ✗"
        lines.append(
            f"| {run.known.name} | {run.known.outcome} | {run.word}{mark} | {_figures(run.verdict)} |"
        )
    return "\n\n".join([*parts, "\n".join(lines)])


def _confusion(title: str, part: Sequence[JudgedRun]) -> str:
    counts = Counter((run.known.outcome, run.word) for run in part)
    lines = [f"| {title} | {' | '.join(f'verdict {word}' for word in WORDS)} |", "|---|---|---|---|"]
    for outcome in WORDS:
        cells = " | ".join(str(counts[outcome, word]) for word in WORDS)
        lines.append(f"| a person says {outcome} | {cells} |")
    return "\n".join(lines)


def _figures(verdict: Verdict | None) -> str:
    """Return the figures of a verdict in a line."""
    if verdict is None:
        return "the training failed"
    names = ("likeness", "noise", "likeness_in_scene", "obeyed", "variety", "strange", "unknown", "contrast")
    values: dict[str, Any] = dataclasses.asdict(verdict)
    return ", ".join(
        f"{name.replace('_', ' ')} {values[name]:.2f}" for name in names if values[name] is not None
    )
