"""CoRe, context-regularized text embedding learning (Wu et al., arXiv 2408.15914), stage 1.

Textual Inversion tends to learn a word that swallows the prompt around it. Here the word is also asked to
leave its neighbours alone: in a prompt y* that has nothing to do with the photos, every other token is to
be encoded as it would be around the plain noun, y_cat, and to hold as much of the picture's attention:

    L      = L_diff + lambda_emb L_emb + lambda_attn L_attn
    L_emb  = mean over i != k of 1 - cos(E(y*)_i, E(y_cat)_i)
    L_attn = mean over i != k of (mu(M*_i) - mu(M_cat,i))^2

k is the place of the word, i runs from the start to the first end of the prompt, M_i are the attention maps
of token i over all layers that read text, mu the mean of all their values. In the middle fifth of training
the word's length is held, which keeps it from growing. Differences: the released code takes the cosine
along the tokens and sums squared attention over the batch per layer; `form` chooses between paper and code.
Stage 2 of the paper (tuning the U-Net with the word fixed) is not part of this method.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from studio.attention import Recorder, recording
from studio.backbone import Backbone
from studio.edits import Edit, NewWord
from studio.events import Event
from studio.method import Method, Stage, Subject, setting
from studio.photo_set import PhotoSet
from studio.text import Words
from trainers.kit.latents import PhotoLatents
from trainers.kit.losses import denoising_loss

CONTEXT = Path(__file__).resolve().parent.parent / "assets" / "context"
HELD = (0.4, 0.6)
WATCHED_EVERY = 25


@dataclass(frozen=True)
class Settings:
    """The paper's recipe for stage 1 on Stable Diffusion 2.1."""

    steps: int = setting(300, "How long to learn.", 1, 20000, "steps", source="paper")
    learning_rate: float = setting(5e-3, "Size of a step.", 1e-6, 1.0, source="paper")
    batch: int = setting(6, "Photos looked at in each step.", 1, 64, "photos", source="paper")
    kind: str = setting(
        "animate",
        "Whether it lives: chooses the prompts it is tried in.",
        choices=("animate", "inanimate"),
        source="paper",
    )
    embedding_weight: float = setting(
        1.5e-4, "Weight of the encodings' agreement.", 0.0, 100.0, source="paper: lambda_emb"
    )
    attention_weight: float = setting(
        0.05, "Weight of the attention's agreement.", 0.0, 1e4, source="paper: lambda_attn"
    )
    hold_length: bool = setting(True, "Hold the word's length in the middle fifth.", source="paper")
    form: str = setting("paper", "How the two terms are computed.", choices=("paper", "released code"))
    flips: bool = setting(True, "Also show mirror images; off for text and lopsided things.", source="paper")


