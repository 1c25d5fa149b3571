"""A step that saves memory: with the denoiser in 8 bits it goes nearly where it would go otherwise, in parts
exactly there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from studio.models.backbone import Backbone
from studio.models.settling import settle
from tests import tiny, tiny_z_image
from tests.trainers.battery import SUBJECT, parameters_of, photos, prepared, step_loss
from trainers import METHODS
from trainers.kit.memory_saving import MemorySaving
from trainers.kit.optimizing import Optimization

# Through networks of random weights little arrives at a word, and what does is rounded the more.
CLOSE = {
    ("stable_diffusion", "textual_inversion"): 0.94,
    ("stable_diffusion", "neti"): 0.97,
    ("stable_diffusion_xl", "textual_inversion"): 0.97,
    ("stable_diffusion_xl", "break_a_scene"): 0.97,
    ("stable_diffusion_xl", "iti_gen"): 0.97,
}
FAMILIES: dict[str, Callable[[], Backbone]] = {**tiny.FAMILIES, "z_image": tiny_z_image.backbone}


@pytest.mark.parametrize("method_id", sorted(METHODS))
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_gradient_of_a_step_is_nearly_the_same(family: str, method_id: str, tmp_path: Path) -> None:
    plain, narrow = FAMILIES[family](), FAMILIES[family]()
    settle(narrow, torch.device("cpu"), "least")
    if METHODS[method_id].refusal(plain):
        assert METHODS[method_id].refusal(narrow)
        return
    gradients = []
    for backbone in (plain, narrow):
        method = prepared(method_id, backbone, tmp_path / "class pictures")  # the same for both
        learned = [tensor.requires_grad_() for tensor in parameters_of(method)]
        with torch.enable_grad():
            loss = step_loss(method, torch.Generator().manual_seed(0))
        each = torch.autograd.grad(loss, learned, allow_unused=True)
        gradients.append(torch.cat([gradient.flatten() for gradient in each if gradient is not None]))
    assert gradients[0].norm() > 0
    assert F.cosine_similarity(*gradients, dim=0) > CLOSE.get((family, method_id), 0.98)


CONTEXT = {"context_embedding_weight": 0.5, "context_attention_weight": 0.5}
IN_PARTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in sorted(METHODS)),
    *(("textual_inversion", {**CONTEXT, "context_form": form}) for form in ("released code", "paper")),
    ("textual_inversion", {"class_meaning_weight": 0.5}),
    ("prospect", CONTEXT),
]


def gradients(
    method_id: str, backbone: Backbone, cache: Path, batch_parts: int, settings: dict[str, Any]
) -> tuple[list[torch.Tensor | None], dict[str, float], int]:
    """Return the gradients of the first step with a batch of 3 in parts, its terms, and how many parts."""
    kind = METHODS[method_id]
    sizes = {"batch": 3, "tuning_batch": 3} if method_id == "context_regularized" else {"batch": 3}
    values = kind.card().parse({**kind.quick_settings, **sizes, **settings})
    method = kind(backbone, SUBJECT, kind.own(values), torch.Generator().manual_seed(3))
    list(method.prepare(photos(method_id), cache))
    regularizers = [one(method, one.own(values)) for one in kind.regularizers if one.is_on(values)]
    optimization = Optimization(method, regularizers, backbone, torch.Generator().manual_seed(1))
    optimization.memory.take_those_of(MemorySaving(batch_parts))
    stage, _ = optimization._enter_stage()
    terms = {name: term.item() for name, term in optimization._gradients(stage).items()}
    return [tensor.grad for tensor in parameters_of(method)], terms, optimization.memory.batch_parts


@pytest.mark.parametrize(("method_id", "settings"), IN_PARTS)
def test_the_gradient_of_a_batch_in_parts_is_that_of_the_whole(
    method_id: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    """What cannot be taken in parts stays whole."""
    backbone = tiny.backbone()
    whole, losses, _ = gradients(method_id, backbone, tmp_path, 1, settings)
    for asked in (2, 3):
        parted, terms, parts = gradients(method_id, backbone, tmp_path, asked, settings)
        is_whole = METHODS[method_id].indivisible or (method_id, settings) == ("prospect", CONTEXT)
        assert parts == (1 if is_whole else asked)
        assert terms == pytest.approx(losses, rel=1e-4)
        for one, expected in zip(parted, whole, strict=True):
            assert (one is None) is (expected is None)
            if one is not None:
                largest = expected.abs().max().item()
                torch.testing.assert_close(one, expected, rtol=1e-3, atol=1e-6 * max(1, largest))


@pytest.mark.parametrize(("batch", "steps"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (6, [1, 2, 4, 6])])
def test_photos_are_taken_ever_fewer_at_a_time_and_no_more_than_there_are(
    batch: int, steps: list[int], tmp_path: Path
) -> None:
    backbone = tiny.backbone()
    method = prepared("textual_inversion", backbone, tmp_path, batch=batch)
    memory = Optimization(method, [], backbone, torch.Generator()).memory
    taken = [memory.batch_parts]
    while not memory.is_offloaded:
        assert memory.take_next()
        taken.append(memory.batch_parts)
    assert taken == [*steps, steps[-1]] and not memory.take_next()


@pytest.mark.parametrize("method_id", ["perfusion", "iti_gen"])
def test_what_looks_at_all_photos_of_a_step_moves_activations_at_once(method_id: str, tmp_path: Path) -> None:
    backbone = tiny.backbone()
    method = prepared(method_id, backbone, tmp_path, batch=4)
    memory = Optimization(method, [], backbone, torch.Generator()).memory
    assert "computer's memory" in memory.take_next() and memory.batch_parts == 1
