"""The checks that a wrong NeTI fails (arXiv 2305.15391); those of its words are in tests/edits."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from studio.edits import attach
from studio.edits.space_time_mapper import UNITS, SpaceTimeMapper
from studio.models.backbone import Backbone
from studio.models.words import Words
from studio.subject import Subject
from tests import tiny
from tests.tiny_families import FAMILIES
from tests.trainers.steps import attached_edits, loss_terms
from trainers.kit import templates
from trainers.kit.optimizing import Optimization
from trainers.neti import NeTI, Settings

SUBJECT = Subject("<lily>", "cat")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def prepared(backbone: Backbone, **settings: object) -> NeTI:
    method = NeTI(backbone, SUBJECT, Settings(**settings), torch.Generator().manual_seed(0))
    list(method.prepare(tiny.photos(), Path()))
    return method


def spoken(method: NeTI, *pairs: tuple[int, int], units: int = UNITS) -> Tensor:
    """Return the embeddings of the word at pairs of a timestep and a block."""
    t, blocks = torch.tensor(pairs).T
    with torch.no_grad():
        return method.word.mapper(t, blocks, torch.full((len(pairs),), units))[0]


def test_n1_training_tells_timesteps_and_blocks_apart(backbone: Backbone) -> None:
    method = prepared(backbone, steps=25, accumulate=1)
    list(Optimization(method, [], backbone, torch.Generator().manual_seed(1)).run())
    near, far_in_time, far_in_space = spoken(method, (50, 3), (900, 3), (50, 6))
    cosines = [
        F.cosine_similarity(one, other, dim=0).item()
        for one, other in ((near, far_in_time), (near, far_in_space), (far_in_time, far_in_space))
    ]
    assert max(cosines) < 0.999
    report = method.report()
    assert 0 < report["change with noise"] < 2 and 0 < report["change with block"] < 2


def test_everything_is_learned_but_the_frequencies(backbone: Backbone) -> None:
    method = prepared(backbone, accumulate=3, weight_decay=0.25)
    (stage,) = method.stages()
    ((parameters, rate),) = stage.groups
    learned = {id(tensor) for tensor in parameters}
    names = {name for name, tensor in method.word.mapper.tensors.items() if id(tensor) not in learned}
    assert names == {"frequencies"}
    assert (rate, stage.accumulate, stage.weight_decay) == (8e-3, 3, 0.25)


def test_the_word_has_the_length_of_its_noun(backbone: Backbone) -> None:
    noun = backbone.text.embeddings_of("cat").norm()
    joint, alone = (prepared(backbone, normalisation=each) for each in ("word and bypass", "word"))
    assert spoken(alone, (500, 2)).norm() == pytest.approx(noun.item(), rel=1e-4)
    t, blocks, units = torch.tensor([500]), torch.tensor([2]), torch.tensor([UNITS])
    tensors = joint.word.mapper
    output = tensors._linear("output", tensors.units(t, blocks)) * (torch.arange(UNITS) < units).all()
    word_half = output[:, : backbone.text.width]
    expected = word_half / output.norm() * noun
    torch.testing.assert_close(spoken(joint, (500, 2)), expected.detach())


def test_each_block_reads_the_answer_for_its_photo_and_number(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every pair is asked once a step, block by block, with the units that were drawn for it."""
    method = prepared(backbone, batch=3)
    asked: list[tuple[Tensor, Tensor, Tensor]] = []
    call = SpaceTimeMapper.__call__
    monkeypatch.setattr(
        SpaceTimeMapper, "__call__", lambda self, *given: asked.append(given) or call(self, *given)
    )
    with attach(backbone, attached_edits(method)):
        batch = method.draw(torch.Generator().manual_seed(0))
        method.loss(batch)
    ((t, blocks, units),) = asked
    count = len(backbone.text_blocks)
    torch.testing.assert_close(t, batch.timesteps.float().repeat(count))
    assert blocks.tolist() == [number for number in range(count) for _ in range(3)]
    assert torch.equal(units, batch.units)


def test_n3_and_n6_the_step_predicts_from_the_words_of_every_block(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Words] = []
    predict = backbone.predict
    monkeypatch.setattr(
        backbone, "predict", lambda noisy, t, words: given.append(words) or predict(noisy, t, words)
    )
    loss_terms(prepared(backbone))["denoising"].backward()
    (words,) = given
    assert set(words.by_site) == {*backbone.key_sites, *backbone.value_sites}
    keys = [words.at(block.keys[0]) for block in backbone.text_blocks]
    assert all(not torch.allclose(one, other) for one, other in pairwise(keys))


