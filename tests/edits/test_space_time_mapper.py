"""The network that speaks a word for each timestep and block (NeTI, arXiv 2305.15391), against a loop."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from studio.edits.space_time_mapper import UNITS, Form, SpaceTimeMapper, positional_code

SIGMAS = (0.03, 2.0)
BLOCKS = 16
FORM = Form(length=0.4)


def mapper(form: Form = FORM, width: int = 12, blocks: int = BLOCKS, seed: int = 0) -> SpaceTimeMapper:
    return SpaceTimeMapper.start(width, blocks, SIGMAS, form, torch.Generator().manual_seed(seed))


def pairs(*given: tuple[int, int]) -> tuple[Tensor, Tensor]:
    t, blocks = torch.tensor(given).T
    return t, blocks


def whole(count: int) -> Tensor:
    return torch.full((count,), UNITS)


def naive_code(frequencies: list[list[float]], t: float, block: float) -> list[float]:
    angles = [row[0] * t + row[1] * block for row in frequencies]
    numbers = [*map(math.sin, angles), *map(math.cos, angles)]
    length = math.sqrt(sum(number * number for number in numbers))
    return [number / length for number in numbers]


def naive_layer(tensors: dict[str, Tensor], name: str, x: list[float]) -> list[float]:
    weight, bias = (tensors[f"{name}/{part}"].tolist() for part in ("weight", "bias"))
    return [
        sum(w * value for w, value in zip(row, x, strict=True)) + b
        for row, b in zip(weight, bias, strict=True)
    ]


def naive_norm(tensors: dict[str, Tensor], name: str, x: list[float]) -> list[float]:
    """LayerNorm, then a leaky ReLU."""
    weight, bias = (tensors[f"{name}/{part}"].tolist() for part in ("weight", "bias"))
    mean = sum(x) / len(x)
    spread = math.sqrt(sum((value - mean) ** 2 for value in x) / len(x) + 1e-5)
    normed = [(value - mean) / spread * w + b for value, w, b in zip(x, weight, bias, strict=True)]
    return [value if value > 0 else 0.01 * value for value in normed]


def naive(made: SpaceTimeMapper, t: float, block: float, count: int) -> tuple[list[float], list[float]]:
    tensors, length = dict(made.tensors), made.form.length
    x = naive_layer(tensors, "anchors", naive_code(tensors["frequencies"].tolist(), t, block))
    x = naive_norm(tensors, "first_norm", naive_layer(tensors, "first", x))
    x = naive_norm(tensors, "second_norm", naive_layer(tensors, "second", x))
    output = naive_layer(
        tensors, "output", [value if index < count else 0.0 for index, value in enumerate(x)]
    )

    def scaled(vector: list[float], wanted: float) -> list[float]:
        norm = math.sqrt(sum(value * value for value in vector))
        return [value / norm * wanted for value in vector]

    output = scaled(output, length) if made.form.joint else output
    v, b = output[: made.width], output[made.width :]
    v = v if made.form.joint else scaled(v, length)
    return v, scaled(b, 1.0) if made.form.bypass else [0.0] * made.width


@pytest.mark.parametrize("form", [FORM, Form(0.4, joint=False), Form(0.4, bypass=False)])
def test_it_computes_what_the_paper_writes(form: Form) -> None:
    made = mapper(form)
    for tensor in made.parameters():
        tensor += 0.02 * torch.randn(tensor.shape)
    given, counting = [(0, 0), (999, 15), (437, 3)], torch.tensor([128, 40, 1])
    v, b = made(*pairs(*given), counting)
    for row, (t, block) in enumerate(given):
        for found, expected in zip((v[row], b[row]), naive(made, t, block, int(counting[row])), strict=True):
            torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-3, atol=1e-4)


def test_joint_normalisation_shares_the_length_and_the_other_gives_it_to_the_word() -> None:
    both, _ = mapper()(*pairs((500, 3)), whole(1))
    alone, b = mapper(Form(0.4, joint=False))(*pairs((500, 3)), whole(1))
    assert both.norm() < 0.39
    torch.testing.assert_close(torch.stack([alone.norm(), b.norm()]), torch.tensor([0.4, 1.0]))


def test_it_has_the_published_number_of_parameters() -> None:
    for form, count in ((FORM, 563_616), (Form(0.4, bypass=False), 464_544)):
        made = mapper(form, width=768)
        assert sum(tensor.numel() for tensor in made.parameters()) == count
        assert made.width == 768 and made.blocks == 16


def test_n1_every_anchor_answers_loudest_to_itself() -> None:
    made = mapper()
    t, blocks = torch.cartesian_prod(torch.arange(0, 1000, 100), torch.arange(BLOCKS)).T
    code = positional_code(made.tensors["frequencies"], t, blocks)
    heard = (code @ made.tensors["anchors/weight"].T + made.tensors["anchors/bias"]).argmax(1)
    assert len(heard) == 160 and (heard == torch.arange(160)).float().mean() >= 0.95


def test_n2_codes_have_unit_length_and_tell_blocks_apart_more_than_timesteps() -> None:
    frequencies = mapper().tensors["frequencies"]
    code = positional_code(frequencies, *pairs((500, 7), (501, 7), (500, 8), (700, 7)))
    torch.testing.assert_close(code.norm(dim=1), torch.ones(4))
    next_t, next_block, far_t = (code[0] @ code[1:].T).tolist()
    assert next_t > 0.999 and next_block < 0.3 and far_t < 0.3
    assert frequencies.std(0).tolist() == pytest.approx(SIGMAS, rel=0.05)


def test_the_first_units_count_and_the_others_do_not() -> None:
    made, given = mapper(), pairs((500, 3))
    before, _ = made(*given, torch.tensor([40]))
    made.tensors["output/weight"][:, 40:] += 1
    after, _ = made(*given, torch.tensor([40]))
    all_of_them, _ = made(*given, whole(1))
    made.tensors["output/weight"][:, 39] += 1
    changed, _ = made(*given, torch.tensor([40]))
    assert torch.equal(before, after)
    assert not torch.equal(after, all_of_them) and not torch.equal(after, changed)


def test_with_no_unit_it_says_the_same_everywhere() -> None:
    v, b = mapper()(*pairs((0, 0), (900, 12)), torch.zeros(2, dtype=torch.long))
    torch.testing.assert_close(v[0], v[1])
    torch.testing.assert_close(b[0], b[1])
    assert v.abs().max() > 0


def test_a_seed_gives_the_same_network_on_every_machine() -> None:
    one, same, other = mapper(), mapper(), mapper(seed=1)
    assert all(torch.equal(one.tensors[name], same.tensors[name]) for name in one.tensors)
    assert not torch.equal(one.tensors["frequencies"], other.tensors["frequencies"])
