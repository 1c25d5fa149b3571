"""The checks that a wrong ProSpect fails (arXiv 2305.16225)."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from studio.edits import ActiveEdit, attach
from studio.edits.concept import Concept
from studio.edits.kinds.staged_tokens import StagedWord
from studio.models.backbone import Backbone
from studio.models.text_reader import TextReader
from studio.starter import STARTER
from tests import tiny
from tests.recipes.test_grid import header
from tests.trainers.battery import parameters_of, picture, prepared, step_loss
from tests.trainers.steps import attached_edits, loss_terms
from trainers.kit.optimizing import Optimization
from trainers.kit.stage_network import StageNetwork
from trainers.prospect import STAGES, GrownWord, ProSpect


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def method_of(backbone: Backbone, **settings: object) -> ProSpect:
    method = prepared("prospect", backbone, Path(), **settings)
    assert isinstance(method, ProSpect)
    return method


def normed(x: list[float], scale: Tensor, shift: Tensor) -> list[float]:
    mean = sum(x) / len(x)
    variance = sum((value - mean) ** 2 for value in x) / len(x)
    size = math.sqrt(variance + 1e-5)
    return [
        (value - mean) / size * a + b for value, a, b in zip(x, scale.tolist(), shift.tolist(), strict=True)
    ]


def times(matrix: Tensor, x: list[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, x, strict=True)) for row in matrix.tolist()]


def by_hand(network: StageNetwork, dropped: tuple[Tensor, ...] | None) -> list[float]:
    """The published block on a sequence of one token, with queries and keys: any will do."""
    x = network.start.tolist()
    places = [len(x), len(x), 4 * len(x)]
    factors = [[1.0] * size for size in places] if dropped is None else [each.tolist() for each in dropped]
    queries, keys = torch.randn(2, 8, len(x), generator=torch.Generator().manual_seed(9))
    for number, (scale, shift, value, weight, bias) in enumerate(network.attentions):
        normal = normed(x, scale, shift)
        score = sum(q * k for q, k in zip(times(queries, normal), times(keys, normal), strict=True))
        attention = [math.exp(score) / sum(math.exp(one) for one in [score])]  # over the one token
        attended = times(weight, [attention[0] * each for each in times(value, normal)])
        parts = zip(x, factors[number], attended, bias.tolist(), strict=True)
        x = [each + factor * (change + b) for each, factor, change, b in parts]
    (gate, gate_bias), (out, out_bias) = network.gate, network.out
    normal = normed(x, *network.norm)
    grown = [a + b for a, b in zip(times(gate, normal), gate_bias.tolist(), strict=True)]
    half = len(grown) // 2
    gelu = [each * 0.5 * (1 + math.erf(each / math.sqrt(2))) for each in grown[half:]]
    hidden = [a * b * c for a, b, c in zip(grown[:half], gelu, factors[2], strict=True)]
    return [a + b for a, b in zip(times(out, hidden), out_bias.tolist(), strict=True)]


def test_the_network_is_the_published_block() -> None:
    generator = torch.Generator().manual_seed(0)
    network = StageNetwork(torch.randn(6, generator=generator), 10, 2, generator)
    for scale, shift, *_ in [*network.attentions, network.norm]:
        scale.data += torch.rand(6, generator=generator)
        shift.data += torch.rand(6, generator=generator)
    dropped = network.draw_dropout(0.3, generator)
    for each in (None, dropped):
        made = network.vectors(each).detach()
        assert made.shape == (10, 2, 6)
        torch.testing.assert_close(made.flatten(), torch.tensor(by_hand(network, each)), rtol=1e-4, atol=1e-5)
    assert not torch.equal(network.vectors(), network.vectors(dropped))


def test_it_has_the_published_size_without_queries_and_keys() -> None:
    network = StageNetwork(torch.zeros(768), 10, 1, torch.Generator())
    queries_and_keys = 2 * 2 * 768 * 512
    count = sum(tensor.numel() for tensor in network.parameters()) + queries_and_keys
    assert round(count / 1e6, 2) == 31.48


def test_dropout_keeps_the_mean_and_rests_nowhere_at_zero() -> None:
    network = StageNetwork(torch.zeros(64), 2, 1, torch.Generator())
    drawn = network.draw_dropout(0.25, torch.Generator().manual_seed(0))
    assert [len(each) for each in drawn] == [64, 64, 256]
    values = torch.cat(drawn)
    assert sorted(set(values.tolist())) == pytest.approx([0, 4 / 3])
    assert (values == 0).float().mean().item() == pytest.approx(0.25, abs=0.06)
    assert torch.cat(network.draw_dropout(0.0, torch.Generator())).eq(1).all()


def test_a_step_reads_each_photo_at_the_stage_of_its_timestep(backbone: Backbone) -> None:
    """S2, first half: free vectors get gradient in that stage alone."""
    method = method_of(backbone, form="free", batch=2)
    for t, stages in (([950, 950], [9]), ([99, 100], [0, 1]), ([0, 999], [0, 9])):
        method.word.vectors.grad = None
        with attach(backbone, attached_edits(method)):
            batch = method.draw(torch.Generator().manual_seed(0))
            batch.timesteps.copy_(torch.tensor(t))
            method.loss(batch)["denoising"].backward()
        moved = method.word.vectors.grad.abs().amax((1, 2)) > 0
        assert moved.nonzero().flatten().tolist() == stages


def test_stages_differ_after_a_training_of_the_network(backbone: Backbone) -> None:
    """S2, second half."""
    method = method_of(backbone, learning_rate=0.01)
    list(Optimization(method, [], backbone, torch.Generator().manual_seed(0)).run())
    list(method.finish())
    flat = torch.nn.functional.normalize(method.word.vectors.flatten(1), dim=1)
    alike = flat @ flat.T - torch.eye(STAGES)
    assert alike.max() < 0.999
    assert method.report()["stages alike"] == pytest.approx(alike.sum().item() / 90, abs=1e-5)


def test_what_is_kept_is_what_the_network_gives_at_rest(backbone: Backbone) -> None:
    """S3. With dropout on, every reading would differ."""
    method = method_of(backbone)
    grown = method.word
    assert isinstance(grown, GrownWord)
    loss_terms(method)  # a step has drawn dropout, and is over
    prompt = "a photo of <lily>"
    with attach(backbone, attached_edits(method)), torch.no_grad():
        t = torch.tensor([50])
        before = backbone.text.read([prompt], t).hidden
    list(method.finish())
    assert type(method.word) is StagedWord and not method.word.vectors.requires_grad
    torch.testing.assert_close(method.word.vectors, grown.network.vectors().detach(), rtol=0, atol=1e-6)
    with attach(backbone, attached_edits(method)), torch.no_grad():
        assert torch.equal(backbone.text.read([prompt], t).hidden, before)


def test_dropout_acts_in_a_step_and_only_there(backbone: Backbone) -> None:
    method = method_of(backbone, dropout=0.5)
    losses = {step_loss(method, torch.Generator().manual_seed(0)).item() for _ in range(2)}
    assert len(losses) == 1  # all that is random comes from the generator
    with_it, without = method_of(backbone, dropout=0.5), method_of(backbone, dropout=0.0)
    assert loss_terms(with_it)["denoising"].item() != loss_terms(without)["denoising"].item()
    assert torch.equal(with_it.word.word_vectors, without.word.word_vectors)


def test_everything_that_learns_gets_a_gradient(backbone: Backbone) -> None:
    for form, count in (("network", 2 * 5 + 2 + 2 + 2), ("free", 1)):
        method = method_of(backbone, form=form)
        step_loss(method, torch.Generator().manual_seed(0)).backward()
        parameters = parameters_of(method)
        assert len(parameters) == count
        assert all(tensor.grad is not None and tensor.grad.abs().max() > 0 for tensor in parameters)


def test_a_file_for_stable_diffusion_is_small(backbone: Backbone, tmp_path: Path) -> None:
    """S3: 35 kB at most, and it paints the same."""
    made_for = header("<lily>", "cat", "prospect")
    made_for = dataclasses.replace(made_for, fingerprint=backbone.fingerprint)
    path = tmp_path / "lily.safetensors"
    Concept(made_for, (StagedWord("<lily>", "cat", torch.randn(10, 1, 768)),)).save(path)
    assert path.stat().st_size <= 35_000
    word = StagedWord("<lily>", "cat", torch.randn(10, 1, tiny.WIDTH))
    Concept(made_for, (word,)).save(path)
    pictures = [
        picture(backbone, "a <lily>", [each]) for each in (Concept(made_for, (word,)), Concept.open(path))
    ]
    assert (pictures[0] == pictures[1]).all()


def test_words_are_read_whole_as_the_tokenizer_reads_them(backbone: Backbone) -> None:
    """S6: neither the first piece of a word alone, nor without commas."""
    tokenizer = CLIPTokenizer.from_pretrained(STARTER, subfolder="tokenizer")
    text = TextReader(tokenizer, backbone.text.encoder)
    phrase = "chrysanthemum, in Kraków"
    stock = tokenizer(phrase, padding="max_length", max_length=tokenizer.model_max_length).input_ids
    assert text.tokenize(phrase).ids == stock
    assert len(tokenizer(phrase).input_ids) > 5
    lily = StagedWord("<lily>", "cat", torch.zeros(10, 1, tiny.WIDTH))
    with attach(backbone, [ActiveEdit(lily)]):
        ids = backbone.text.tokenize(f"{phrase}, <lily>").ids
    plain = backbone.text.tokenizer(f"{phrase},", add_special_tokens=False).input_ids
    assert ids[1 : 1 + len(plain)] == plain[: backbone.text.max_tokens]
