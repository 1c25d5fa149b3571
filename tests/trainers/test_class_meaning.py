"""The checks that a wrong semantic preservation loss fails (ClassDiffusion, arXiv 2405.17532)."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from studio.edits import attach
from studio.edits.kinds.staged_tokens import StagedWord
from studio.errors import StudioError
from studio.method import Method
from studio.models.backbone import Backbone
from studio.subject import Subject
from tests import tiny
from tests.tiny_families import FAMILIES
from tests.trainers.battery import parameters_of, prepared
from tests.trainers.steps import attached_edits
from trainers import METHODS
from trainers.kit.optimizing import Optimization
from trainers.regularizers import class_meaning
from trainers.regularizers.class_meaning import ClassMeaning, Settings


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def terms_of(regularizer: ClassMeaning, seed: int = 0) -> dict[str, Tensor]:
    method, generator = regularizer.method, torch.Generator().manual_seed(seed)
    with attach(method.backbone, attached_edits(method)):
        batch = method.draw(generator)
        return regularizer.terms(batch, regularizer.draw(batch, generator))


def loss_of(method: Method, weight: float = 1.0, pool: str = "eos") -> Tensor:
    return terms_of(ClassMeaning(method, Settings(weight, pool)))["class meaning"]


def cosine_by_hand(method: Method, handle: str, noun: str) -> float:
    """The cosine at the first end tokens, number by number, of phrases that are read one by one."""
    text, vectors = method.backbone.text, []
    with torch.no_grad():
        with attach(method.backbone, attached_edits(method)):
            vectors.append(text.read([f"a photo of a {handle}"]))
        vectors.append(text.read([f"a photo of a {noun}"]))
    rows = []
    for words in vectors:
        ids = words.tokens[0].ids
        rows.append(words.hidden[0, ids.index(text.tokenizer.eos_token_id)].tolist())
    product = sum(one * other for one, other in zip(*rows, strict=True))
    lengths = [math.sqrt(sum(value * value for value in row)) for row in rows]
    return product / (lengths[0] * lengths[1])


def test_it_is_nothing_while_the_word_is_the_noun(backbone: Backbone, tmp_path: Path) -> None:
    """Check a."""
    assert abs(loss_of(prepared("textual_inversion", backbone, tmp_path)).item()) < 1e-6
    with_more = loss_of(prepared("dreambooth", backbone, tmp_path)).item()  # its phrase has one word more
    assert math.isfinite(with_more) and with_more > 1e-3


def test_it_is_the_equation(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared("dreambooth", backbone, tmp_path)
    for tensor in parameters_of(method):
        tensor.data += 0.3 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(1))
    expected = 5 * (1 - cosine_by_hand(method, "<lily>", "cat"))
    assert loss_of(method, 5.0).item() == pytest.approx(expected, rel=1e-4)


def test_a_word_after_the_noun_counts_at_the_end_and_not_at_argmax(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check b: the trap of text encoders whose config says `eos_token_id: 2`."""
    method = prepared("dreambooth", backbone, tmp_path)
    for pool, changes in (("eos", True), ("argmax", False)):
        regularizer, read = ClassMeaning(method, Settings(1.0, pool)), []
        for phrase in ("a photo of a {} on blue", "a photo of a {} on background"):
            monkeypatch.setattr(class_meaning, "PHRASE", phrase)
            with attach(backbone, attached_edits(method)):
                words = backbone.text.encode(regularizer.draw(None, torch.Generator()))
            read.append(regularizer._read(words, [regularizer._position(words.tokens[0])]))
        assert torch.equal(*read) is not changes
        monkeypatch.undo()


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_its_gradient_reaches_the_word_and_nothing_else(family: str, tmp_path: Path) -> None:
    """Check c, first half."""
    backbone = FAMILIES[family]()
    method = prepared("dreambooth", backbone, tmp_path)
    loss_of(method).backward()
    assert method.identifier.grad is not None and method.identifier.grad.abs().max() > 0
    assert all(tensor.grad is None for tensor in method.low_rank.parameters())
    assert all(weight.grad is None for weight in backbone.denoiser.parameters())