def test_nested_dropout_is_drawn_for_each_block_and_then_for_each_photo(backbone: Backbone) -> None:
    method, generator = prepared(backbone), torch.Generator().manual_seed(0)
    drawn = torch.stack([method.draw_units(50, generator).view(-1, 50) for _ in range(60)])
    is_dropped = drawn < UNITS
    assert torch.equal(is_dropped.any(2), is_dropped.all(2))  # a block's answers are dropped together
    assert is_dropped[:, :, 0].float().mean().item() == pytest.approx(0.5, abs=0.08)
    counts = drawn[is_dropped]
    assert counts.min() == 0 and counts.max() == UNITS - 1
    assert counts.float().mean().item() == pytest.approx((UNITS - 1) / 2, abs=1.5)
    assert drawn[is_dropped.all(2)].float().std(1).min() > 20  # and each photo at its own unit
    never = prepared(backbone, nested_dropout=0.0)
    assert bool((never.draw_units(9, generator) == UNITS).all())


def test_n5_the_first_units_say_most(backbone: Backbone) -> None:
    """A mapper is fitted to fixed vectors with the method's own dropout, and judged with units cut off."""
    method = prepared(backbone)
    mapper, blocks = method.word.mapper, len(backbone.text_blocks)
    t = torch.arange(50, 1000, 300)
    times, numbers = torch.cartesian_prod(torch.arange(blocks), t).flip(1).T
    target = F.normalize(torch.randn(len(times), 2 * backbone.text.width)) * mapper.form.length
    target = target[:, : backbone.text.width]
    optimizer = torch.optim.AdamW(mapper.parameters(), lr=8e-3)
    generator = torch.Generator().manual_seed(2)

    def error(units: Tensor) -> Tensor:
        return (mapper(times, numbers, units)[0] - target).square().mean()

    for _ in range(250):
        loss = error(method.draw_units(len(t), generator))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        errors = [error(torch.full((len(times),), count)).item() for count in (0, 8, 16, 32, 64, 128)]
        assert all(more < 1.02 * fewer for fewer, more in pairwise(errors)), errors
        assert errors[-1] < 0.5 * errors[0]
        flipped = mapper.tensors["output/weight"].clone()
        mapper.tensors["output/weight"][:, :-32] = 0  # the last 32 units alone
        last = error(torch.full((len(times),), UNITS)).item()
        mapper.tensors["output/weight"].copy_(flipped)
    assert errors[3] < 0.7 * last, (errors, last)


def test_n6_gradients_reach_every_part_of_the_network(backbone: Backbone) -> None:
    method = prepared(backbone, nested_dropout=0.0)
    loss_terms(method)["denoising"].backward()
    for name, tensor in method.word.mapper.tensors.items():
        assert (tensor.grad is None) is (name == "frequencies"), name
        assert name == "frequencies" or tensor.grad.abs().max() > 0, name


def test_a_caption_may_name_the_subject_twice(backbone: Backbone) -> None:
    photos = dataclasses.replace(tiny.photos(1), captions=("{} and {}",))
    method = NeTI(backbone, SUBJECT, Settings(batch=2), torch.Generator().manual_seed(0))
    list(method.prepare(photos, Path()))
    with attach(backbone, attached_edits(method)):
        batch = method.draw(torch.Generator().manual_seed(0))
        assert all(len(tokens.spans["<lily>"]) == 2 for tokens in batch.prompts.tokens)
        assert method.loss(batch)["denoising"].isfinite()


def test_a_style_is_learned_in_sentences_about_a_style(backbone: Backbone) -> None:
    method = prepared(backbone, property="style")
    assert method.photos.neutral == [each.format("<lily>") for each in templates.STYLE]
    assert method.preview_prompt == "a painting in the style of <lily>"


def test_it_works_where_blocks_read_the_prompt_alone() -> None:
    reasons = {name: NeTI.works_on(made()) for name, made in FAMILIES.items()}
    refused = "no layer of it reads the prompt alone"
    assert reasons == {
        "stable_diffusion": "",
        "stable_diffusion_xl": "",
        "flux2_klein": refused,
        "z_image": refused,
    }
