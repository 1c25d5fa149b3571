"""Merging concepts into one file: the router against its definition, and files that open anywhere."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

import studio.__main__ as console
from studio.edits import LowRank, NewWord, attach
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Result, Step
from studio.generation.composing import compose_sum
from studio.generation.conditions import Prompts
from studio.generation.merge import RIDGE, STEPS, InputMoments, merge_concepts, router
from studio.models import opening
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe, Sampling
from studio.settings import Knob
from studio.ui.create.knob_sliders import knobs_in, strengths_and_knobs
from studio.workspace.workspace import Workspace
from tests import tiny
from tests.by_hand import gated, tuned, word
from tests.generation.two_concepts import T

SAMPLING = Sampling(seed=3, guidance=2.0)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone(levels=2)


def merged(backbone: Backbone, *concepts: Concept) -> Concept:
    *_, last = merge_concepts(backbone, concepts, SAMPLING)
    return last.value


def low_rank(concept: Concept) -> LowRank:
    return next(edit for edit in concept.edits if isinstance(edit, LowRank))


def test_the_router_of_one_concept_is_the_identity() -> None:
    Z = torch.randn(4, 30, dtype=torch.float64)
    torch.testing.assert_close(router(Z @ Z.T, Z @ Z.T), torch.eye(4, dtype=torch.float64))


def test_without_inputs_the_router_is_the_plain_sum() -> None:
    nothing = torch.zeros(4, 4, dtype=torch.float64)
    torch.testing.assert_close(router(nothing, nothing), torch.eye(4, dtype=torch.float64))


def test_the_router_gives_each_concepts_inputs_to_its_own_edit() -> None:
    """Checked against gradient descent on the definition, and against the plain sum."""
    generator = torch.Generator().manual_seed(0)
    Z = [torch.randn(4, 50, dtype=torch.float64, generator=generator) for _ in range(2)]
    Z[1][2:] *= 3
    masks = [
        torch.tensor([[1.0], [1.0], [0.0], [0.0]]).double(),
        torch.tensor([[0.0], [0.0], [1.0], [1.0]]).double(),
    ]
    G = sum(z @ z.T for z in Z)
    Q = sum(mask * (z @ z.T) for mask, z in zip(masks, Z, strict=True))

    def error(M: Tensor) -> Tensor:
        return sum((M @ z - mask * z).square().sum() for mask, z in zip(masks, Z, strict=True))

    M = torch.eye(4, dtype=torch.float64).requires_grad_()
    optimizer = torch.optim.LBFGS([M], max_iter=200, tolerance_grad=1e-12)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = error(M)
        loss.backward()
        return loss

    optimizer.step(closure)
    torch.testing.assert_close(router(G, Q), M.detach(), atol=10 * RIDGE, rtol=0)
    assert error(router(G, Q)) < error(torch.eye(4, dtype=torch.float64))


def test_concepts_with_orthogonal_inputs_do_not_disturb_each_other() -> None:
    rows = torch.linalg.qr(torch.randn(2, 6, 2)).Q.mT  # orthonormal: the ridge blurs nearly parallel ones
    edits = [
        LowRank(h, "cat", {"s": a}, {"s": b})
        for h, a, b in zip(("<lily>", "<tom>"), rows, torch.randn(2, 5, 2), strict=True)
    ]
    basis = torch.linalg.qr(torch.randn(6, 6)).Q
    inputs = [basis[:2], basis[2:4]]
    moments = InputMoments(edits)
    for edit, x in zip(edits, inputs, strict=True):
        moments.add("s", x.double() @ moments.A["s"].T, [edit])
    both = moments.merged("<lily>", "cat")
    for edit, x in zip(edits, inputs, strict=True):
        alone = x @ edit.A["s"].T @ edit.B["s"].T
        together = x @ both.A["s"].T @ both.B["s"].T
        summed_up = x @ sum(each.A["s"].T @ each.B["s"].T for each in edits)
        assert (together - alone).norm() < 0.02 * (summed_up - alone).norm()


def test_one_concept_merged_is_that_concept(backbone: Backbone, tmp_path: Path) -> None:
    lily = tuned(backbone, "<lily>").round_to_file()
    lily.save(tmp_path / "lily.safetensors")
    merged(backbone, Concept.open(tmp_path / "lily.safetensors")).save(tmp_path / "merged.safetensors")
    assert (tmp_path / "merged.safetensors").read_bytes() == (tmp_path / "lily.safetensors").read_bytes()


def test_a_merged_concept_is_nearer_to_each_alone_than_the_sum(backbone: Backbone) -> None:
    """On the inputs that it was merged for: the keys of each concept's own prompt."""
    concepts = [
        tuned(backbone, "<lily>").round_to_file(),
        tuned(backbone, "<tom>", "dog", seed=1).round_to_file(),
    ]
    both = merged(backbone, *concepts)
    for concept in concepts:
        prompt = f"a photo of {concept.header.handle}"
        conditions = compose_sum(backbone, Prompts("", prompt), concept.active_edits(Recipe(prompt)))
        site, hidden = backbone.key_sites[0], conditions.at(T).hidden

        def keys(*edits: LowRank, site: str = site, hidden: Tensor = hidden) -> Tensor:
            return sum(hidden @ edit.A[site].T @ edit.B[site].T for edit in edits)

        alone = keys(low_rank(concept))
        wrong = (keys(*map(low_rank, concepts)) - alone).norm()
        assert (keys(low_rank(both)) - alone).norm() < 0.7 * wrong


