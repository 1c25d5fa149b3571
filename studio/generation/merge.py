"""Merge concepts into one file, so that their low-rank edits do not disturb each other.

Words and all edits that are not low-rank are copied to the merged file unchanged. Low-rank edits share
layers, and their plain sum adds to each concept what the others would do to its inputs. SSR-Merge (2026;
known to us from a summary only) puts a router between the stacked A (R, in) and the stacked B (out, R) of K
concepts, in closed form. With X_k the inputs of a layer while concept k alone is painted, and Z_k = A X_k:

    router = argmin over M of  sum_k || M Z_k - P_k Z_k ||^2  =  Q G^-1,
    G = sum_k Z_k Z_k',   Q = sum_k P_k Z_k Z_k',   P_k keeps the rows of concept k

B router replaces B: an ordinary low-rank edit of rank R. The ridge pulls towards the identity, which is the
plain sum, where the inputs say nothing; with a single concept the router is the identity.

Differences: inputs are collected over a whole painting of each concept instead of one pass, since that costs
little here. A concept without low-rank edits takes part too: its inputs are recorded as well, and the router
is fitted to output zero for them.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import torch
from PIL import Image
from torch import Tensor, nn

from studio.concepts.header import Header
from studio.concepts.preview import open_preview
from studio.edits import Edit, LowRank
from studio.edits.concept import Concept
from studio.edits.kinds.low_rank import project
from studio.errors import StudioError
from studio.events import Event, Result, Step
from studio.generation.composing import compose_sum
from studio.generation.conditions import Prompts
from studio.generation.generate import check_concepts
from studio.generation.sampling import sample
from studio.models.backbone import Backbone
from studio.recipes.recipe import Sampling
from studio.settings import Knob
from studio.words import tr

STEPS = 10  # of the painting whose inputs are collected
RIDGE = 1e-4  # of the mean of G's diagonal
MIN_MEAN = 1e-8  # keeps the ridge above 0 where no input was recorded


def merge_concepts(backbone: Backbone, concepts: Sequence[Concept], sampling: Sampling) -> Iterator[Event]:
    """Merge concepts; yields a Step for each sampling step, then a Result with the merged Concept.

    `sampling` gives the seed and guidance of the paintings. Raises StudioError when two concepts share a
    handle, or one does not fit the base or another.
    """
    named = [handle for concept in concepts for handle in concept.header.handles]
    twice = next((handle for handle in named if named.count(handle) > 1), None)
    if twice:
        raise StudioError("Two of these are called {handle}.", "Rename one of them first.", handle=twice)
    check_concepts(backbone, concepts)
    everything = [edit.to(backbone) for concept in concepts for edit in concept.edits]
    low_ranks = [edit for edit in everything if isinstance(edit, LowRank)]
    edits = [edit for edit in everything if not isinstance(edit, LowRank)]
    header = _header(concepts)
    if len(concepts) == 1:
        edits = everything
    elif low_ranks:
        moments = InputMoments(low_ranks)
        done, total = 0, len(concepts) * STEPS
        for concept in concepts:
            for _ in _paint_alone(backbone, concept, sampling, moments):
                done += 1
                yield Step(done, total, stage=tr("recording the inputs of each concept"))
        edits.append(moments.merged(header.handle, header.noun))
    yield Result(Concept(header, tuple(edits)).round_to_file())


class InputMoments:
    """Collects G and Q (R, R) of every site over the inputs of its layer."""

    def __init__(self, edits: Sequence[LowRank]) -> None:
        self.edits = edits
        sites = dict.fromkeys(site for edit in edits for site in edit.A)
        self.A = {site: torch.cat([e.A[site] for e in edits if site in e.A]).double() for site in sites}
        self.G = {site: A.new_zeros(len(A), len(A)) for site, A in self.A.items()}
        self.Q = {site: torch.zeros_like(G) for site, G in self.G.items()}

    def add(self, site: str, inner: Tensor, attached: Sequence[Edit]) -> None:
        """Add what A makes of a layer's inputs, (..., R), recorded while only the edits `attached` act."""
        rows = [len(edit.A[site]) * [float(edit in attached)] for edit in self.edits if site in edit.A]
        P = torch.tensor([one for row in rows for one in row], dtype=torch.float64, device=inner.device)
        Z = inner.flatten(0, -2).T
        outer = Z @ Z.T / Z.shape[1]
        self.G[site] += outer
        self.Q[site] += P[:, None] * outer

    @contextmanager
    def recording(self, backbone: Backbone, attached: Sequence[Edit]) -> Iterator[None]:
        """Context manager: add the inputs of every layer, while only the edits `attached` act."""

        def record(site: str, layer: nn.Module, arguments: tuple[Tensor, ...]) -> None:
            self.add(site, project(layer, self.A[site], arguments[0]), attached)

        hooks = [backbone.sites[site].register_forward_pre_hook(partial(record, site)) for site in self.A]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def merged(self, handle: str, noun: str) -> LowRank:
        """Return the merged edit."""
        A, B = {}, {}
        for site, stacked in self.A.items():
            together = torch.cat([edit.B[site] for edit in self.edits if site in edit.A], dim=1).double()
            A[site] = stacked.float()
            routed = together.flatten(1) @ router(self.G[site], self.Q[site])
            B[site] = routed.view_as(together).float()
        return LowRank(handle, noun, A, B)