class ContextRegularized(Method):
    """One word, learned so that the rest of a prompt keeps its meaning."""

    id = "context_regularized"
    title = "CoRe"
    summary = "A word that lets the rest of the prompt speak. Small, and obedient in prompts it never saw."
    paper = "Wu et al. 2024, arXiv 2408.15914"
    Settings = Settings
    settings: Settings

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Settings, generator: torch.Generator
    ) -> None:
        super().__init__(backbone, subject, settings, generator)
        start = backbone.text.noun_vectors(subject.noun, 1)
        self.word = NewWord(subject.handle, subject.noun, start.clone().requires_grad_())
        self.prompts = (CONTEXT / f"{settings.kind}.txt").read_text(encoding="utf-8").splitlines()
        self.steps_done = 0
        self.held_length: Tensor | None = None
        self.watched: dict[str, list[float]] = {}

    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        self.latents = PhotoLatents(
            self.backbone, photos.pixels(self.backbone.resolution), self.settings.flips
        )
        yield from ()

    def stages(self) -> list[Stage]:
        groups = (([self.word.vectors], self.settings.learning_rate),)
        return [Stage("learning the word", self.settings.steps, groups, after_step=self.hold_length)]

    @torch.no_grad()
    def hold_length(self) -> None:
        """v <- v |v_held| / |v| while 40 % to 60 % of the steps are done (steps 120 to 180 of 300)."""
        self.steps_done += 1
        first, last = (round(share * self.settings.steps) for share in HELD)
        length = self.word.vectors.norm()
        if self.steps_done == first:
            self.held_length = length.clone()
        elif self.settings.hold_length and first < self.steps_done <= last and self.held_length is not None:
            self.word.vectors *= self.held_length / length

    def loss(self, generator: torch.Generator) -> dict[str, Tensor]:
        text, count, handle = self.backbone.text, self.settings.batch, self.subject.handle
        words = text.read([f"a photo of a {handle}"]).hidden.repeat(count, 1, 1)
        latents = self.latents.draw(count, generator)
        terms = {"denoising": denoising_loss(self.backbone, latents, words, generator)}
        prompt = self.prompts[torch.randint(len(self.prompts), (1,), generator=generator).item()]
        t = self.backbone.draw_timesteps(count, generator)
        noisy = self.backbone.add_noise(latents, self.backbone.draw(latents.shape, generator), t)
        embedding, attention = self.regularizers(prompt, noisy, t)
        terms["embedding"] = self.settings.embedding_weight * embedding
        terms["attention"] = self.settings.attention_weight * attention
        if self.steps_done % WATCHED_EVERY == 0:
            self.watch(terms)
        return terms

    def regularizers(self, prompt: str, noisy: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """L_emb and L_attn of one prompt with one {}, on noisy latents (n, C, h, w) at timesteps (n,).

        Called with the word attached. The noun's side needs no gradient.
        """
        text, handle, noun_handle = self.backbone.text, self.subject.handle, "<the-noun>"
        starred = text.read([prompt.format(handle)])
        with torch.no_grad(), text.new_words({noun_handle: text.vectors_of(self.subject.noun)}):
            plain = text.read([prompt.format(noun_handle)])
        star_places, plain_places = context_places(
            text.tokenizer.eos_token_id, starred, plain, handle, noun_handle
        )
        by_paper = self.settings.form == "paper"
        embedding = embedding_term(starred.hidden[0, star_places], plain.hidden[0, plain_places], by_paper)
        if not self.settings.attention_weight:
            return embedding, torch.zeros((), device=embedding.device)
        count = len(noisy)
        with recording(self.backbone) as star_maps:
            self.backbone.predict(noisy, t, starred.hidden.repeat(count, 1, 1))
        with torch.no_grad(), recording(self.backbone) as plain_maps:
            self.backbone.predict(noisy, t, plain.hidden.repeat(count, 1, 1))
        attention = attention_term(star_maps, plain_maps, star_places, plain_places, by_paper)
        return embedding, attention

    def watch(self, terms: dict[str, Tensor]) -> None:
        """Remember how hard each term pulls at the word: the length of its gradient."""
        for name, term in terms.items():
            if term.requires_grad:
                (pull,) = torch.autograd.grad(term, [self.word.vectors], retain_graph=True)
                self.watched.setdefault(name, []).append(pull.norm().item())

    def edits(self) -> list[Edit]:
        return [self.word]

    def report(self) -> dict[str, float]:
        """`norm` as in Textual Inversion; `pull of ...`: the mean length of each term's gradient."""
        norm = self.word.vectors.detach().norm().item() / self.backbone.text.usual_norm
        return {"norm": norm} | {
            f"pull of {name}": sum(pulls) / len(pulls) for name, pulls in self.watched.items()
        }


def context_places(
    end_id: int, starred: Words, plain: Words, handle: str, noun_handle: str
) -> tuple[list[int], list[int]]:
    """The places, in the two prompts, of the tokens that both share: from the start to the first end, without
    the word and without the noun. A noun of several tokens shifts what follows it."""
    places = []
    for words, name in ((starred, handle), (plain, noun_handle)):
        tokens = words.tokens[0]
        end = 1 + tokens.ids[1:].index(end_id)
        places.append([place for place in range(end + 1) if place not in tokens.spans.get(name, [])])
    count = min(map(len, places))  # a prompt too long loses its last tokens on one side only
    return places[0][:count], places[1][:count]


def embedding_term(star: Tensor, plain: Tensor, by_paper: bool = True) -> Tensor:
    """L_emb from the encodings (m, D) of the shared tokens. The paper's cosine runs over the features of a
    token; the released code's over the tokens of a feature."""
    return (1 - torch.cosine_similarity(star.float(), plain.float(), dim=1 if by_paper else 0)).mean()


def attention_term(
    star: Recorder, plain: Recorder, star_places: list[int], plain_places: list[int], by_paper: bool = True
) -> Tensor:
    """L_attn from recorded maps (n, heads, h w, L). The paper averages over all layers, then squares; the
    released code squares per layer, sums over the batch and averages over layers."""
    differences = []
    for site, maps in star.maps.items():
        mine = maps.mean((1, 2))[:, star_places]
        theirs = plain.maps[site].mean((1, 2))[:, plain_places]
        differences.append(mine - theirs)
    difference = torch.stack(differences)  # (layers, n, m)
    if by_paper:
        return difference.mean(0).square().mean()
    return difference.square().mean(2).sum(1).mean()