def test_a_merged_file_opens_with_all_handles(backbone: Backbone, tmp_path: Path) -> None:
    concepts = [tuned(backbone, "<lily>"), gated(backbone, "<tom>", "dog", 1)]
    both = merged(backbone, *concepts)
    both.save(tmp_path / "both.safetensors")
    opened = Concept.open(tmp_path / "both.safetensors")
    opened.check(backbone)
    assert opened.header.handles == {"<lily>": "cat", "<tom>": "dog"}
    assert [edit.kind for edit in opened.edits].count("low_rank") == 1
    words = {edit.handle: edit for edit in opened.edits if isinstance(edit, NewWord)}
    assert torch.equal(words["<tom>"].vectors, word(backbone, "<tom>", "dog", 1).vectors)
    assert set(opened.header.knobs) == set(concepts[1].header.knobs)


def test_a_merged_concept_has_the_knobs_of_all(backbone: Backbone) -> None:
    bias, temperature = Knob(0.6, 0.0, 1.0, "Low is strong."), Knob(0.1, 0.01, 1.0, "How gradually.")
    lily, tom = (
        Concept(dataclasses.replace(one.header, knobs=knobs), one.edits)
        for one, knobs in (
            (gated(backbone, "<lily>"), {"bias": bias}),
            (gated(backbone, "<tom>", "dog", 1), {"temperature": temperature}),
        )
    )
    assert merged(backbone, lily, tom).header.knobs == {"bias": bias, "temperature": temperature}
    own = {"<lily>": {"bias": bias}, "<tom>": {"temperature": temperature}}
    assert merged(backbone, lily, tom).header.own_knobs == own


def with_knobs(backbone: Backbone, handle: str, **knobs: Knob) -> Concept:
    """Return a concept of a word with these knobs in its header."""
    header = dataclasses.replace(gated(backbone, handle).header, knobs=knobs)
    return Concept(header, (word(backbone, handle, "cat", 0),))


def test_knobs_of_one_name_are_one_that_fits_all_or_are_refused(backbone: Backbone) -> None:
    colours, others = Knob.choosing(("red", "blue")), Knob.choosing(("red", "blue", "green"))
    lily = with_knobs(backbone, "<lily>", colour=colours, gate=Knob(0.5, 0.1, 0.6, ""))
    tom = with_knobs(backbone, "<tom>", colour=colours, gate=Knob(0.7, 0.2, 0.9, ""))
    header = merged(backbone, lily, tom, with_knobs(backbone, "<rex>")).header
    assert header.knobs == {"colour": colours, "gate": Knob(0.5, 0.1, 0.9, "")}
    assert header.knobs_of("<rex>") == {} and header.knobs_of("<lily>") == lily.header.knobs
    with pytest.raises(StudioError, match="The colour of <rex> chooses from other things"):
        merged(backbone, lily, with_knobs(backbone, "<rex>", colour=others))


