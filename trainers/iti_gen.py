"""ITI-GEN (Zhang et al., arXiv 2309.05569): one word in several categories, learned from sorted photos.

For every category k of an attribute, such as colour or age, q tokens S_k are learned that follow the noun:
"a photo of a robot" becomes "a photo of a robot S_k". The model itself stays as it is. Painted in turn, the
categories come out evenly. Photos may be sorted by several attributes, each photo by one of them; the tokens
of several attributes add up (`studio/edits/kinds/sorted_tokens.py`), and a knob chooses for each.

The tokens are learned in the space of the CLIP whose text half the base reads with: what changes between the
prompts of two categories is to point where the photos' features differ (`trainers/kit/direction_loss.py`).
FairQueue (2024) found that such tokens disturb the first steps of sampling. `late_start` is its remedy, the
share of the noise range in which they count as zero. FairQueue reads the prompt without tokens there, and
also multiplies their attention, which this does not.

Differences: Where the base brings no CLIP that sees pictures (`studio/models/joint_space.py`), or with
`guide` "photos", the tokens of each category learn its photos by the denoising loss, as in Textual Inversion;
they then also learn what else its photos share. The end token stays behind the tokens, and the feature is
read there; the code overwrites it and reads padding. Tokens have positions, and belong to the handle, which
may be anywhere in a prompt. Photos are drawn so that every category is in a step. All attributes take a step
at once. The rate is halved after a third of the steps by a fresh optimiser, and long gradients are cut. All
photos of a training are 30, where the paper has 25 of each category.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from studio.edits import Edit
from studio.edits.kinds.sorted_tokens import SortedWord
from studio.errors import StudioError
from studio.events import Event, Note
from studio.limits import MAX_PHOTOS
from studio.method import Method, Stage
from studio.method_card import Needs
from studio.method_example import Example, ExamplePicture
from studio.models.backbone import Backbone
from studio.models.joint_space import FOLDER, JointSpace
from studio.photos.categories import Categories, sort_photos
from studio.photos.photo_set import PhotoSet
from studio.settings import setting
from studio.subject import Subject
from studio.words import tr
from trainers.kit.batches import DenoisingBatch, draw_denoising, encode_prompts
from trainers.kit.direction_loss import direction_loss, semantic_loss
from trainers.kit.latents import PhotoLatents
from trainers.kit.losses import denoising_loss
from trainers.kit.photo_settings import PhotoSettings

FULL_RATE_SHARE = 1 / 3  # of the steps: 10 of 30 epochs in the code
MAX_SHOWN = 8  # categories that are painted at the end
PLACE = "{}"
NO_CLIP = (
    "This base brings no CLIP that sees pictures, so each category learns its photos by painting them. "
    "For the published way put the base's CLIP beside it, as the folder {folder}."
)


@dataclass(frozen=True)
class Settings(PhotoSettings):
    """The recipe of the authors' code, with the paper's batch."""

    steps: int = setting(150, "Training steps.", 1, 20000, "steps", source="code: 30 epochs of 5")
    batch: int = setting(
        16, "Photos of each attribute in each step.", 1, 64, "photos", source="paper", group="memory"
    )
    learning_rate: float = setting(
        0.01, "Learning rate; half of it after a third of the steps.", 1e-6, 1.0, source="code"
    )
    tokens: int = setting(3, "Vectors of each category.", 1, 16, source="paper: q", group="words")
    guide: str = setting(
        "CLIP",
        "What the categories are learned from: CLIP, how it sees that they differ, where the base brings "
        "one; or photos, by painting them.",
        choices=("CLIP", "photos"),
        source="paper",
    )
    sentence: str = setting(
        "a photo of a {}",
        "The prompt that they are learned in, with {} for the noun.",
        source="paper: T",
        group="words",
    )
    least_agreement: float = setting(
        0.8,
        "How alike CLIP must find the prompts with and without a category.",
        0.0,
        1.0,
        source="paper: lambda",
        group="regularizers",
    )
    late_start: float = setting(
        0.0,
        "Share of the noise, from the most, in which no category acts yet. It can be moved while painting.",
        0.0,
        1.0,
        source="paper: none; FairQueue: 0.2",
    )
    flips: bool = setting(
        False,
        "Learned from photos, also learn from mirror images; turn off for text and lopsided things.",
        group="photos",
    )


@dataclass(frozen=True)
class SortedPhotos:
    """Photos of a step that CLIP sees: by attribute, the numbers (m,) of those of each category."""

    numbers: dict[str, list[Tensor]]


class ItiGen(Method):
    """Learns a few vectors for every category of the photos."""

    id = "iti_gen"
    title = "ITI-GEN"
    summary = (
        "Learns the kinds that you sort your photos into, such as colours or ages, and paints them evenly."
    )
    paper = "Zhang et al. 2023, arXiv 2309.05569"
    needs = Needs(min_photos=2, max_photos=MAX_PHOTOS, sorted=True)
    settings_class = Settings
    settings: Settings
    quick_settings = {"steps": 4, "batch": 2, "learning_rate": 0.05}
    max_file_bytes = 20_000
    suits = ("sets",)
    indivisible = "it compares photos of all categories in every step"
    example = Example(
        "amber",
        (
            ExamplePicture("{} on the beach", "yellow", {"category": 1}),
            ExamplePicture("{} on the beach", "red", {"category": 2}),
            ExamplePicture("{} on the beach", "blue", {"category": 4}),
        ),
        learned_from="photos sorted by colour",
        kinds={"yellow": 0.0, "red": 0.85, "green": 0.2, "blue": 0.45},
    )
    tunes = frozenset()

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Settings, generator: torch.Generator
    ) -> None:
        super().__init__(backbone, subject, settings, generator)
        if settings.sentence.count(PLACE) != 1:
            raise StudioError(
                "The sentence does not say where the noun is.", "Write {place} there, once.", place=PLACE
            )
        self.word = SortedWord(subject.handle, subject.noun, {}, {}, settings.late_start)
        self.categories = Categories({}, ())
        self.space: JointSpace | None = None

    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        """Sort the photos, and let CLIP see them or encode them.

        Raises StudioError when they are not sorted, or the sentence is too long.
        """
        self.categories = sort_photos(photos.captions, len(photos))
        shape = self.settings.tokens, self.backbone.text.width
        vectors = {
            attribute: torch.zeros(len(names), *shape, device=self.backbone.device).requires_grad_()
            for attribute, names in self.categories.names.items()
        }
        self.word = SortedWord(
            self.subject.handle, self.subject.noun, vectors, self.categories.names, self.settings.late_start
        )
        words = self._words_of_categories()
        with self.backbone.text.new_words(words):
            handle, vectors_of_word = next(iter(words.items()))
            span = self.backbone.text.tokenize(self._sentence(handle)).spans[handle]
        if len(span) < len(vectors_of_word):
            raise StudioError("The sentence leaves the categories no room in the prompt.", "Make it shorter.")
        if self.settings.guide == "CLIP":
            self.space = JointSpace.beside(self.backbone)
            if self.space is None:
                yield Note(tr(NO_CLIP, folder=FOLDER))
        if self.space is not None:
            self.features = self.space.picture_features(photos.squares)
        else:
            side = self.settings.side_on(self.backbone)
            self.latents = PhotoLatents(self.backbone, photos.pixels(side), self.settings.flips)

    def _sentence(self, name: str) -> str:
        """Return the prompt with a name in its place. Other braces are letters like all others."""
        return self.settings.sentence.replace(PLACE, name)

    def stages(self) -> list[Stage]:
        steps, rate, vectors = self.settings.steps, self.settings.learning_rate, [*self.word.vectors.values()]
        first = round(FULL_RATE_SHARE * steps)
        return [
            Stage(tr("learning the categories"), first, ((vectors, rate),), weight_decay=0.0),
            Stage(tr("learning at half the rate"), steps - first, ((vectors, rate / 2),), weight_decay=0.0),
        ]

    def draw(self, generator: torch.Generator) -> SortedPhotos | DenoisingBatch:
        if self.space is not None:
            return SortedPhotos(
                {
                    attribute: [
                        self._some(attribute, category, self.settings.batch // len(names), generator)
                        for category in range(len(names))
                    ]
                    for attribute, names in self.categories.names.items()
                }
            )
        numbers = self.latents.choose(self.settings.batch, generator)
        owners = [self.categories.of_photos[number % len(self.categories.of_photos)] for number in numbers]
        prompts = [self._sentence(_stand_in(*owner)) for owner in owners]
        latents = self.latents.at(numbers, generator)
        with self.backbone.text.new_words(self._words_of_categories()):
            return draw_denoising(self.backbone, latents, prompts, generator)

    def _some(self, attribute: str, category: int, count: int, generator: torch.Generator) -> Tensor:
        """Return the numbers (m,) of `count` random photos of a category, at least one, none twice."""
        photos = torch.tensor(self.categories.photos_in(attribute, category))
        return photos[torch.randperm(len(photos), generator=generator)[: max(1, count)]]

    def loss(self, batch: SortedPhotos | DenoisingBatch) -> dict[str, Tensor]:
        if isinstance(batch, DenoisingBatch):
            with self.backbone.text.new_words(self._words_of_categories()):
                words = encode_prompts(self.backbone, batch)
            return {"denoising": denoising_loss(self.backbone, batch, words)}
        assert self.space is not None  # which such batches are drawn for
        noun = self.backbone.text.embeddings_of(self.subject.noun)
        plain = self.space.prompt_features([self._sentence("<noun>")], {"<noun>": noun})[0]
        directions, agreements = [], []
        for attribute, numbers in batch.numbers.items():
            pictures = torch.stack([self.features[each.to(self.features.device)].mean(0) for each in numbers])
            prompts = self.prompt_features(attribute)
            directions.append(direction_loss(pictures, prompts))
            agreements.append(semantic_loss(prompts, plain, self.settings.least_agreement))
        return {"direction": torch.stack(directions).sum(), "semantic": torch.stack(agreements).sum()}

    def prompt_features(self, attribute: str) -> Tensor:
        """Return f(P) of all combinations of categories by that of one attribute, (K, R, d).

        Gradients reach the vectors of this attribute alone.
        """
        assert self.space is not None
        names = {**self.categories.names}
        own = len(names.pop(attribute))
        numbers = [range(1, len(each) + 1) for each in names.values()]
        others = [dict(zip(names, each, strict=True)) for each in itertools.product(*numbers)]
        learned = SortedWord(self.word.handle, self.word.noun, self.word.vectors, self.word.names)
        for name in names:
            learned.vectors[name] = learned.vectors[name].detach()
        chosen = [{attribute: number, **other} for number in range(1, own + 1) for other in others]
        noun = self.backbone.text.embeddings_of(self.subject.noun)
        words = {
            f"<category-{number}>": torch.cat([noun, learned.category_vectors(one)])
            for number, one in enumerate(chosen)
        }
        prompts = [self._sentence(handle) for handle in words]
        return self.space.prompt_features(prompts, words).unflatten(0, (own, len(others)))

    def _words_of_categories(self) -> dict[str, Tensor]:
        """Return, by its stand-in, the vectors of the noun in every category."""
        noun = self.backbone.text.embeddings_of(self.subject.noun)
        return {
            _stand_in(attribute, number): torch.cat([noun, vectors])
            for attribute, S in self.word.vectors.items()
            for number, vectors in enumerate(S)
        }

    def edits(self) -> list[Edit]:
        return [self.word]

    def report(self) -> dict[str, float]:
        """Return the mean length of the vectors, in median norms of the vocabulary, for each attribute."""
        return {
            f"norm of {attribute}": S.detach().norm(dim=-1).mean().item() / self.backbone.text.median_norm
            for attribute, S in self.word.vectors.items()
        }

    @property
    def closing_choices(self) -> Mapping[str, Mapping[str, float]]:
        """See `Method.closing_choices`: every category once."""
        every = {
            f"{attribute}: {name}": {attribute: number}
            for attribute, names in self.categories.names.items()
            for number, name in enumerate(names, 1)
        }
        return dict(itertools.islice(every.items(), MAX_SHOWN))

    @property
    def preview_prompt(self) -> str:
        return self._sentence(self.subject.handle)


def _stand_in(attribute: str, number: int) -> str:
    """Return the handle of the noun in one category while it is learned."""
    return f"<0-{attribute}-{number}>"
