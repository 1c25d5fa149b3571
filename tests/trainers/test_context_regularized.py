"""The checks that a wrong CoRe fails (arXiv 2408.15914)."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPTokenizer

from studio.edits import ActiveEdit, NewWord, attach
from studio.edits.concept import Concept
from studio.events import Step
from studio.generation.context_loss import attention_term, embedding_term, shared_positions
from studio.models.attention import AttentionMaps
from studio.models.backbone import Backbone
from studio.recipes.recipe import Sampling
from studio.starter import STARTER
from studio.subject import Subject
from tests import tiny
from trainers import train
from trainers.context_regularized import ContextRegularized, Settings
from trainers.kit.context_prompts import BY_NOUN, PROMPTS, context_prompts, is_living
from trainers.regularizers.context import Context
from trainers.regularizers.context import Settings as ContextSettings

pytestmark = pytest.mark.usefixtures("short_verdict")

SUBJECT = Subject("<lily>", "cat")
PROMPT = "a {} on the dog"
SAMPLING = Sampling(seed=1, steps=1)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone(levels=2)


def prepared(backbone: Backbone, subject: Subject = SUBJECT, **settings: object) -> ContextRegularized:
    chosen = Settings(**{"batch": 2, **settings})
    method = ContextRegularized(backbone, subject, chosen, torch.Generator().manual_seed(0))
    list(method.prepare(tiny.photos(), Path()))
    return method


def context(method: ContextRegularized, **settings: object) -> Context:
    """The regularizer with the paper's weights."""
    return Context(method, ContextSettings(**{**ContextRegularized.regularizer_defaults, **settings}))


def terms(
    method: ContextRegularized, prompt: str = PROMPT, **settings: object
) -> tuple[torch.Tensor, torch.Tensor]:
    noisy = torch.randn(2, *method.backbone.latent_shape, generator=torch.Generator().manual_seed(1))
    prompt = prompt.format(method.subject.handle)
    with attach(method.backbone, [ActiveEdit(method.word)]):
        return context(method, **settings).unweighted(prompt, noisy, torch.tensor([100, 800]))


def test_c1_both_terms_are_zero_at_the_start(backbone: Backbone) -> None:
    embedding, attention = terms(prepared(backbone))
    assert embedding.abs() < 1e-6 and attention.abs() < 1e-12


def test_both_terms_and_their_gradients_are_positive_once_the_word_moved(backbone: Backbone) -> None:
    method = prepared(backbone)
    method.word.vectors.data += torch.randn_like(method.word.vectors)
    embedding, attention = terms(method)
    assert embedding > 1e-5 and attention > 0
    for term in (embedding, attention):
        (pull,) = torch.autograd.grad(term, [method.word.vectors], retain_graph=True)
        assert pull.abs().max() > 0


def test_c2_the_words_own_position_takes_no_part(backbone: Backbone) -> None:
    text = backbone.text
    with text.new_words({"<lily>": text.embeddings_of("dog"), "<the-noun>": text.embeddings_of("cat")}):
        starred, plain = text.read([PROMPT.format("<lily>")]), text.read([PROMPT.format("<the-noun>")])
    positions, others = shared_positions(starred.tokens[0], plain.tokens[0])
    assert positions == others == [0, 1, 3, 4, 5, 6]
    hidden = starred.hidden[0].clone()
    before = embedding_term(hidden[positions], plain.hidden[0, others])
    hidden[2] += 5
    assert torch.equal(embedding_term(hidden[positions], plain.hidden[0, others]), before)
    hidden[4, :8] += 5
    assert not torch.equal(embedding_term(hidden[positions], plain.hidden[0, others]), before)


def test_c3_the_cosine_runs_over_features_in_the_paper_and_over_tokens_in_the_code() -> None:
    star = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    plain = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert embedding_term(star, plain).item() == pytest.approx((1 + 1 + 0) / 3)
    assert embedding_term(star, plain, by_paper=False).item() == pytest.approx((0.5 + 0.5) / 2)


def test_c4_tokens_before_the_word_agree_exactly(backbone: Backbone) -> None:
    text = backbone.text
    with text.new_words({"<lily>": torch.randn(1, tiny.WIDTH), "<the-noun>": text.embeddings_of("cat")}):
        starred, plain = text.read([PROMPT.format("<lily>")]), text.read([PROMPT.format("<the-noun>")])
    assert torch.equal(starred.hidden[0, :2], plain.hidden[0, :2])
    assert not torch.allclose(starred.hidden[0, 3], plain.hidden[0, 3])


