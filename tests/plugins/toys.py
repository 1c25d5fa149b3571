"""A method, a regularizer and a refinement as somebody would add them: one small file each."""

METHOD = '''
"""A word with one vector for each half of the noise range. (A toy.)"""

from dataclasses import dataclass

from studio.edits.kinds.staged_tokens import StagedWord
from studio.method import Method, Stage
from studio.settings import setting
from trainers.kit.batches import draw_denoising, encode_prompts
from trainers.kit.latents import PhotoLatents
from trainers.kit.losses import denoising_loss


@dataclass(frozen=True)
class Settings:
    """Settings of the toy."""

    steps: int = setting(4, "Training steps.", 1, 100, "steps")
    batch: int = setting(2, "Photos in each step.", 1, 8, "photos")
    toy_rate: float = setting(0.05, "Learning rate of the word.", 0.0, 1.0)


class Toy(Method):
    """Two vectors, one for each half of the noise range."""

    id, title, summary = "toy", "Toy", "Learns one word for shapes and one for details."
    paper = "Nobody 2026, arXiv 2699.00001"
    settings_class = Settings

    def __init__(self, backbone, subject, settings, generator):
        super().__init__(backbone, subject, settings, generator)
        start = backbone.text.initial_vectors(subject.noun, 1)
        self.word = StagedWord(subject.handle, subject.noun, start.repeat(2, 1, 1).requires_grad_())

    def prepare(self, photos, cache):
        self.latents = PhotoLatents(self.backbone, photos.pixels(self.backbone.resolution))
        yield from ()

    def stages(self):
        groups = (([self.word.vectors], self.settings.toy_rate),)
        return [Stage("learning the word", self.settings.steps, groups)]

    def draw(self, generator):
        latents = self.latents.draw(self.settings.batch, generator)
        return draw_denoising(self.backbone, latents, [f"a photo of {self.subject.handle}"], generator)

    def loss(self, batch):
        words = encode_prompts(self.backbone, batch)
        return {"denoising": denoising_loss(self.backbone, batch, words)}

    def edits(self):
        return [self.word]
'''

REGULARIZER = '''
"""Keeps words short. (A toy.)"""

from dataclasses import dataclass

from studio.regularizer import Regularizer
from studio.settings import setting


@dataclass(frozen=True)
class Settings:
    """Off by default."""

    shortness_weight: float = setting(0.0, "Keeps words short.", 0.0, 10.0)


class Shortness(Regularizer):
    """The squared length of every word."""

    id, title, paper = "shortness", "Shortness", "Nobody 2026, arXiv 2699.00002"
    settings_class = Settings
    weights = ("shortness_weight",)
    tunes = frozenset({"words"})

    def draw(self, batch, generator):
        return None

    def terms(self, batch, own):
        lengths = [e.word_vectors.square().sum() for e in self.method.edits() if e.word_vectors is not None]
        return {"shortness": self.settings.shortness_weight * sum(lengths)}
'''

REFINEMENT = '''
"""Turns the volume of every encoded word up. (A toy.)"""

from dataclasses import dataclass, replace

from studio.generation.refinement import Refinement
from studio.settings import setting


@dataclass(frozen=True)
class Settings:
    """1 changes nothing."""

    loudness: float = setting(1.0, "How loudly the prompt speaks.", 0.0, 3.0)


class Loudness(Refinement):
    """Multiplies what was encoded."""

    id, title, summary = "loudness", "Loudness", "How loudly the prompt speaks."
    paper = "Nobody 2026, arXiv 2699.00003"
    settings_class = Settings

    def refine(self, painting):
        def louder(words, t):
            return replace(words, hidden=words.hidden * self.settings.loudness)

        prompts = replace(painting.prompts, amendments=(*painting.prompts.amendments, (louder, False)))
        return replace(painting, prompts=prompts)
        yield
'''

FILES = {
    "trainers/toy.py": METHOD,
    "trainers/regularizers/shortness.py": REGULARIZER,
    "studio/generation/refinements/loudness.py": REFINEMENT,
}