def trained(backbone: Backbone, cache: Path, weight: float) -> tuple[Method, ClassMeaning]:
    """Textual Inversion after 20 steps with a weight of the loss and a strong weight decay."""
    settings = {"steps": 20, "batch": 1, "learning_rate": 0.05, "weight_decay": 0.5}
    method = prepared("textual_inversion", backbone, cache, **settings)
    regularizer = ClassMeaning(method, Settings(weight))
    optimization = Optimization(method, [regularizer], backbone, torch.Generator().manual_seed(2))
    assert len(list(optimization.run())) == 20
    return method, regularizer


def test_it_keeps_the_word_close_to_its_noun_and_moves_no_other(backbone: Backbone, tmp_path: Path) -> None:
    """Checks c, second half, and d: weight decay would move other rows without any gradient."""
    table = backbone.text.embedding.weight
    before = table.detach().clone()
    (method, kept), (free, _) = (trained(backbone, tmp_path, weight) for weight in (1.0, 0.0))
    assert torch.equal(table, before)
    apart, closer = (loss_of(one).item() for one in (free, method))
    assert closer < 0.3 * apart
    assert kept.report() == {"class meaning": pytest.approx(1 - closer, abs=1e-5)}


def test_of_two_subjects_it_is_the_mean(backbone: Backbone, tmp_path: Path) -> None:
    """Check e."""
    subject = Subject("<lily>", "cat", beside=(Subject("<tom>", "dog"),))
    kind = METHODS["break_a_scene"]
    settings = kind.own(kind.card().parse(dict(kind.quick_settings)))
    method = kind(backbone, subject, settings, torch.Generator().manual_seed(3))
    for _ in method.prepare(tiny.pair(), tmp_path):
        pass
    for number, word in enumerate(method.words):
        word.vectors.data += torch.randn(word.vectors.shape, generator=torch.Generator().manual_seed(number))
    cosines = [cosine_by_hand(method, handle, noun) for handle, noun in (("<lily>", "cat"), ("<tom>", "dog"))]
    assert abs(cosines[0] - cosines[1]) > 1e-3
    assert loss_of(method).item() == pytest.approx(1 - sum(cosines) / 2, abs=1e-5)


def test_words_of_stages_are_read_at_the_timesteps_of_the_batch(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared("textual_inversion", backbone, tmp_path)
    vectors = torch.randn(10, 1, tiny.WIDTH, generator=torch.Generator().manual_seed(1))
    method.word = StagedWord("<lily>", "cat", vectors.requires_grad_())
    regularizer = ClassMeaning(method, Settings(1.0))
    t = torch.tensor([50, 950])
    with attach(backbone, attached_edits(method)):
        phrases = regularizer.draw(None, torch.Generator())
        both = regularizer.closeness(phrases, t)
        each = [regularizer.closeness(phrases, one[None]) for one in t]
    torch.testing.assert_close(both, torch.stack(each).mean())
    both.backward()
    moved = method.word.vectors.grad.abs().amax((1, 2)) > 0
    assert moved.nonzero().flatten().tolist() == [0, 9]


@pytest.mark.parametrize("method_id", [name for name in sorted(METHODS) if METHODS[name].tunes])
def test_every_method_with_a_word_can_have_it(method_id: str, backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(method_id, backbone, tmp_path)
    regularizer = ClassMeaning(method, Settings(1.0))
    step = next(iter(Optimization(method, [regularizer], backbone, torch.Generator()).run()))
    assert math.isfinite(step.values["class meaning"])


def test_a_word_that_stays_is_refused_unless_the_text_encoder_learns(
    backbone: Backbone, tmp_path: Path
) -> None:
    rare = {"identifier": "rare word"}
    with pytest.raises(StudioError, match="No word is learned"):
        ClassMeaning(prepared("dreambooth", backbone, tmp_path, **rare), Settings(1.0))
    method = prepared("dreambooth", backbone, tmp_path, **rare, text_encoder=True)
    loss_of(method).backward()
    moved = [tensor for tensor in method.low_rank.parameters() if tensor.grad is not None]
    assert moved and any(tensor.grad.abs().max() > 0 for tensor in moved)
