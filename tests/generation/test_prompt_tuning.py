"""The checks that a wrong test-time optimisation fails (CoRe, arXiv 2408.15914)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import studio.__main__ as console
from studio.edits import ActiveEdit, NewWord, RankOne, attach
from studio.edits.concept import Concept
from studio.edits.kinds.rank_one import decompose
from studio.errors import StudioError
from studio.events import Result, Step
from studio.generation.context_loss import context_loss, context_places
from studio.generation.generate import Picture, generate
from studio.generation.prompt_tuning import rate, tune_words
from studio.library.header import Header
from studio.models import opening
from studio.models.backbone import Backbone
from studio.recipes.png import read_recipe
from studio.recipes.recipe import TUNING_STEPS, Recipe
from studio.subject import Subject
from tests import tiny
from trainers import METHODS, train

LOOK = Recipe("a <lily> on blue", seed=7, steps=2, guidance=2.0)
QUICK = {
    "textual_inversion": {"steps": 2, "batch": 1, "vectors": 2},
    "context_regularized": {"steps": 2, "batch": 1},
    "perfusion": {"steps": 2, "batch": 1, "captions": 200},
    "dreambooth": {"steps": 2, "batch": 1, "class_pictures": 1, "class_steps": 1},
}


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def header(backbone: Backbone, handle: str, noun: str) -> Header:
    named = {"method": "by_hand", "method_title": "By hand", "paper": "none", "settings": {}, "seed": 0}
    made = {"photos": 1, "steps": 1, "final_loss": 0.0, "created": "now", "program": "test"}
    return Header({handle: noun}, **named, base=backbone.name, fingerprint=backbone.fingerprint, **made)


def concept(backbone: Backbone, handle: str = "<lily>", noun: str = "cat", seed: int = 0) -> Concept:
    """A word that lies far from its noun, so that it disturbs."""
    start = backbone.text.initial_vectors(noun, 1)
    away = torch.randn(start.shape, generator=torch.Generator().manual_seed(seed))
    word = NewWord(handle, noun, start + 2 * start.norm() * away / away.norm())
    return Concept(header(backbone, handle, noun), (word,))


def learn(method_id: str, backbone: Backbone, cache: Path) -> Concept:
    subject, look = Subject("<lily>", "cat"), Recipe("", seed=1, steps=1)
    *_, last = train(METHODS[method_id], backbone, tiny.photos(), subject, QUICK[method_id], look, cache)
    return last.value


def pictures(backbone: Backbone, recipe: Recipe, *concepts: Concept) -> list[Picture]:
    events = generate(backbone, recipe, concepts)
    return [event.value for event in events if isinstance(event, Result)]


def pixels(backbone: Backbone, recipe: Recipe, *concepts: Concept) -> list[np.ndarray]:
    return [np.asarray(picture.image) for picture in pictures(backbone, recipe, *concepts)]


def moved(
    backbone: Backbone, prompt: str, concepts: Sequence[Concept], steps: int = TUNING_STEPS, **recipe: object
) -> list[ActiveEdit]:
    actives = [active for each in concepts for active in each.active_edits(Recipe(prompt, **recipe))]
    *_, last = tune_words(backbone, prompt, actives, latents(backbone), steps, seed=3)
    return last.value


def latents(backbone: Backbone, count: int = 1) -> Tensor:
    return torch.randn(count, *backbone.latent_shape, generator=torch.Generator().manual_seed(5))


def terms(backbone: Backbone, prompt: str, actives: Sequence[ActiveEdit]) -> tuple[float, float]:
    """Both terms on one fixed batch of noise."""
    nouns = {active.edit.handle: active.edit.noun for active in actives}
    t = torch.tensor([100, 400, 700, 900])
    with torch.no_grad(), attach(backbone, actives):
        embedding, attention = context_loss(backbone, prompt, nouns, latents(backbone, 4), t)
    return embedding.item(), attention.item()


def vectors(actives: Sequence[ActiveEdit]) -> dict[str, Tensor]:
    return {each.edit.handle: each.edit.vectors for each in actives if isinstance(each.edit, NewWord)}


def test_both_terms_fall_over_ten_steps(backbone: Backbone) -> None:
    lily = concept(backbone)
    before = terms(backbone, LOOK.prompt, lily.active_edits(LOOK))
    after = terms(backbone, LOOK.prompt, moved(backbone, LOOK.prompt, [lily]))
    assert after[0] < before[0] and after[1] < before[1]


def test_c8_only_a_copy_of_the_word_moves(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def target(*arguments: object) -> None:
        raise AssertionError("the denoising loss was evaluated")

    monkeypatch.setattr(backbone, "target", target)
    concept(backbone).save(tmp_path / "lily.safetensors")
    kept, weights = (tmp_path / "lily.safetensors").read_bytes(), tiny.weights(backbone)
    opened = Concept.open(tmp_path / "lily.safetensors")
    (word,) = opened.edits
    start = word.vectors.clone()
    (copy,) = moved(backbone, LOOK.prompt, [opened])
    assert copy.edit is not word and not copy.edit.vectors.requires_grad
    assert torch.equal(word.vectors, start) and not torch.equal(copy.edit.vectors, start)
    assert (copy.edit.vectors - start).abs().max() < 1.1 * TUNING_STEPS * rate(backbone.text)
    assert len(pictures(backbone, dataclasses.replace(LOOK, obeying=2), opened)) == 1
    assert torch.equal(word.vectors, start)
    opened.save(tmp_path / "lily.safetensors")
    assert (tmp_path / "lily.safetensors").read_bytes() == kept
    for name, after in tiny.weights(backbone).items():
        assert np.array_equal(after, weights[name]), name


@pytest.mark.parametrize("method_id", sorted(QUICK))
def test_every_methods_word_moves_and_all_else_stays(
    method_id: str, backbone: Backbone, tmp_path: Path
) -> None:
    learned = learn(method_id, backbone, tmp_path)
    before = {edit.kind: {name: t.clone() for name, t in edit.tensors().items()} for edit in learned.edits}
    for active in moved(backbone, LOOK.prompt, [learned], steps=2):
        for name, tensor in active.edit.tensors().items():
            assert torch.equal(tensor, before[active.edit.kind][name]) == (active.edit.kind != "tokens"), name
    for edit in learned.edits:
        assert all(torch.equal(tensor, before[edit.kind][name]) for name, tensor in edit.tensors().items())


def test_perfusions_gate_stays_open_for_a_word_that_moved(backbone: Backbone) -> None:
    """i* stays at the encoding that training gave the word; the moved word leaves it a little."""
    lily = concept(backbone)

    def encoding(actives: Sequence[ActiveEdit]) -> Tensor:
        with torch.no_grad(), attach(backbone, actives):
            words = backbone.text.read([LOOK.prompt])
        (place,) = words.tokens[0].spans["<lily>"]
        return words.hidden[0, place]

    i_star = encoding(lily.active_edits(LOOK))
    values = backbone.linear_sites("attn2.to_v")
    targets = {site: -layer.weight.detach() @ i_star for site, layer in values.items()}
    gated = RankOne("<lily>", "cat", i_star.clone(), i_star.clone(), targets)
    perfusion = Concept(lily.header, (*lily.edits, gated))
    after = encoding(moved(backbone, LOOK.prompt, [perfusion]))
    r, gate, _ = decompose(torch.stack([i_star, after])[None], [gated])
    assert r[0, 0] == pytest.approx(1) and r[0, 1] != r[0, 0]
    assert r[0, 1] == pytest.approx(1, abs=0.05) and gate[0, 1] > 0.9


@pytest.mark.parametrize("knobs", [{}, {"<lily>": {"global_lock": 0.5}}])
def test_a_picture_does_not_depend_on_how_many_are_painted(
    backbone: Backbone, tmp_path: Path, knobs: dict
) -> None:
    learned = learn("perfusion", backbone, tmp_path) if knobs else concept(backbone)
    recipe = dataclasses.replace(LOOK, obeying=2, count=2, knobs=knobs)
    for picture in pictures(backbone, recipe, learned):
        again = pixels(backbone, picture.recipe, learned)
        assert picture.recipe.obeying == 2 and np.array_equal(again[0], np.asarray(picture.image))


def test_obeying_zero_paints_what_was_painted_before(backbone: Backbone) -> None:
    lily = concept(backbone)
    actives = lily.active_edits(LOOK)
    plain, off, on = (
        pixels(backbone, recipe, lily)[0]
        for recipe in (LOOK, dataclasses.replace(LOOK, obeying=0), dataclasses.replace(LOOK, obeying=3))
    )
    assert np.array_equal(plain, off) and not np.array_equal(plain, on)
    *_, last = tune_words(backbone, LOOK.prompt, actives, latents(backbone), 0, 3)
    assert torch.equal(vectors(last.value)["<lily>"], vectors(actives)["<lily>"])


def test_the_order_of_concepts_does_not_matter(backbone: Backbone) -> None:
    lily, tom = concept(backbone), concept(backbone, "<tom>", "dog", seed=1)
    recipe = dataclasses.replace(LOOK, prompt="<tom> and <lily> on blue", obeying=3)
    one, other = pixels(backbone, recipe, lily, tom)[0], pixels(backbone, recipe, tom, lily)[0]
    assert np.array_equal(one, other)
    first = vectors(moved(backbone, recipe.prompt, [lily, tom], steps=3))
    second = vectors(moved(backbone, recipe.prompt, [tom, lily], steps=3))
    for handle, source in (("<lily>", lily), ("<tom>", tom)):
        assert torch.equal(first[handle], second[handle])
        assert not torch.equal(first[handle], source.edits[0].vectors)


def test_two_words_are_each_compared_with_their_own_noun(backbone: Backbone) -> None:
    nouns = {"<lily>": "cat", "<tom>": "teddy bear"}
    words = [NewWord(handle, noun, backbone.text.embeddings_of(noun)) for handle, noun in nouns.items()]
    at_nouns = terms(backbone, "<Tom> and <lily> on blue", [ActiveEdit(word) for word in words])
    assert at_nouns == pytest.approx((0, 0), abs=1e-6)
    swapped = [NewWord("<lily>", "dog", words[0].vectors), words[1]]
    assert terms(backbone, "<Tom> and <lily> on blue", [ActiveEdit(word) for word in swapped])[0] > 1e-5


def test_a_noun_of_several_tokens_is_lined_up(backbone: Backbone) -> None:
    bear = concept(backbone, "<ted>", "teddy bear")
    assert len(backbone.text.embeddings_of("teddy bear")) > 1
    before = terms(backbone, "a <ted> on blue", bear.active_edits(LOOK))
    after = terms(backbone, "a <ted> on blue", moved(backbone, "a <ted> on blue", [bear]))
    assert after[0] < before[0]


def test_a_prompt_too_long_pairs_only_words_that_are_there_twice(backbone: Backbone) -> None:
    text, prompt = (
        backbone.text,
        "{} and a cat on the blue background and a dog on the cat and a cat of the dog",
    )
    plain_vectors = text.embeddings_of("teddy bear")
    with text.new_words({"<ted>": plain_vectors[:1], "<noun-0>": plain_vectors}):
        starred, plain = text.read([prompt.format("<ted>")]), text.read([prompt.format("<noun-0>")])
    assert plain.tokens[0].dropped > starred.tokens[0].dropped
    places, others = context_places(text.tokenizer.eos_token_id, starred, plain)
    assert [starred.tokens[0].ids[at] for at in places] == [plain.tokens[0].ids[at] for at in others]


def test_the_same_recipe_gives_the_same_picture(backbone: Backbone) -> None:
    recipe = dataclasses.replace(LOOK, obeying=3)
    first, again = (pixels(backbone, recipe, concept(backbone))[0] for _ in range(2))
    assert np.array_equal(first, again)


def test_a_weaker_word_is_moved_as_it_is_painted(backbone: Backbone) -> None:
    lily, half = concept(backbone), {"strengths": {"<lily>": 0.5}}
    before = terms(backbone, LOOK.prompt, lily.active_edits(Recipe(LOOK.prompt, **half)))
    moving = moved(backbone, LOOK.prompt, [lily], **half)
    assert moving[0].strength == 0.5
    assert terms(backbone, LOOK.prompt, moving)[0] < before[0]


def test_half_precision_moves_the_word_the_same_way(backbone: Backbone) -> None:
    lily = concept(backbone)
    start = lily.edits[0].vectors
    full = vectors(moved(backbone, LOOK.prompt, [lily], steps=3))["<lily>"] - start
    small = tiny.backbone(dtype=torch.float16)
    half = vectors(moved(small, LOOK.prompt, [lily], steps=3))["<lily>"] - start
    assert torch.cosine_similarity(full, half).item() > 0.999


def test_steps_are_counted_through_and_nothing_is_attached_between_them(backbone: Backbone) -> None:
    recipe = dataclasses.replace(LOOK, obeying=3, count=2)
    ids, steps = backbone.text.tokenize("<lily>").ids, []
    hooks = sum(len(module._forward_hooks) for module in backbone.sites.values())
    for event in generate(backbone, recipe, [concept(backbone)]):
        assert backbone.text.tokenize("<lily>").ids == ids
        assert sum(len(module._forward_hooks) for module in backbone.sites.values()) == hooks
        steps += [event] if isinstance(event, Step) else []
    assert [step.step for step in steps] == list(range(1, 2 * (2 + 3 + 2) + 1))
    assert {step.steps for step in steps} == {len(steps)}
    stages = ["painting as it is", "making the prompt obey", "painting"]
    assert list(dict.fromkeys(step.stage for step in steps)) == stages
    assert all(set(step.values) == {"embedding", "attention"} for step in steps if step.stage == stages[1])


@pytest.mark.parametrize(
    ("prompt", "strength"), [("a cat on blue", 1.0), (LOOK.prompt, 0.0), (f"{'dog ' * 30}<lily>", 1.0)]
)
def test_a_prompt_that_reads_no_learned_word_is_refused(
    backbone: Backbone, prompt: str, strength: float
) -> None:
    recipe = dataclasses.replace(LOOK, prompt=prompt, strengths={"<lily>": strength}, obeying=3)
    with pytest.raises(StudioError, match="No learned word") as refused:
        pictures(backbone, recipe, concept(backbone))
    assert "<lily>" in refused.value.hint


def test_a_word_that_is_no_number_is_refused(backbone: Backbone) -> None:
    broken = concept(backbone)
    broken.edits[0].vectors.fill_(torch.nan)
    with pytest.raises(StudioError, match="cannot be made to obey"):
        moved(backbone, LOOK.prompt, [broken])


def test_the_command_line_keeps_both_pictures(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "open_backbone", lambda place: tiny.backbone())
    (tmp_path / "concepts").mkdir()
    concept(backbone).save(tmp_path / "concepts" / "lily.safetensors")
    place, look = ["--workspace", str(tmp_path)], ["--steps", "2", "--seed", "3"]
    plain, obeying = (tmp_path / "pictures" / name for name in ("lily-3.png", "lily-3-obeying.png"))
    assert console.main(["paint", LOOK.prompt, *look, *place]) == 0
    assert console.main(["again", str(plain), *place, "--obey"]) == 0
    assert read_recipe(obeying) == dataclasses.replace(read_recipe(plain), obeying=TUNING_STEPS)
    first = obeying.read_bytes()
    assert console.main(["paint", LOOK.prompt, *look, *place, "--obey"]) == 0
    assert obeying.read_bytes() == first
    assert not np.array_equal(np.asarray(Image.open(plain)), np.asarray(Image.open(obeying)))