def test_c5_a_noun_of_several_tokens_is_lined_up(backbone: Backbone) -> None:
    method = prepared(backbone, Subject("<ted>", "teddy bear"))
    text = backbone.text
    count = len(text.embeddings_of("teddy bear"))
    with text.new_words(
        {"<ted>": method.word.vectors.detach(), "<the-noun>": text.embeddings_of("teddy bear")}
    ):
        starred, plain = text.read([PROMPT.format("<ted>")]), text.read([PROMPT.format("<the-noun>")])
    positions, others = shared_positions(starred.tokens[0], plain.tokens[0])
    assert [starred.tokens[0].ids[position] for position in positions] == [
        plain.tokens[0].ids[position] for position in others
    ]
    assert others[2] == positions[2] + count - 1
    assert all(term.isfinite() for term in terms(method))


def test_c6_the_length_is_held_only_in_the_middle_fifth(backbone: Backbone) -> None:
    method = prepared(backbone, steps=300)
    generator = torch.Generator().manual_seed(0)
    lengths = []
    for _ in range(300):
        method.word.vectors.data *= 1 + 0.01 * torch.rand(1, generator=generator)
        method.hold_length()
        lengths.append(method.word.vectors.norm().item())
    held = lengths[119:180]
    assert max(held) - min(held) < 1e-5 * held[0]
    assert all(after > before for before, after in itertools.pairwise(lengths[:120]))
    assert all(after > before for before, after in itertools.pairwise(lengths[179:]))
    free = prepared(backbone, steps=10, hold_length=False)
    for _ in range(10):
        free.word.vectors.data *= 1.1
        free.hold_length()
    start = prepared(backbone).word.vectors.norm().item()
    assert free.word.vectors.norm().item() == pytest.approx(1.1**10 * start, rel=1e-4)


def test_c7_the_context_turns_back_towards_the_noun(backbone: Backbone) -> None:
    before = tiny.weights(backbone)
    method = prepared(backbone)
    method.word.vectors.data += 2 * torch.randn(1, tiny.WIDTH, generator=torch.Generator().manual_seed(4))
    prompts = ["a {} on the blue background", "photo of a {} and a dog", "the {} on a dog"]
    optimizer = torch.optim.AdamW([method.word.vectors], 0.02)

    def agreement() -> float:
        with torch.no_grad():
            return np.mean([terms(method, prompt)[0].item() for prompt in prompts])

    start = agreement()
    for step in range(60):
        embedding, attention = terms(method, prompts[step % 3])
        (embedding + 100 * attention).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert agreement() < 0.5 * start
    for name, after in tiny.weights(backbone).items():
        assert np.array_equal(after, before[name]), name


def test_the_attention_term_averages_layers_before_squaring() -> None:
    star, plain = AttentionMaps(), AttentionMaps()
    star.maps = {"a": torch.full((2, 1, 4, 3), 0.5), "b": torch.full((2, 1, 1, 3), 0.1)}
    plain.maps = {"a": torch.full((2, 1, 4, 3), 0.3), "b": torch.full((2, 1, 1, 3), 0.3)}
    assert attention_term(star, plain, [0, 1], [0, 1]).item() == pytest.approx(0.0, abs=1e-12)
    by_code = attention_term(star, plain, [0, 1], [0, 1], by_paper=False)
    assert by_code.item() == pytest.approx(2 * 0.2**2, rel=1e-5)


def test_the_gradients_of_the_terms_are_reported(backbone: Backbone, tmp_path: Path) -> None:
    """With the paper's weights those of the context are rounded to 0 here, so larger ones are taken."""
    weights = {"context_embedding_weight": 100.0, "context_attention_weight": 1e4}
    settings = {"steps": 4, "batch": 1, "learning_rate": 0.05, **weights}
    *_, last = train(ContextRegularized, backbone, tiny.photos(), SUBJECT, settings, SAMPLING, tmp_path)
    report = last.value.header.report
    assert set(report) == {"norm", "gradient of denoising", "gradient of embedding", "gradient of attention"}
    assert all(report[f"gradient of {name}"] > 0 for name in ("denoising", "embedding", "attention"))


