"""CoRe's two loss terms (arXiv 2408.15914): which tokens they compare, and with what."""

from __future__ import annotations

import pytest

from studio.edits import ActiveEdit, NewWord
from studio.generation.context_loss import shared_positions
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe
from tests import tiny
from tests.generation.far_word import far_word, loss_terms, tuned_edits


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def test_two_words_are_each_compared_with_their_own_noun(backbone: Backbone) -> None:
    nouns, prompt = {"<lily>": "cat", "<tom>": "teddy bear"}, "<Tom> and <lily> on blue"
    words = [NewWord(handle, noun, backbone.text.embeddings_of(noun)) for handle, noun in nouns.items()]
    at_nouns = loss_terms(backbone, prompt, [ActiveEdit(word) for word in words])
    assert at_nouns == pytest.approx((0, 0), abs=1e-6)
    swapped = [NewWord("<lily>", "dog", words[0].vectors), words[1]]
    assert loss_terms(backbone, prompt, [ActiveEdit(word) for word in swapped])[0] > 1e-5


def test_tokens_after_a_noun_of_several_tokens_are_matched(backbone: Backbone) -> None:
    bear = far_word(backbone, "<ted>", "teddy bear")
    assert len(backbone.text.embeddings_of("teddy bear")) > 1
    before = loss_terms(backbone, "a <ted> on blue", bear.active_edits(Recipe("a <ted> on blue")))
    after = loss_terms(backbone, "a <ted> on blue", tuned_edits(backbone, "a <ted> on blue", [bear]))
    assert after[0] < before[0]


def test_a_prompt_too_long_compares_only_tokens_that_both_prompts_have(backbone: Backbone) -> None:
    text = backbone.text
    prompt = "{} and a cat on the blue background and a dog on the cat and a cat of the dog"
    noun = text.embeddings_of("teddy bear")
    with text.new_words({"<ted>": noun[:1], "<noun-0>": noun}):
        starred, plain = (text.tokenize(prompt.format(handle)) for handle in ("<ted>", "<noun-0>"))
    assert plain.dropped > starred.dropped
    star_positions, plain_positions = shared_positions(starred, plain)
    assert [starred.ids[at] for at in star_positions] == [plain.ids[at] for at in plain_positions]
