"""Training and painting in a notebook, or from any other program, in a few lines; the README shows them.

Everything is done as the commands do it: with the defaults that suit the base, and with the same results.
What is learned stays in memory until `Concept.save` writes it, and goes into no library.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from studio.commands.console import show_progress
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Result
from studio.generation.generate import generate
from studio.method import Method
from studio.models.opening import open_backbone
from studio.photos.masked_folder import open_masked
from studio.photos.photo_files import files_in
from studio.photos.photo_set import PhotoSet
from studio.starter import STARTER
from studio.subject import parse_subject
from studio.user_folder import user_folder
from studio.words import tr
from studio.workspace.workspace import Workspace
from trainers.kit.loop import train


class Notebook:
    """A base model on which concepts are learned and pictures painted.

    Args:
        base: a path or a name on the hub, as for `--base`; the starter by itself.
        workspace: a folder for what later trainings use again, such as class pictures; that of the page by
            itself.
        device: "cpu", "cuda" or "cuda:1"; empty for a card if there is one.

    Raises StudioError when there is no such base or it cannot be used.
    """

    def __init__(self, base: str | Path = STARTER, workspace: str | Path = "", device: str = "") -> None:
        self.workspace = Workspace(Path(workspace or user_folder()), str(base))
        self.backbone = open_backbone(base, device or None, cache=self.workspace.cache)
        self._learned: list[dict[str, Any]] = []  # the settings of each training

    def train(
        self,
        method: type[Method],
        photos: str | Path | Iterable[str | Path],
        name: str,
        noun: str,
        seed: int = 0,
        **settings: Any,
    ) -> Concept:
        """Learn one thing from photos, and return the concept; a progress bar says how far it is.

        Args:
            photos: files, or folders of them, with captions and masks beside them as for the command.
            name: "lily" becomes <lily>.
            noun: what it is in a word.
            settings: of the method; those left out are as they come for this base.

        Raises StudioError when it cannot be learned, or a setting is none of the method's.
        """
        card = self.workspace.tuned(method.card())
        subject = parse_subject(name, noun, ())
        paths = [photos] if isinstance(photos, str | Path) else list(photos)
        opened, refusals = open_masked(files_in([Path(path) for path in paths]), (subject.handle,))
        for refusal in refusals:
            print(tr("{file} is left out: {reason}", file=refusal.name, reason=refusal.reason))
        card.check(len(opened))
        training = train(
            method,
            self.backbone,
            PhotoSet.of(opened, (subject.handle,)),
            subject,
            method.resolve_settings(card.parse(settings), self._others()),
            self.workspace.base_defaults().sampling(seed),
            self.workspace.cache,
        )
        for event in show_progress(training):
            if isinstance(event, Result):
                self._learned.append(event.value.header.settings)
                return event.value
        raise StudioError("Nothing was learned.", "Give it more steps.")

    def _others(self) -> Iterator[dict[str, Any]]:
        """Yield the settings of all concepts of the workspace, and of those that were learned here."""
        yield from self.workspace.other_settings()
        yield from self._learned

    def paint(self, prompt: str, *concepts: Concept, seed: int = 0, **recipe: Any) -> Image.Image:
        """Paint one picture, and return it; a notebook shows it.

        Args:
            concepts: those whose names the prompt has, such as <lily>.
            recipe: other fields of a `studio.recipes.recipe.Recipe`, such as steps, guidance or negative.

        Raises StudioError when the prompt names a concept that is not given, or one does not fit the base.
        """
        sampling = self.workspace.base_defaults().sampling(seed)
        wanted = dataclasses.replace(sampling.with_prompt(prompt), **recipe)
        for event in show_progress(generate(self.backbone, wanted, concepts)):
            if isinstance(event, Result):
                return event.value.image
        raise StudioError("Nothing was painted.", "Give it at least one step.")
