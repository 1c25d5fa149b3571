"""Compare the modes of composing: several concepts in one picture, painted and measured.

Groups of subjects, each learned alone, are named together in the same prompts with the same seeds. Beside the
modes stand three controls: the plain nouns together, each concept alone, and each plain noun alone, whose
pictures give the threshold above which a subject counts as present.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from studio.edits import attach
from studio.edits.concept import Concept
from studio.events import Event, Note, Result
from studio.files import png_bytes, write_atomic
from studio.generation.generate import Picture, active_edits, generate
from studio.models.attention import word_attention_maps
from studio.models.backbone import Backbone
from studio.models.image_encoder import ImageTextEncoder
from studio.recipes.recipe import Sampling
from trainers.benchmarks.composition_groups import Group, Member, methods_of
from trainers.benchmarks.composition_table import GroupResult
from trainers.benchmarks.picture_crops import attended_crop, presence_crops
from trainers.benchmarks.saved_scores import read_made, write_made
from trainers.benchmarks.subject_presence import Similarities
from trainers.benchmarks.trained_concepts import train_or_open
from trainers.benchmarks.variants import made_with

COLOURS = ("blue", "red", "gray", "yellow", "green", "pink", "white", "orange")
PROMPTS = tuple(f"{{}} on a {colour} background" for colour in COLOURS)
NOUNS = "plain nouns"
THRESHOLD_QUANTILE = 0.9  # of the likeness that pictures of the plain noun alone have with a subject


class CompositionTrial:
    """Paints groups in every mode and measures the pictures.

    All of it is saved in `folder`, so that an interrupted trial goes on, and processes can share the work.

    Args:
        encoder: compares pictures with photos and prompts.
        seeds: pictures of each prompt.
        prompts: with one {} for the names of the group.
    """

    def __init__(
        self,
        backbone: Backbone,
        encoder: ImageTextEncoder,
        sampling: Sampling,
        folder: Path,
        seeds: int = 2,
        prompts: Sequence[str] = PROMPTS[:4],
    ) -> None:
        self.backbone, self.encoder, self.sampling, self.folder = backbone, encoder, sampling, folder
        self.seeds, self.prompts = seeds, prompts

    def run(self, groups: Sequence[Group], modes: Sequence[str]) -> Iterator[Event]:
        """Run the trial; the last event is a Result with the GroupResults: plain nouns, then each mode."""
        results = []
        for group in groups:
            methods = methods_of(group)
            yield Note(f"{' and '.join(member.handle for member in group)}, {methods}")
            thresholds, alone = [], []
            for member in group:
                plain, with_concept = (self.measure([member], "sum", strength) for strength in (0.0, 1.0))
                likenesses = [each.likeness(0) for each in plain]
                thresholds.append(float(np.quantile(likenesses, THRESHOLD_QUANTILE)))
                alone.append(statistics.fmean(each.likeness(0) for each in with_concept))
            nouns = self.measure(group, "sum", 0.0)
            base = [each.agreement for each in nouns]
            results.append(GroupResult(NOUNS, methods, nouns, thresholds, alone, base))
            for mode in modes:
                pictures = self.measure(group, mode)
                results.append(GroupResult(mode, methods, pictures, thresholds, alone, base))
                yield Note(f"  {mode}: all present in {100 * results[-1].measures()['all present']:.0f} %")
        yield Result(results)

    def measure(self, group: Group, mode: str, strength: float = 1.0) -> list[Similarities]:
        """Paint a group and return the similarities of its pictures, by prompt and seed.

        At strength 0 the pictures show the plain nouns.
        """
        names = [member.name if strength else member.handle.strip("<>") for member in group]
        folder = self.folder / "pictures" / "+".join(names) / (mode if strength else "plain")
        path = folder / f"similarities-{len(self.prompts)}x{self.seeds}.json"
        variants = {member.handle: member.variant if strength else None for member in group}
        made = made_with(self.backbone, self.sampling, self.prompts, self.seeds, variants)
        saved = read_made(path, lambda file: [Similarities(**one) for one in file["pictures"]], made)
        if saved:
            return saved
        folder.mkdir(parents=True, exist_ok=True)
        concepts = [self._concept(member) for member in group]
        measured = []
        for number, prompt in enumerate(self.prompts):
            recipe = dataclasses.replace(self.sampling, count=self.seeds).with_prompt(
                prompt.format(enumeration([member.handle for member in group])),
                strengths={member.handle: strength for member in group},
                composing=mode,
            )
            with_nouns = prompt.format(enumeration([f"a {member.noun}" for member in group]))
            for event in generate(self.backbone, recipe, concepts):
                if isinstance(event, Result):
                    picture = event.value
                    write_atomic(folder / f"{number}-{picture.recipe.seed}.png", png_bytes(picture.image))
                    measured.append(self._similarities(picture, concepts, group, with_nouns))
        write_made(path, {"pictures": [dataclasses.asdict(each) for each in measured]}, made)
        return measured

    def _similarities(
        self, picture: Picture, concepts: Sequence[Concept], group: Group, with_nouns: str
    ) -> Similarities:
        """Return the similarities of one picture; `with_nouns` is its prompt in plain nouns."""
        maps = self._attention_maps(picture, concepts, group)
        crops = presence_crops(picture.image)
        attended = [attended_crop(picture.image, attention) for attention in maps]
        photos = self.encoder.encode([member.unseen_photo for member in group])
        cosines = self.encoder.encode([*crops, *attended]) @ photos.T
        agreement = self.encoder.encode([picture.image]) @ self.encoder.encode_text([with_nouns]).T
        return Similarities(cosines[: len(crops)].tolist(), cosines[len(crops) :].tolist(), agreement.item())

    @torch.no_grad()
    def _attention_maps(self, picture: Picture, concepts: Sequence[Concept], group: Group) -> Tensor:
        """Return the cross-attention map of each handle, or of its noun at strength 0, (k, s, s)."""
        text, recipe = self.backbone.text, picture.recipe
        plain = [member for member in group if not recipe.strength(member.handle)]
        latents, _ = self.backbone.encode_photos(np.asarray(picture.image)[None])
        nouns = {member.handle: text.embeddings_of(member.noun) for member in plain}
        with attach(self.backbone, active_edits(recipe, concepts)), text.new_words(nouns):
            spans = text.tokenize(recipe.prompt).spans
            positions = [spans[member.handle] for member in group]
            return word_attention_maps(self.backbone, latents, recipe.prompt, positions)[:, 0]

    def _concept(self, member: Member) -> Concept:
        folder = self.folder / "concepts" / member.name
        case = member.case
        concept, _ = train_or_open(
            self.backbone, case.subject, case.photos, member.variant, self.sampling, folder
        )
        return concept


def enumeration(names: Sequence[str]) -> str:
    """Return names as English lists them: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
