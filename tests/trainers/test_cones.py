"""The checks that a wrong ConES fails (arXiv 2305.18993)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from studio.edits import ActiveEdit, attach
from studio.edits.concept import Concept
from studio.edits.kinds.encoded_tokens import EncodedWord, noun_vectors
from studio.models.backbone import Backbone
from studio.models.text_reader import TextReader
from studio.models.words import Words
from studio.subject import Subject
from tests import tiny
from tests.by_hand import header
from tests.tiny_families import FAMILIES
from tests.trainers.battery import picture, step_loss
from tests.trainers.steps import attached_edits, loss_terms
from trainers import METHODS
from trainers.cones import ConES, Settings
from trainers.kit import templates
from trainers.kit.losses import denoising_loss
from trainers.kit.optimizing import Optimization

SUBJECT = Subject("<lily>", "cat")
PROMPT = "a photo of <lily> on blue background"


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def any_backbone(request: pytest.FixtureRequest) -> Backbone:
    return FAMILIES[request.param]()


def prepared(backbone: Backbone, noun: str = "cat", **settings: object) -> ConES:
    chosen = Settings(**{"batch": 2, **settings})
    method = ConES(backbone, Subject("<lily>", noun), chosen, torch.Generator().manual_seed(0))
    list(method.prepare(tiny.photos(), Path()))
    return method


def learned(backbone: Backbone, **settings: object) -> ConES:
    method = prepared(backbone, **{"steps": 3, "learning_rate": 0.3, **settings})
    list(Optimization(method, [], backbone, torch.Generator().manual_seed(1)).run())
    return method


def read(backbone: Backbone, edit: EncodedWord, prompt: str = PROMPT, strength: float = 1.0) -> Words:
    with torch.no_grad(), attach(backbone, [ActiveEdit(edit, strength)]):
        return backbone.text.read([prompt])


def read_noun(backbone: Backbone, prompt: str, noun: str, count: int = 1) -> Words:
    with torch.no_grad(), backbone.text.new_words({"<lily>": noun_vectors(backbone.text, noun, count)}):
        return backbone.text.read([prompt])


def test_e1_no_step_runs_the_text_encoder(any_backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    method = prepared(any_backbone, steps=3)
    passes: list[int] = []
    hooks = [
        encoder.register_forward_hook(lambda *_: passes.append(1)) for encoder in any_backbone.text.encoders
    ]
    list(Optimization(method, [], any_backbone, torch.Generator().manual_seed(1)).run())
    for hook in hooks:
        hook.remove()
    assert not passes
    for encoder in any_backbone.text.encoders:
        assert all(parameter.grad is None for parameter in encoder.parameters())
    assert method.word.rows.grad is None and method.word.rows.requires_grad  # the optimizer has cleared it
    assert not ConES.reads_prompts


def test_e1_the_encoder_may_wait_off_the_device_while_it_learns(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = prepared(backbone, steps=2)
    held: list[int] = []
    on_device = TextReader.on_device
    monkeypatch.setattr(TextReader, "on_device", lambda self: held.append(1) or on_device(self))
    list(Optimization(method, [], backbone, torch.Generator().manual_seed(1)).run())
    assert not held


def test_e5_a_step_costs_less_than_one_of_textual_inversion(any_backbone: Backbone) -> None:
    """Counted, since two processes at once would make times of it a matter of luck."""
    costs = []
    for method_id in ("cones", "textual_inversion"):
        method = METHODS[method_id](
            any_backbone, SUBJECT, METHODS[method_id].settings_class(batch=2), torch.Generator()
        )
        list(method.prepare(tiny.photos(), Path()))
        with FlopCounterMode(display=False) as counter:
            step_loss(method, torch.Generator().manual_seed(0)).backward()
        costs.append(counter.get_total_flops())
    assert 0 < costs[0] < costs[1]


def test_e2_the_rows_are_what_the_denoiser_reads_whatever_the_encoder_says(any_backbone: Backbone) -> None:
    made = FAMILIES[any_backbone.family]()
    method = learned(made, rows=2)
    assert method.word.rows.shape == (2, made.text.encoded_width)
    words = read(made, method.word)
    with torch.no_grad():
        for encoder in made.text.encoders:
            for weight in encoder.parameters():
                weight.normal_()
    noise = read(made, method.word)
    places = words.tokens[0].spans["<lily>"]
    assert torch.equal(words.hidden[0, places], method.word.rows.detach())
    assert torch.equal(noise.hidden[0, places], words.hidden[0, places])
    assert not torch.allclose(noise.hidden[0, 0], words.hidden[0, 0])


@pytest.mark.parametrize(("noun", "rows", "count"), [("cat", 1, 1), ("blue cat", 1, 2), ("cat", 3, 3)])
def test_e3_all_other_rows_are_those_of_the_prompt_with_its_noun(
    any_backbone: Backbone, noun: str, rows: int, count: int
) -> None:
    if any_backbone.family != "stable_diffusion" and rows > 1:
        pytest.skip("the same everywhere")
    method = learned(any_backbone, noun=noun, rows=rows)
    words = read(any_backbone, method.word)
    places = words.tokens[0].spans["<lily>"]
    assert len(places) == count == len(method.word.rows)
    spoken = " ".join([*noun.split(), *[noun.split()[-1]] * (rows - 1)])
    plain = any_backbone.text.read([PROMPT.replace("<lily>", spoken)])
    others = [number for number in range(words.hidden.shape[1]) if number not in places]
    assert torch.equal(words.hidden[0, others], plain.hidden[0, others])
    assert not torch.allclose(words.hidden[0, places], plain.hidden[0, places])
    if words.pooled is not None:
        assert torch.equal(words.pooled, plain.pooled)


def test_e4_before_the_first_step_it_paints_what_the_base_paints(any_backbone: Backbone) -> None:
    method = prepared(any_backbone)
    start = Concept(header(any_backbone, {"<lily>": "cat"}), tuple(method.edits()))
    assert method.preview_prompt == "a photo of <lily>"
    painted = picture(any_backbone, "a photo of <lily>", [start])
    assert np.array_equal(painted, picture(any_backbone, "a photo of cat", []))
    with torch.no_grad():
        method.word.rows *= 1.5
    assert not np.array_equal(picture(any_backbone, "a photo of <lily>", [start]), painted)


@pytest.mark.parametrize("hold_length", [True, False])
def test_e6_rows_stay_as_long_as_those_of_words_and_the_start_token_is_left_alone(
    backbone: Backbone, hold_length: bool
) -> None:
    method = learned(backbone, hold_length=hold_length, learning_rate=0.9, steps=6, rows=2)
    lengths = method.word.rows.detach().norm(dim=1)
    with torch.no_grad():
        encoded = [backbone.text.read([each.format("cat cat")]) for each in templates.OBJECT]
    band = torch.cat([words.hidden[0, list(words.tokens[0].written)].norm(dim=1) for words in encoded])
    assert (method.shortest, method.longest) == pytest.approx((band.min().item(), band.max().item()))
    inside = (lengths >= band.min() - 1e-4) & (lengths <= band.max() + 1e-4)
    assert bool(inside.all()) is hold_length
    start = backbone.text.read(["a cat"]).hidden[0, 0]
    assert torch.equal(read(backbone, method.word).hidden[0, 0], start)


def test_the_loss_is_that_of_a_loop_over_photos_and_rows(backbone: Backbone) -> None:
    method = prepared(backbone, rows=2, flips=False)
    with torch.no_grad():
        method.word.rows += torch.randn_like(method.word.rows)
    with attach(backbone, attached_edits(method)):
        batch = method.draw(torch.Generator().manual_seed(4))
        found = method.loss(batch)["denoising"]
    losses = []
    for number, sentence in enumerate(batch.sentences):
        hidden = read_noun(backbone, sentence, "cat", 2)
        for index, position in enumerate(hidden.tokens[0].spans["<lily>"]):
            hidden.hidden[0, position] = method.word.rows[index].detach()
        one = slice(number, number + 1)
        alone = dataclasses.replace(
            batch, latents=batch.latents[one], noise=batch.noise[one], timesteps=batch.timesteps[one]
        )
        losses.append(denoising_loss(backbone, alone, hidden))
    torch.testing.assert_close(found.detach(), torch.stack(losses).mean())


def test_steps_are_in_units_of_the_encoded_noun(any_backbone: Backbone) -> None:
    method = prepared(any_backbone, learning_rate=0.01)
    noun = read_noun(any_backbone, "a photo of <lily>", "cat")
    row = noun.hidden[0, noun.tokens[0].spans["<lily>"][0]]
    torch.testing.assert_close(method.word.rows.detach()[0], row)
    ((parameters, rate),) = method.stages()[0].groups
    assert parameters == [method.word.rows] and method.stages()[0].weight_decay == 0
    assert rate == pytest.approx(0.01 * row.square().mean().sqrt().item(), rel=1e-4)


def test_a_photo_is_learned_in_its_own_caption_which_is_encoded_ahead(backbone: Backbone) -> None:
    photos = dataclasses.replace(tiny.photos(1), captions=("a cat on blue",))
    method = ConES(backbone, SUBJECT, Settings(batch=2), torch.Generator().manual_seed(0))
    list(method.prepare(photos, Path()))
    with attach(backbone, attached_edits(method)):
        batch = method.draw(torch.Generator().manual_seed(0))
        assert batch.sentences == ("a <lily> on blue",) * 2 and method.loss(batch)["denoising"] > 0
    expected = read_noun(backbone, "a <lily> on blue", "cat")
    assert torch.equal(method.encoded["a <lily> on blue"].hidden, expected.hidden)


def test_a_style_is_learned_in_sentences_about_a_style(backbone: Backbone) -> None:
    method = prepared(backbone, property="style")
    assert set(method.encoded) == {each.format("<lily>") for each in templates.STYLE}
    assert method.preview_prompt == "a painting in the style of <lily>"


def test_gradients_reach_the_rows_and_nothing_else(backbone: Backbone) -> None:
    method = prepared(backbone)
    loss_terms(method)["denoising"].backward()
    gradient = method.word.rows.grad
    assert isinstance(gradient, Tensor) and gradient.abs().max() > 0
    parts: list[nn.Module] = [backbone.denoiser, *backbone.text.encoders]
    assert all(parameter.grad is None for part in parts for parameter in part.parameters())