def router(G: Tensor, Q: Tensor) -> Tensor:
    """Return (Q + ridge I) (G + ridge I)^-1, (R, R)."""
    ridge = RIDGE * G.diagonal().mean().clamp_min(MIN_MEAN) * torch.eye(len(G)).to(G)
    return torch.linalg.solve(G + ridge, Q + ridge, left=False)


def _paint_alone(
    backbone: Backbone, concept: Concept, sampling: Sampling, moments: InputMoments
) -> Iterator[Tensor]:
    """Paint one concept alone while the inputs of its layers are collected; yields the latents."""
    prompt = f"a photo of {' and '.join(concept.header.handles)}"
    recipe = dataclasses.replace(sampling, steps=STEPS).with_prompt(prompt)
    with moments.recording(backbone, concept.edits):
        conditions = compose_sum(backbone, Prompts("", recipe.prompt), concept.active_edits(recipe))
    sampled = sample(backbone, recipe, conditions, [recipe.seed])
    for _ in range(STEPS):
        with moments.recording(backbone, concept.edits):
            latents = next(sampled)
        yield latents


def _header(concepts: Sequence[Concept]) -> Header:
    """Return the header of the merged file; a single concept keeps its own."""
    headers = [concept.header for concept in concepts]
    if len(headers) == 1:
        return headers[0]
    titles = dict.fromkeys(header.method_title for header in headers)
    return dataclasses.replace(
        headers[0],
        handles={handle: noun for header in headers for handle, noun in header.handles.items()},
        method="fused",
        method_title=f"Fused: {', '.join(titles)}"[:400],
        paper="; ".join(dict.fromkeys(header.paper for header in headers))[:400],
        settings={header.handle: f"{header.method_title}, {header.steps} steps" for header in headers},
        photos=sum(header.photos for header in headers),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        report={},
        dependencies={name: digest for header in headers for name, digest in header.dependencies.items()},
        knobs=_knobs(headers),
        own_knobs={handle: header.knobs_of(handle) for header in headers for handle in header.handles},
        preview=_beside([header.preview for header in headers if header.preview]),
    )


def _knobs(headers: Sequence[Header]) -> dict[str, Knob]:
    """Return the knobs of all concepts; one of several, which is a number, reaches as far as any of them.

    Raises StudioError when two knobs of one name choose from different things.
    """
    knobs: dict[str, Knob] = {}
    for header in headers:
        for name, knob in header.knobs.items():
            first = knobs.setdefault(name, knob)
            if knob.choices != first.choices:
                raise StudioError(
                    "The {knob} of {handle} chooses from other things than that of another concept.",
                    "Leave one out of the file: a prompt can name concepts of several files.",
                    knob=name.replace("_", " "),
                    handle=header.handle,
                )
            low, high = min(knob.low, first.low), max(knob.high, first.high)
            knobs[name] = dataclasses.replace(first, low=low, high=high)
    return knobs


def _beside(previews: Sequence[bytes]) -> bytes:
    """Return small pictures side by side in a square, as one PNG; those that cannot be read are left out."""
    pictures = [picture for picture in map(open_preview, previews) if picture is not None]
    if not pictures:
        return b""
    width, height = pictures[0].size
    whole = Image.new("RGB", (width, height), "white")
    part = -(-width // len(pictures))
    for number, picture in enumerate(pictures):
        small = picture.resize((width, height))
        left = (width - part) // 2
        whole.paste(small.crop((left, 0, left + part, height)), (number * part, 0))
    buffer = io.BytesIO()
    whole.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