def test_each_concept_keeps_its_own_default_of_a_knob(backbone: Backbone, tmp_path: Path) -> None:
    """What a recipe leaves out, since it is the default, is what the edit of that concept paints with."""
    lily, tom = (
        with_knobs(backbone, handle, bias=Knob(default, 0.0, 1.0, "Low is strong."))
        for handle, default in (("<lily>", 0.6), ("<tom>", 0.3))
    )
    workspace, both = Workspace(tmp_path), merged(backbone, lily, tom)
    both.save(workspace.concepts.path("<lily>"))
    sliders = [knob for knob in knobs_in(workspace, "<lily> and <tom>") if knob.name]
    assert [(knob.handle, knob.default) for knob in sliders] == [("<lily>", 0.6), ("<tom>", 0.3)]
    assert strengths_and_knobs(sliders, [0.3, 0.6])[1] == {"<lily>": {"bias": 0.3}, "<tom>": {"bias": 0.6}}
    assert strengths_and_knobs(sliders, [0.6, 0.3])[1] == {}
    again = merged(backbone, with_knobs(backbone, "<rex>", bias=Knob(0.3, 0.0, 1.0, "")), both).header
    assert {handle: again.knobs_of(handle)["bias"].default for handle in again.handles} == {
        "<rex>": 0.3,
        "<lily>": 0.6,
        "<tom>": 0.3,
    }
    workspace.rename("<tom>", "rose")
    assert workspace.concepts.find("<rose>").header.knobs_of("<rose>")["bias"].default == 0.3


def test_low_rank_edits_learn_to_leave_a_concept_without_any_alone(backbone: Backbone) -> None:
    lily, tom = (
        tuned(backbone, "<lily>").round_to_file(),
        Concept(gated(backbone, "<tom>", "dog").header, (word(backbone, "<tom>", "dog", 1),)),
    )
    prompt = "a photo of <tom>"
    conditions = compose_sum(backbone, Prompts("", prompt), tom.active_edits(Recipe(prompt)))
    hidden = conditions.at(T).hidden
    before, after = low_rank(lily), low_rank(merged(backbone, lily, tom))
    site = backbone.value_sites[0]
    changes = [(hidden @ edit.A[site].T @ edit.B[site].T).norm() for edit in (before, after)]
    assert changes[1] < 0.7 * changes[0]


def test_steps_are_counted_and_nothing_stays_attached(backbone: Backbone) -> None:
    def hooks() -> list[object]:
        layers = backbone.sites.values()
        return [
            hook
            for layer in layers
            for each in (layer._forward_hooks, layer._forward_pre_hooks)
            for hook in each
        ]

    weights = [id(weight) for weight in backbone.unet.parameters()]
    backbone.text.read([""])  # transformers leaves hooks of its own on the first reading
    before = hooks()
    concepts = [tuned(backbone, "<lily>"), tuned(backbone, "<tom>", seed=1)]
    steps = []
    for event in merge_concepts(backbone, concepts, SAMPLING):
        assert hooks() == before
        assert [id(weight) for weight in backbone.unet.parameters()] == weights
        steps += [event.step] if isinstance(event, Step) else []
    assert steps == list(range(1, 2 * STEPS + 1)) and isinstance(event, Result)


def test_two_concepts_of_one_name_are_refused(backbone: Backbone) -> None:
    with pytest.raises(StudioError, match="called <lily>"):
        merged(backbone, tuned(backbone, "<lily>"), tuned(backbone, "<lily>", seed=1))


def test_the_command_line_writes_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backbone: Backbone
) -> None:
    monkeypatch.setattr(opening, "open_backbone", lambda base, **options: tiny.backbone(levels=2))
    (tmp_path / "concepts").mkdir()
    tuned(backbone, "<lily>").save(tmp_path / "concepts" / "lily.safetensors")
    tuned(backbone, "<tom>", seed=1).save(tmp_path / "elsewhere.safetensors")
    out = tmp_path / "both.safetensors"
    command = ["merge", "lily", str(tmp_path / "elsewhere.safetensors"), "--workspace", str(tmp_path)]
    assert console.main([*command, "--out", str(out)]) == 0
    with torch.no_grad(), attach(backbone, Concept.open(out).active_edits(Recipe("<lily>"))):
        assert set(backbone.text.tokenize("<lily> and <tom>").spans) == {"<lily>", "<tom>"}
