"""The checks that a wrong ITI-GEN fails (arXiv 2309.05569): losses, sums of tokens, what moves, evenness."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from studio.edits import attach
from studio.edits.concept import Concept
from studio.edits.kinds.sorted_tokens import SortedWord
from studio.errors import StudioError
from studio.events import Insight, Note, Result
from studio.generation.generate import Picture, generate
from studio.generation.merge import merge_concepts
from studio.models.backbone import Backbone
from studio.models.joint_space import JointSpace
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Recipe, Sampling
from studio.subject import Subject
from tests import tiny, tiny_clip
from tests.trainers.battery import SAMPLING, picture
from tests.trainers.steps import attached_edits
from trainers import train
from trainers.iti_gen import ItiGen, Settings
from trainers.kit.direction_loss import direction_loss, over_pairs, semantic_loss

pytestmark = pytest.mark.usefixtures("short_verdict")

LILY = Subject("<lily>", "cat")
ONE = ("red", "blue", "green")
TWO = ("colour: red", "colour: blue", "age: old", "age: new")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


@pytest.fixture
def with_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JointSpace, "beside", tiny_clip.joint_space)


def photos(captions: tuple[str, ...]) -> PhotoSet:
    return dataclasses.replace(tiny.photos(len(captions)), captions=captions)


def prepared(backbone: Backbone, captions: tuple[str, ...] = ONE, **settings: object) -> ItiGen:
    method = ItiGen(backbone, LILY, Settings(**settings), torch.Generator())
    list(method.prepare(photos(captions), Path()))
    return method


def losses(method: ItiGen, seed: int = 0) -> dict[str, Tensor]:
    return method.loss(method.draw(torch.Generator().manual_seed(seed)))


def trained_some(method: ItiGen, seed: int = 3) -> ItiGen:
    generator = torch.Generator().manual_seed(seed)
    for S in method.word.vectors.values():
        S.data.normal_(std=0.3, generator=generator)
    return method


def features(seed: int, *shape: int) -> Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


# the losses


def test_the_losses_equal_a_naive_loop() -> None:
    pictures, prompts, plain = features(0, 3, 8), features(1, 3, 2, 8), features(2, 8)
    directions = agreements = 0.0
    for i, j in ((0, 1), (0, 2), (1, 2)):
        for other in (0, 1):
            seen = (pictures[i] - pictures[j]).numpy()
            read = (prompts[i, other] - prompts[j, other]).numpy()
            directions += (1 - seen @ read / np.linalg.norm(seen) / np.linalg.norm(read)) / 2
            cosines = [(prompts[k, other] @ plain).item() for k in (i, j)]
            agreements += max(0.0, 0.8 - sum(cosines) / 2) / 2
    assert direction_loss(pictures, prompts).item() == pytest.approx(directions / 2, rel=1e-5)
    assert semantic_loss(prompts, plain, 0.8).item() == pytest.approx(agreements / 2, rel=1e-5)


def test_swapping_names_of_photos_and_tokens_changes_nothing_and_of_one_turns_it_round() -> None:
    pictures, prompts = features(0, 2, 8), features(1, 2, 1, 8)
    loss = direction_loss(pictures, prompts)
    assert direction_loss(pictures.flip(0), prompts.flip(0)).item() == pytest.approx(loss.item(), abs=1e-6)
    assert direction_loss(pictures.flip(0), prompts).item() == pytest.approx(2 - loss.item(), abs=1e-5)


def test_pairs_are_summed_and_divided_by_all_categories_but_one() -> None:
    assert over_pairs(torch.full((36,), 0.7), 9).item() == pytest.approx(4.5 * 0.7)
    assert over_pairs(torch.full((1,), 0.7), 2).item() == pytest.approx(0.7)


def test_the_prompts_may_differ_from_the_plain_one_by_so_much() -> None:
    plain = torch.eye(8)[0]
    assert semantic_loss(plain.expand(2, 1, 8), plain, 0.8).item() == 0
    assert semantic_loss(torch.eye(8)[1].expand(2, 1, 8), plain, 0.8).item() == pytest.approx(0.8)


@pytest.mark.parametrize("count", [2, 3])
def test_where_prompts_coincide_each_goes_to_its_own_photos(count: int) -> None:
    pictures = features(0, count, 8)
    prompts = features(1, 1, 1, 8).repeat(count, 1, 1).requires_grad_()
    loss = direction_loss(pictures, prompts)
    assert loss.item() == pytest.approx((1 - pictures @ prompts[0, 0]).mean().item(), rel=1e-5)
    loss.backward()
    assert prompts.grad.isfinite().all()
    for number in range(count):
        assert torch.allclose(prompts.grad[number, 0], -pictures[number] / count, atol=1e-6)


# a step in CLIP's space


@pytest.mark.usefixtures("with_clip")
def test_the_first_step_moves_the_categories_apart_from_zero(backbone: Backbone) -> None:
    method = prepared(backbone)
    (S,) = method.word.vectors.values()
    assert S.abs().max() == 0
    terms = losses(method)
    assert set(terms) == {"direction", "semantic"} and all(term.isfinite() for term in terms.values())
    torch.stack(list(terms.values())).sum().backward()
    assert S.grad.isfinite().all() and (S.grad.abs().amax((1, 2)) > 0).all()
    assert all(not torch.equal(S.grad[i], S.grad[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.usefixtures("with_clip")
def test_each_attribute_is_moved_by_its_own_term_alone(backbone: Backbone) -> None:
    method = trained_some(prepared(backbone, TWO))
    colour, age = method.word.vectors["colour"], method.word.vectors["age"]
    prompts = method.prompt_features("colour")
    assert prompts.shape == (2, 2, tiny_clip.FEATURES)
    prompts.square().sum().backward()
    assert colour.grad.abs().max() > 0 and age.grad is None


@pytest.mark.usefixtures("with_clip")
def test_the_other_attributes_take_all_their_categories(backbone: Backbone) -> None:
    method = trained_some(prepared(backbone, TWO))
    colours, ages = method.prompt_features("colour"), method.prompt_features("age")
    assert torch.allclose(colours, ages.transpose(0, 1), atol=1e-6)
    assert (colours[:, 0] - colours[:, 1]).abs().max() > 1e-3


@pytest.mark.usefixtures("with_clip")
def test_a_step_equals_a_naive_loop(backbone: Backbone) -> None:
    method = trained_some(prepared(backbone, TWO, least_agreement=1.0))
    assert method.space is not None
    space, noun = method.space, backbone.text.embeddings_of("cat")
    seen = space.picture_features(photos(TWO).squares)

    def read(vectors: Tensor) -> Tensor:
        return space.prompt_features(["a photo of a <x>"], {"<x>": vectors})[0].detach()

    plain, S = read(noun), method.word.vectors
    directions = agreements = 0.0
    for own, other, first in (("colour", "age", 0), ("age", "colour", 2)):
        for beside in S[other]:
            one, two = (read(torch.cat([noun, S[own][k] + beside])) for k in (0, 1))
            way = F.normalize(seen[first] - seen[first + 1], dim=0)
            directions += (1 - way @ F.normalize(one - two, dim=0)).item() / 2
            agreements += (1.0 - ((one @ plain) + (two @ plain)).item() / 2) / 2
    terms = losses(method)
    assert terms["direction"].item() == pytest.approx(directions, rel=1e-4)
    assert terms["semantic"].item() == pytest.approx(agreements, rel=1e-4)


@pytest.mark.usefixtures("with_clip")
def test_every_category_is_in_every_step(backbone: Backbone) -> None:
    method = prepared(backbone, ("red",) * 5 + ("blue",), batch=4)
    generator = torch.Generator().manual_seed(0)
    draws = [method.draw(generator).numbers["category"] for _ in range(20)]
    assert all(len(set(red.tolist())) == 2 and blue.tolist() == [5] for red, blue in draws)
    assert {number for red, _ in draws for number in red.tolist()} == {0, 1, 2, 3, 4}


@pytest.mark.usefixtures("with_clip")
def test_neither_clip_nor_the_base_learns(backbone: Backbone) -> None:
    method = prepared(backbone)
    torch.stack(list(losses(method).values())).sum().backward()
    assert method.space is not None
    networks = (method.space.text, method.space.vision, *backbone.text.encoders, backbone.denoiser)
    for network in networks:
        assert all(p.grad is None and not p.requires_grad for p in network.parameters())


@pytest.mark.usefixtures("with_clip")
def test_prompts_come_to_point_where_the_photos_differ(backbone: Backbone) -> None:
    method = prepared(backbone, ("red", "blue"))
    (S,) = method.word.vectors.values()
    optimizer = torch.optim.Adam([S], lr=0.01)
    first = None
    for step in range(20):
        terms = losses(method, step)
        first = terms["direction"].item() if step == 1 else first  # at 0 there is no direction
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert first is not None and terms["direction"].item() < 0.5 * first


# without CLIP, and what is refused


def test_without_clip_each_category_learns_its_own_photos(backbone: Backbone) -> None:
    method = ItiGen(backbone, LILY, Settings(batch=1), torch.Generator())
    notes = [event.text for event in method.prepare(photos(ONE), Path()) if isinstance(event, Note)]
    assert len(notes) == 1 and "brings no CLIP" in notes[0]
    (S,) = method.word.vectors.values()
    moved = set()
    for seed in range(8):
        number = method.latents.choose(1, torch.Generator().manual_seed(seed)).item()
        losses(method, seed)["denoising"].backward()
        assert [row.abs().max().item() > 0 for row in S.grad] == [k == number for k in range(3)]
        moved.add(number)
        S.grad = None
    assert moved == {0, 1, 2}


@pytest.mark.usefixtures("with_clip")
@pytest.mark.parametrize("guide", ["CLIP", "photos"])
@pytest.mark.parametrize("sentence", ["a {red} {}", "{ {}", "a {} }", "{0} {}", "{!x} {}"])
def test_other_braces_in_the_sentence_are_letters(backbone: Backbone, guide: str, sentence: str) -> None:
    method = prepared(backbone, guide=guide, sentence=sentence, batch=2)
    with attach(backbone, attached_edits(method)):
        assert all(term.isfinite() for term in losses(method).values())
    assert method.preview_prompt == sentence.replace("{}", "<lily>")


@pytest.mark.parametrize(
    ("captions", "settings", "message"),
    [
        ((), {}, "not sorted"),
        (("red", "", "blue"), {}, "Photo 2 has no category"),
        (("red", "red", "red"), {}, "only one category, red"),
        (ONE, {"sentence": "a photo"}, "does not say where the noun is"),
        (ONE, {"sentence": f"{'a photo of ' * 7}{{}}"}, "no room"),
    ],
)
def test_what_it_cannot_learn_is_refused(
    backbone: Backbone, captions: tuple[str, ...], settings: dict[str, str], message: str
) -> None:
    unsorted = dataclasses.replace(tiny.photos(3), captions=captions)
    with pytest.raises(StudioError, match=message):
        list(ItiGen(backbone, LILY, Settings(**settings), torch.Generator()).prepare(unsorted, Path()))


# the word and its file


def word(backbone: Backbone, **chosen: int) -> tuple[SortedWord, Tensor]:
    """Return a word of two attributes with these choices, and the vectors that it reads as."""
    generator = torch.Generator().manual_seed(0)
    vectors = {
        name: torch.randn(count, 3, tiny.WIDTH, generator=generator)
        for name, count in (("colour", 2), ("age", 3))
    }
    names = {"colour": ("red", "blue"), "age": ("old", "new", "newer")}
    made = SortedWord("<lily>", "cat", vectors, names).with_knobs(chosen)
    return made, made.at(backbone, 1.0)


def test_tokens_of_several_attributes_add_up_in_the_same_places(backbone: Backbone) -> None:
    for age in (1, 2, 3):
        made, red = word(backbone, colour=1, age=age)
        _, blue = word(backbone, colour=2, age=age)
        S = made.vectors["colour"]
        assert torch.allclose((red - blue)[-3:], S[0] - S[1], atol=1e-6)
        assert torch.equal(red[:-3], backbone.text.embeddings_of("cat"))


def test_strength_scales_the_category_and_no_choice_is_the_mean(backbone: Backbone) -> None:
    made, _ = word(backbone, colour=2, age=3)
    S = made.vectors["colour"][1] + made.vectors["age"][2]
    assert torch.allclose(made.at(backbone, 0.5)[-3:], 0.5 * S)
    made, mean = word(backbone)
    assert torch.allclose(mean[-3:], made.vectors["colour"].mean(0) + made.vectors["age"].mean(0), atol=1e-6)


def test_with_a_late_start_the_noisiest_steps_read_empty_tokens(backbone: Backbone) -> None:
    made, vectors = word(backbone, colour=1, age=1)
    timed = made.with_knobs({"colour": 1, "age": 1, "late_start": 0.2}).at(backbone, 1.0)
    noisy, calm = timed.at(torch.tensor([900, 700]))
    assert torch.equal(calm, vectors) and torch.equal(noisy[:-3], vectors[:-3])
    assert noisy[-3:].abs().max() == 0


def test_merged_words_keep_their_late_starts_each(
    backbone: Backbone, concept: Concept, tmp_path: Path
) -> None:
    merging = []
    for handle, late in (("<lily>", 0.2), ("<tom>", 0.45), ("<rex>", 0.0)):
        one = SortedWord(handle, "cat", word(backbone)[0].vectors, word(backbone)[0].names, late)
        header = dataclasses.replace(
            concept.header,
            handles={handle: "cat"},
            settings={**concept.header.settings, "late_start": late},
            knobs=one.knobs(),
        )
        merging.append(Concept(header, (one,)))
    *_, last = merge_concepts(backbone, merging, SAMPLING)
    assert isinstance(last, Result)
    last.value.save(tmp_path / "all.safetensors")
    opened = Concept.open(tmp_path / "all.safetensors")
    assert {edit.handle: edit.late_start for edit in opened.edits} == {
        "<lily>": 0.2,
        "<tom>": 0.45,
        "<rex>": 0,
    }
    tensors = merging[0].edits[0].tensors()
    for wrong in (torch.tensor([1.5]), torch.tensor(0.2), torch.zeros(2)):
        with pytest.raises(ValueError, match="late start"):
            SortedWord.from_tensors("<lily>", "cat", {**tensors, "<lily>/late_start": wrong}, {})


@pytest.fixture(scope="module")
def concept(short_verdict: None, backbone: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Concept:
    """A word of three categories that was learned once."""
    settings = {"steps": 4, "batch": 2, "learning_rate": 0.2}
    *_, last = train(
        ItiGen, backbone, photos(ONE), LILY, settings, SAMPLING, tmp_path_factory.mktemp("cache")
    )
    assert isinstance(last, Result)
    return last.value


def test_the_file_holds_the_tokens_and_no_more(backbone: Backbone, concept: Concept, tmp_path: Path) -> None:
    assert sum(S.numel() for edit in concept.edits for S in edit.tensors().values()) == 3 * 3 * tiny.WIDTH
    concept.save(tmp_path / "lily.safetensors")
    opened = Concept.open(tmp_path / "lily.safetensors")
    assert opened.header.knobs["category"].choices == ONE
    assert "1 red, 2 blue, 3 green" in opened.header.knobs["category"].help
    for number in (0, 1, 2, 3):
        knobs = {"<lily>": {"category": number}}
        one, other = (picture(backbone, "a <lily>", [each], knobs=knobs) for each in (concept, opened))
        assert np.array_equal(one, other)


def test_pictures_in_turn_are_even_and_each_can_be_painted_again(
    backbone: Backbone, concept: Concept
) -> None:
    recipe = Sampling(seed=4, steps=1, guidance=2.0, count=3).with_prompt("a photo of <lily>")

    def paint(recipe: Recipe) -> list[Picture]:
        return [e.value for e in generate(backbone, recipe, [concept]) if isinstance(e, Result)]

    seen = []
    for painted in paint(recipe):
        image = np.asarray(painted.image)
        assert np.array_equal(image, np.asarray(paint(painted.recipe)[0].image))
        fixed = [
            dataclasses.replace(painted.recipe, knobs={"<lily>": {"category": number}})
            for number in (1, 2, 3)
        ]
        same = [np.array_equal(image, np.asarray(paint(one)[0].image)) for one in fixed]
        assert sum(same) == 1
        seen.append(same.index(True))
    assert Counter(seen) == {0: 1, 1: 1, 2: 1}


def test_every_category_is_shown_at_the_end(backbone: Backbone, tmp_path: Path) -> None:
    events = train(ItiGen, backbone, photos(TWO), LILY, {"steps": 2, "batch": 2}, SAMPLING, tmp_path)
    captions = [event.caption for event in events if isinstance(event, Insight)]
    assert captions == ["colour: red", "colour: blue", "age: old", "age: new"]