def test_the_terms_are_weighted(backbone: Backbone) -> None:
    method = prepared(backbone)
    method.word.vectors.data += torch.randn_like(method.word.vectors)
    regularizer = context(method, context_embedding_weight=3.0, context_attention_weight=7.0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad(), attach(backbone, [ActiveEdit(method.word)]):
        batch = method.draw(generator)
        drawn = regularizer.draw(batch, generator)
        noisy = backbone.add_noise(batch.latents, drawn.noise, drawn.timesteps)
        embedding, attention = regularizer.unweighted(drawn.prompt, noisy, drawn.timesteps)
        terms = regularizer.terms(batch, drawn)
    assert embedding > 0 and attention > 0
    assert (terms["embedding"], terms["attention"]) == (3 * embedding, 7 * attention)


def test_the_form_is_that_of_the_paper_or_of_the_released_code(backbone: Backbone) -> None:
    method = prepared(backbone)
    method.word.vectors.data += torch.randn_like(method.word.vectors)
    for paper, code in zip(terms(method, context_form="paper"), terms(method), strict=True):
        assert abs(paper - code) > 0.01 * paper


def test_the_unweighted_attention_term_costs_no_pass(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = prepared(backbone)
    regularizer, generator = context(method, context_attention_weight=0.0), torch.Generator().manual_seed(0)
    calls = []
    predict = backbone.predict
    monkeypatch.setattr(backbone, "predict", lambda *arguments: calls.append(1) or predict(*arguments))
    with attach(backbone, [ActiveEdit(method.word)]):
        batch = method.draw(generator)
        method.loss(batch)
        regularizer.terms(batch, regularizer.draw(batch, generator))
    assert len(calls) == 1


@pytest.mark.parametrize("kind", ["animate", "inanimate"])
def test_the_prompts_fit_and_have_one_position_each(kind: str, backbone: Backbone) -> None:
    lines = (PROMPTS / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
    assert 95 <= len(lines) <= 110 and len(set(lines)) == len(lines)
    assert all(line.count("{}") == 1 and line == line.strip() for line in lines)
    tokenizer = CLIPTokenizer.from_pretrained(STARTER / "tokenizer")
    for line in lines:
        # a handle may stand for several vectors
        assert len(tokenizer(line.format("cat")).input_ids) + 15 <= tokenizer.model_max_length, line


@pytest.mark.parametrize("kind", ["animate", "inanimate"])
def test_every_prompt_of_the_chosen_kind_is_drawn(kind: str, backbone: Backbone) -> None:
    method = prepared(backbone)
    regularizer, generator = context(method, context_prompts=kind), torch.Generator().manual_seed(0)
    with attach(backbone, [ActiveEdit(method.word)]):
        batch = method.draw(generator)
        drawn = {regularizer.draw(batch, generator).prompt for _ in range(2000)}
    lines = (PROMPTS / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
    assert drawn == {line.format("<lily>") for line in lines}


@pytest.mark.parametrize(
    ("noun", "lives"),
    [
        *(("cat", True), ("Siamese cats", True), ("wolf", True), ("butterflies", True), ("bus", False)),
        *(("teddy bear", False), ("toy dog", False), ("backpack", False), ("guard dog", True), ("", False)),
    ],
)
def test_the_noun_says_which_prompts_it_is_tried_in(noun: str, lives: bool) -> None:
    assert is_living(noun) == lives
    chosen = context_prompts("animate" if lives else "inanimate", "", None)
    assert context_prompts(BY_NOUN, noun, None) == chosen


def test_a_base_may_bring_prompts_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "animate.txt").write_text("a {} at home\n")
    assert context_prompts("animate", "", tmp_path) == ["a {} at home"]
    assert context_prompts("inanimate", "", tmp_path) == context_prompts("inanimate", "", None)


@pytest.mark.parametrize("kind", ["animate", "inanimate"])
def test_the_starter_is_asked_for_what_it_was_taught(kind: str) -> None:
    known = set(json.loads((STARTER / "likeness.json").read_text())["words"].split())
    lines = context_prompts(kind, "", STARTER)
    assert len(set(lines)) == len(lines) >= 80 and lines != context_prompts(kind, "", None)
    assert all(line.count("{}") == 1 for line in lines)
    assert {word for line in lines for word in re.findall("[a-z]+", line)} <= known


def test_the_word_is_what_is_kept(backbone: Backbone) -> None:
    (edit,) = prepared(backbone).edits()
    assert isinstance(edit, NewWord) and edit.vectors.shape == (1, tiny.WIDTH)


def test_the_second_stage_tunes_the_model_with_the_word_fixed(backbone: Backbone, tmp_path: Path) -> None:
    def learned(**settings: object) -> tuple[list[Step], Concept]:
        chosen = {"steps": 4, "batch": 1, "tuning_rate": 1e-2, **settings}
        *events, last = train(
            ContextRegularized, backbone, tiny.photos(), SUBJECT, chosen, SAMPLING, tmp_path
        )
        return [event for event in events if isinstance(event, Step)], last.value

    before = tiny.weights(backbone)
    (word_alone,) = learned()[1].edits
    steps, concept = learned(tuning_steps=3)
    word, low_rank = concept.edits
    assert torch.equal(word.vectors, word_alone.vectors)
    assert all(B.abs().max() > 0 for B in low_rank.B.values())
    assert set(low_rank.B) == {site for site in low_rank.B if site.startswith("unet.")}
    tuning = [set(step.values) for step in steps if step.stage == "tuning the model"]
    assert tuning == [{"denoising", "loss"}] * 3
    assert all(np.array_equal(after, before[name]) for name, after in tiny.weights(backbone).items())
