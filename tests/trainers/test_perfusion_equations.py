"""The checks that a wrong rank-one edit fails (Perfusion, arXiv 2305.01644): equations and sizes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from studio.edits import ActiveEdit, NewWord, RankOne
from studio.edits.concept import Concept
from studio.edits.gated_projection import decompose

D, WIDTH = 12, 7


def metric(seed: int = 0, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(D, D, generator=generator, dtype=torch.float64)
    return scale * (A @ A.T + 0.5 * torch.eye(D, dtype=torch.float64))


def edit(i_star: Tensor, C: Tensor, o_star: Tensor, bias: float = 0.75, temperature: float = 0.1) -> RankOne:
    dual = torch.linalg.solve(C, i_star.double()).float()
    return RankOne("<lily>", "cat", i_star, dual, {"site": o_star}, bias, temperature)


def through(layer: nn.Linear, e: Tensor, *edits: RankOne) -> Tensor:
    """Return the output of the layer with the edits attached."""

    class Stub:
        sites = {"site": layer}
        key_sites = ()
        is_plain = False

    with torch.no_grad(), RankOne.prepare(Stub(), [ActiveEdit(each) for each in edits])():
        return layer(e)


def naive(W: Tensor, e: Tensor, C: Tensor, i: Tensor, o: Tensor, bias: float, temperature: float) -> Tensor:
    """Eq. 3 for one token, written out."""
    C_inv = torch.linalg.inv(C)
    similarity = sum(e[a] * C_inv[a, b] * i[b] for a in range(D) for b in range(D))
    energy = sum(i[a] * C_inv[a, b] * i[b] for a in range(D) for b in range(D))
    r = similarity / energy
    gate = 1 / (1 + math.exp(-(r - bias) / temperature))
    return W @ (e - r * i) + gate * o


@pytest.fixture
def layer() -> nn.Linear:
    torch.manual_seed(3)
    return nn.Linear(D, WIDTH, bias=False)


def test_p1_the_gate_at_the_concept_itself(layer: nn.Linear) -> None:
    i, o = torch.randn(D), torch.randn(WIDTH)
    output = through(layer, i[None, None], edit(i, metric(), o))
    torch.testing.assert_close(output[0, 0], 0.9241418 * o, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("bias", "temperature", "r", "gate"),
    [
        (0.75, 0.1, 0.5, 0.0759),
        (0.7, 0.15, 0.25, 0.0474),
        (0.6, 0.15, 0.75, 0.7311),
        (0.4, 0.15, 1.0, 0.9820),
    ],
)
def test_the_published_gate_table(bias: float, temperature: float, r: float, gate: float) -> None:
    i = torch.randn(D)
    _, gates, _ = decompose(r * i[None, None], [edit(i, metric(), torch.zeros(WIDTH), bias, temperature)])
    assert gates.item() == pytest.approx(gate, abs=1e-4)


def test_eq_3_equals_a_naive_loop(layer: nn.Linear) -> None:
    C, i, o = metric(1), torch.randn(D), torch.randn(WIDTH)
    e = torch.randn(2, 5, D)
    output = through(layer, e, edit(i, C, o, 0.4, 0.3))
    for row in range(2):
        for position in range(5):
            wanted = naive(
                layer.weight.double(), e[row, position].double(), C, i.double(), o.double(), 0.4, 0.3
            )
            torch.testing.assert_close(output[row, position], wanted.detach().float(), atol=1e-4, rtol=1e-4)


def test_p2_orthogonality_is_in_the_metric_of_c(layer: nn.Linear) -> None:
    C, i, o = metric(2), torch.randn(D), torch.randn(WIDTH)
    dual = torch.linalg.solve(C, i.double()).float()
    e = torch.randn(D)
    e = e - (e @ dual) / (dual @ dual) * dual
    assert abs(e @ i) > 0.1
    output = through(layer, e[None, None], edit(i, C, o))
    torch.testing.assert_close(
        output[0, 0], layer(e) + torch.sigmoid(torch.tensor(-7.5)) * o, atol=1e-4, rtol=0
    )


def test_p3_a_constant_in_front_of_c_changes_nothing(layer: nn.Linear) -> None:
    i, o, e = torch.randn(D), torch.randn(WIDTH), torch.randn(1, 4, D)
    one, seven = (through(layer, e, edit(i, metric(4, scale), o)) for scale in (1.0, 7.0))
    torch.testing.assert_close(one, seven, atol=1e-5, rtol=1e-5)


def test_p6_the_leak_into_other_tokens_is_exactly_the_ungated_part(layer: nn.Linear) -> None:
    C, i, o, e = metric(5), torch.randn(D), torch.randn(WIDTH), torch.randn(1, 6, D)
    own = edit(i, C, o)
    r, g, _ = decompose(e, [own])
    with torch.no_grad():
        change = through(layer, e, own) - layer(e)
        torch.testing.assert_close(change, -r * layer(i) + g * o, atol=1e-5, rtol=1e-4)
    assert r.abs().max() > 0.05


def test_p7_two_concepts_share_their_span(layer: nn.Linear) -> None:
    C = metric(6)
    C_inv = torch.linalg.inv(C)
    i_1 = torch.randn(D)
    i_2 = 0.6 * i_1 / i_1.norm() + 0.8 * torch.nn.functional.normalize(torch.randn(D), dim=0)
    edits = [edit(i_1, C, torch.zeros(WIDTH)), edit(i_2, C, torch.zeros(WIDTH))]
    e = torch.randn(3, 4, D)
    taken, _, I = decompose(e, edits)  # noqa: E741
    rest = (e - taken @ I).double()
    for i in (i_1, i_2):
        assert (rest @ C_inv @ i.double()).abs().max() < 1e-4
    L = torch.linalg.cholesky(C_inv)
    Q, _ = torch.linalg.qr(L.T @ torch.stack([i_1, i_2], dim=1).double())
    u = torch.linalg.solve(L.T, Q)
    paper = e.double() - (e.double() @ C_inv @ u) @ u.T
    torch.testing.assert_close(rest, paper, atol=1e-4, rtol=1e-4)


def test_p7_the_same_concept_twice_does_not_explode(layer: nn.Linear) -> None:
    C, i, o, e = metric(7), torch.randn(D), torch.randn(WIDTH), torch.randn(1, 5, D)
    own = edit(i, C, o)
    twice = edit(i * (1 + 1e-7), C, o)
    (once, _, _), (both, _, I) = decompose(e, [own]), decompose(e, [own, twice])  # noqa: E741
    torch.testing.assert_close(both @ I, once * i, atol=1e-3, rtol=1e-3)
    assert through(layer, e, own, twice).isfinite().all()


@pytest.mark.parametrize(("text", "high"), [(768, 110_000), (1024, 113_000)])
def test_p8_the_file_stays_small_at_real_shapes(tmp_path: Path, text: int, high: int) -> None:
    widths = [320] * 5 + [640] * 5 + [1280] * 6
    targets = {
        f"unet.down_blocks.{index}.attentions.0.transformer_blocks.0.attn2.to_{half}": torch.randn(width)
        for index, width in enumerate(widths)
        for half in "kv"
    }
    assert sum(len(o) for o in targets.values()) == 24_960
    word = NewWord("<lily>", "cat", torch.randn(1, text))
    rank_one = RankOne("<lily>", "cat", torch.randn(text), torch.randn(text), targets)
    from tests.edits.test_concept import HEADER

    concept = Concept(HEADER, (word, rank_one)).round_to_file()
    path = tmp_path / "lily.safetensors"
    concept.save(path)
    assert path.stat().st_size <= high
    opened = {made.kind: made for made in Concept.open(path).edits}
    for name, tensor in rank_one.tensors().items():
        assert torch.equal(opened["rank_one"].tensors()[name], tensor), name
