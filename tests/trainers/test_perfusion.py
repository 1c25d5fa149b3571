"""The checks that a wrong Perfusion fails (arXiv 2305.01644): training, lock, gate, masks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio.edits import ActiveEdit, RankOne, attach
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Insight, Result
from studio.generation.generate import generate
from studio.models.attention import noun_masks
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe, Sampling
from studio.subject import Subject
from tests import tiny
from tests.trainers.attention_by_hand import layer_calls
from tests.trainers.steps import attached_edits, loss_terms
from trainers import train
from trainers.kit.captions import plain_captions
from trainers.perfusion import Perfusion, Settings, running_mean
from trainers.regularizers.context import Context

pytestmark = pytest.mark.usefixtures("short_verdict")

SUBJECT = Subject("<lily>", "cat")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone(levels=2)


def prepared(backbone: Backbone, cache: Path, **settings: object) -> Perfusion:
    chosen = Settings(**{"captions": 200, "batch": 2, **settings})
    method = Perfusion(backbone, SUBJECT, chosen, torch.Generator().manual_seed(0))
    list(method.prepare(tiny.photos(), cache))
    return method


def learn(backbone: Backbone, cache: Path, subject: Subject = SUBJECT, **settings: object) -> Concept:
    chosen = {"captions": 200, "batch": 2, **settings}
    *_, last = train(Perfusion, backbone, tiny.photos(), subject, chosen, Sampling(seed=1, steps=1), cache)
    assert isinstance(last, Result)
    return last.value


def test_p4_keys_stay_locked_and_all_values_move(backbone: Backbone, tmp_path: Path) -> None:
    before = tiny.weights(backbone)
    method = prepared(backbone, tmp_path)
    locked = {site: o.clone() for site, o in method.rank_one.targets.items()}
    start = method.word.vectors.detach().clone()
    (word, _), (values, _) = method.stages()[0].groups
    optimizer = torch.optim.AdamW([*word, *values], 0.03)
    for step in range(50):
        loss_terms(method, step)["denoising"].backward()
        optimizer.step()
        optimizer.zero_grad()
    sites = method.rank_one.targets
    assert len(sites) == 14
    for site, o_star in sites.items():
        assert torch.equal(o_star, locked[site]) == site.endswith("to_k"), site
    assert not torch.equal(method.word.vectors, start)
    for name, after in tiny.weights(backbone).items():
        assert np.array_equal(after, before[name]), name


@pytest.mark.parametrize(("sentences", "early"), [("photo", False), ("bare", True)])
def test_the_position_of_the_word_in_its_sentences(
    backbone: Backbone, tmp_path: Path, sentences: str, early: bool
) -> None:
    method = prepared(backbone, tmp_path, sentences=sentences, batch=8)
    with attach(backbone, attached_edits(method)):
        batch = method.draw(torch.Generator().manual_seed(0))
    positions = [prompt.spans["<lily>"][0] for prompt in batch.prompts.tokens]
    assert len(positions) == 8 and (1 in positions) == early
    assert all(position <= 2 for position in positions) == early


@pytest.mark.parametrize(("sentences", "prompt"), [("photo", "a photo of <lily>"), ("bare", "<lily>")])
def test_the_preview_prompt_fits_the_sentences(
    backbone: Backbone, tmp_path: Path, sentences: str, prompt: str
) -> None:
    assert prepared(backbone, tmp_path, sentences=sentences).preview_prompt == prompt


def test_keys_are_locked_to_the_nouns(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path)
    noun = method._noun_encoding()
    for site, o_star in method.rank_one.targets.items():
        torch.testing.assert_close(o_star.detach(), backbone.sites[site].weight @ noun)
    unlocked = prepared(backbone, tmp_path, lock_keys=False)
    assert len(unlocked.learned) == 2 * len(method.learned)


def test_p5_the_target_input_is_a_running_mean_with_the_gradient_straight_through(
    backbone: Backbone, tmp_path: Path
) -> None:
    a, b = torch.randn(12), torch.randn(12)
    i_star = a
    for _ in range(10):
        i_star = running_mean(i_star, b)
    torch.testing.assert_close(i_star, 0.99**10 * a + (1 - 0.99**10) * b)
    method = prepared(backbone, tmp_path)
    predict = backbone.predict
    backbone.predict = lambda noisy, t, words: predict(
        noisy, t, dataclasses.replace(words, hidden=words.hidden.detach())
    )
    try:
        loss_terms(method)["denoising"].backward()
    finally:
        del backbone.predict
    assert method.word.vectors.grad.abs().max() > 0
    assert not method.rank_one.i_star.requires_grad and not method.rank_one.dual.requires_grad


def test_shares_of_the_target_input_are_in_the_metric_of_c_while_it_learns(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = prepared(backbone, tmp_path)
    own, seen, start = method.rank_one, [], method.rank_one.i_star.clone()
    predict = backbone.predict
    monkeypatch.setattr(
        backbone, "predict", lambda *a: seen.append((own.i_star.detach(), own.dual.detach())) or predict(*a)
    )
    loss_terms(method)
    assert len(seen) == 1 and torch.equal(own.i_star, start)  # a loss alone moves nothing
    (stage,) = method.stages()
    stage.after_step()
    torch.testing.assert_close(own.i_star, seen[0][0])
    assert not torch.equal(own.i_star, start)
    factor = method.metric._factor
    for i_star, dual in (*seen, (own.i_star, own.dual)):
        # C dual = i*; a solution of its own would show rounding
        torch.testing.assert_close(factor @ factor.T @ dual.double(), i_star.double(), rtol=1e-4, atol=1e-4)


def test_measuring_what_was_learned_does_not_move_the_target_input(
    backbone: Backbone, tmp_path: Path
) -> None:
    method = prepared(backbone, tmp_path)
    before = [tensor.clone() for tensor in method.state().values()]
    settings = Context.own({**Perfusion.card().parse({}), "context_embedding_weight": 0.5})
    assert "gradient of denoising" in Context(method, settings).report()
    assert all(torch.equal(*pair) for pair in zip(before, method.state().values(), strict=True))


def test_p6_the_leak_is_reported_and_charted_word_by_word(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path)
    report, own = method.report(), method.rank_one
    with torch.no_grad():
        others = backbone.text.read(plain_captions(64, seed=1))
    end = backbone.text.tokenizer.eos_token_id
    shares = []
    for row, prompt in enumerate(others.tokens):
        for position, token in enumerate(prompt.ids[1:], start=1):
            if token == end:
                break
            shares.append(abs((others.hidden[row, position] @ own.dual / (own.i_star @ own.dual)).item()))
    assert report["leak"] == pytest.approx(np.mean(shares), rel=1e-4) and report["leak"] > 0.01
    assert 0 < report["gate"] < 1
    (insight,) = method.insights()
    assert insight.picture.height > insight.picture.width / 2


def test_p6_a_prompt_without_the_concept_is_bit_identical(backbone: Backbone, tmp_path: Path) -> None:
    concept = learn(backbone, tmp_path, steps=2)
    recipe = Recipe("a photo of cat", steps=2)
    (plain, loaded) = (list(generate(backbone, recipe, concepts))[-1] for concepts in ([], [concept]))
    assert np.array_equal(np.asarray(plain.value.image), np.asarray(loaded.value.image))


def test_concepts_of_different_metrics_are_not_mixed(backbone: Backbone, tmp_path: Path) -> None:
    lily = learn(backbone, tmp_path, steps=1)
    tom = learn(backbone, tmp_path, Subject("<tom>", "dog"), steps=1, captions=300)
    with pytest.raises(StudioError, match="text moments"):
        list(generate(backbone, Recipe("<lily> and <tom>", steps=1), [lily, tom]))


def test_masks_are_soft_have_maximum_one_and_weigh_the_loss(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path)
    masks = method.latents.masks
    assert masks.shape == (6, 1, 8, 8) and masks.min() >= 0
    torch.testing.assert_close(masks.amax((1, 2, 3)), torch.ones(6))
    assert torch.equal(masks, noun_masks(backbone, method.latents.mean, "cat"))
    generator = torch.Generator().manual_seed(0)
    drawn = method.latents.draw_photos(4, generator)
    again = method.latents.draw(4, torch.Generator().manual_seed(0))
    assert torch.equal(drawn.latents, again) and drawn.masks.shape == (4, 1, 8, 8)
    method.latents.masks = torch.zeros_like(masks)
    assert loss_terms(method)["denoising"].item() == 0


def test_recorded_maps_are_the_layers_own_attention(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path, lock_keys=False)
    for site, o_star in method.rank_one.targets.items():
        if site.endswith("to_k"):
            o_star.data *= 3  # an edit of the keys moves the attention
    noisy, t = torch.randn(2, *backbone.latent_shape), torch.tensor([100, 700])
    with torch.no_grad(), attach(backbone, attached_edits(method)):
        words = backbone.text.read(["a photo of a <lily>", "a dog"])
        plain = backbone.predict(noisy, t, words)
        with backbone.attention.record() as recorded, layer_calls(backbone) as calls:
            recorded_prediction = backbone.predict(noisy, t, words)
        assert torch.equal(plain, recorded_prediction) and len(recorded.maps) == 7
        assert recorded.maps.keys() == calls.keys()
        for site, call in calls.items():
            probabilities = call.probabilities()
            torch.testing.assert_close(recorded.maps[site], probabilities, rtol=1e-4, atol=1e-6)
            # and these are the ones that the layer itself used
            values = call.layer.to_v(call.hidden).unflatten(-1, (call.layer.heads, -1)).transpose(1, 2)
            output = call.layer.to_out[0]((probabilities @ values).transpose(1, 2).flatten(2))
            torch.testing.assert_close(call.output, output, rtol=1e-4, atol=1e-5)
    means = [maps[..., [3, 4]].mean((1, 3)) for maps in recorded.maps.values() if maps.shape[2] == 64]
    torch.testing.assert_close(recorded.word([3, 4], 8).flatten(1), sum(means) / len(means))


def test_the_gate_is_moved_while_painting_and_the_concept_stays_as_it_is(
    backbone: Backbone, tmp_path: Path
) -> None:
    concept = learn(backbone, tmp_path, steps=6, value_rate=0.5)
    assert (
        set(concept.header.knobs) == {"bias", "temperature", "global_lock"}
        and concept.header.knobs["bias"].default == 0.6
    )

    def painted(**knobs: float) -> np.ndarray:
        recipe = Recipe("a photo of <lily>", steps=2, knobs={"<lily>": knobs} if knobs else {})
        *_, last = generate(backbone, recipe, [concept])
        return np.asarray(last.value.image)

    plain = painted()
    assert not np.array_equal(painted(bias=0.1), plain)
    assert not np.array_equal(painted(temperature=0.5), plain)
    assert not np.array_equal(painted(global_lock=1.0), plain)
    assert np.array_equal(painted(bias=0.6, temperature=0.15), plain)
    assert np.array_equal(painted(), plain)
    concept.save(tmp_path / "lily.safetensors")
    assert Concept.open(tmp_path / "lily.safetensors").header.knobs == concept.header.knobs
    for knobs in ({"bias": 3.0}, {"magic": 0.1}):
        with pytest.raises(StudioError, match="cannot have"):
            painted(**knobs)


def test_a_global_lock_gives_the_keys_of_the_prompt_with_the_noun(backbone: Backbone, tmp_path: Path) -> None:
    concept = learn(backbone, tmp_path, steps=6, value_rate=0.5)
    rank_one = next(made for made in concept.edits if isinstance(made, RankOne))
    site = next(site for site in rank_one.targets if site.endswith("to_k"))
    layer, prompts = backbone.sites[site], ["", "a photo of <Lily> on blue"]
    for lock in (1.0, 0.5, 0.0):
        turned = rank_one.with_knobs({"global_lock": lock})
        actives = [ActiveEdit(each) for each in (concept.edits[0], turned)]
        with torch.no_grad(), attach(backbone, actives):
            hidden = backbone.text.read(prompts).hidden
            turned.on_prompts(backbone, [prompts])
            output = layer(hidden)
            turned.with_noun = None
            local = layer(hidden.clone())
        with torch.no_grad():
            noun = layer(backbone.text.read(["", "a photo of cat on blue"]).hidden)
        torch.testing.assert_close(output, lock * noun + (1 - lock) * local, atol=1e-5, rtol=1e-4)


def test_a_noun_of_several_tokens_starts_at_the_mean_of_its_encodings(
    backbone: Backbone, tmp_path: Path
) -> None:
    subject = Subject("<ted>", "teddy bear")
    method = Perfusion(backbone, subject, Settings(captions=200, sentences="bare"), torch.Generator())
    list(method.prepare(tiny.photos(), tmp_path))
    count = len(backbone.text.embeddings_of("teddy bear"))
    assert count > 1
    with torch.no_grad():
        encodings = [
            backbone.text.read([f"{before}teddy bear"]).hidden[0, start : start + count].mean(0)
            for before, start in (("", 1), ("a ", 2), ("the ", 2))
        ]
    torch.testing.assert_close(method.rank_one.i_star, sum(encodings) / 3)
    concept = learn(backbone, tmp_path, subject, steps=2)
    assert all(tensor.isfinite().all() for made in concept.edits for tensor in made.tensors().values())


def test_a_mask_of_the_user_replaces_that_of_the_base(backbone: Backbone, tmp_path: Path) -> None:
    photos = tiny.photos()
    stencil = Image.new("L", photos.squares[0].size)
    stencil.paste(255, (0, 0, stencil.width // 2, stencil.height))
    masks = (None, stencil, *[None] * (len(photos) - 2))
    photos = dataclasses.replace(photos, masks={"<lily>": masks})
    method = Perfusion(backbone, SUBJECT, Settings(captions=200), torch.Generator())
    *_, insight = method.prepare(photos, tmp_path)
    assert isinstance(insight, Insight) and "bright" in insight.caption
    left = torch.zeros(8, 8)
    left[:, :4] = 1
    assert torch.equal(method.latents.masks[1, 0], left)
    assert torch.equal(method.latents.masks[1 + len(photos), 0], left.flip(1))
    found = noun_masks(backbone, method.latents.mean, "cat")
    assert torch.equal(method.latents.masks[0], found[0])
