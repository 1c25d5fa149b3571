"""A concept: its edits and a readable header, in one small safetensors file.

Opening it runs no code and needs no trainer. Tensor names are `kind/site/tensor` by module path, never by
ordinal. Nothing that is shared between concepts is stored in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from studio.concepts.concept_library import Library
from studio.concepts.header import METADATA_KEY, Header, not_a_concept, read_header
from studio.edits.edit import ActiveEdit, Edit
from studio.edits.kinds import KINDS
from studio.errors import StudioError
from studio.files import write_atomic
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe
from studio.settings import Knob
from studio.words import tr


@dataclass(frozen=True)
class Concept:
    """What was learned (`edits`), and what it is and how it was made (`header`)."""

    header: Header
    edits: tuple[Edit, ...]

    def round_to_file(self) -> Concept:
        """Round all tensors to the precision of the file, and return the concept.

        Painting now and painting after opening the file then give the same picture.
        """
        for edit in self.edits:
            for name, tensor in edit.tensors().items():
                tensor.data = tensor.detach().to(edit.file_dtype(name)).float()
        return self

    @property
    def tensor_bytes(self) -> int:
        """Return how much room its tensors take in a file."""
        return sum(
            tensor.numel() * edit.file_dtype(name).itemsize
            for edit in self.edits
            for name, tensor in edit.tensors().items()
        )

    def copied(self) -> Concept:
        """Return it as if it had been saved and opened: with tensors of its own, in the file's precision.

        Raises ValueError when its edits are of a kind that files do not hold.
        """
        tensors = {name: tensor.clone().float() for name, tensor in self._file_tensors().items()}
        return Concept(self.header, tuple(_edits(self.header, tensors)))

    def save(self, path: str | Path) -> None:
        """Write the file, whole or not at all."""
        tensors = self._file_tensors()
        write_atomic(Path(path), to_bytes(tensors, metadata={METADATA_KEY: self.header.to_text()}))

    def _file_tensors(self) -> dict[str, torch.Tensor]:
        """Return the tensors of the file by name."""
        tensors = {}
        for edit in self.edits:
            for name, tensor in edit.tensors().items():
                tensors[f"{edit.kind}/{name}"] = tensor.detach().to("cpu", edit.file_dtype(name)).contiguous()
        return tensors

    @classmethod
    def open(cls, path: Path) -> Concept:
        """Return the concept in a file.

        Raises StudioError if it is none, or holds numbers that are not finite.
        """
        header = read_header(path)
        try:
            tensors = load_file(path)
        except (SafetensorError, OSError, ValueError, RecursionError) as error:
            raise not_a_concept(path, tr("its tensors are damaged")) from error
        if not all(tensor.is_floating_point() and tensor.isfinite().all() for tensor in tensors.values()):
            raise not_a_concept(path, tr("it holds values that are no numbers"))
        try:
            edits = tuple(_edits(header, {name: tensor.float() for name, tensor in tensors.items()}))
        except ValueError as error:
            raise not_a_concept(path, str(error)) from error
        return cls(header, edits)

    def check(self, backbone: Backbone) -> None:
        """Raise StudioError, naming both models, when this concept cannot be used on a base.

        It can on every base of its kind, fine-tunes of the one it was made on among them. One that depends on
        data measured on its base needs that very base.
        """
        fits = all(edit.is_compatible(backbone) for edit in self.edits)
        is_same = self.header.fingerprint == backbone.fingerprint
        if fits and (is_same or not self.header.dependencies):
            return
        made = f"{self.header.base} ({self.header.fingerprint})"
        here = f"{backbone.name} ({backbone.fingerprint})"
        hint = "Start the studio with --base {base}, or train the concept again from the photos."
        raise StudioError(
            "{handle} was made for {made}, but the base is {here}.",
            hint,
            handle=self.header.handle,
            made=made,
            here=here,
            base=self.header.base,
        )

    def note_on(self, backbone: Backbone) -> str:
        """Return what to know of this concept on a base that it was not made on; empty for its own."""
        if self.header.fingerprint == backbone.fingerprint:
            return ""
        text = "{handle} was made on {base}, another base of the same kind: here it may look different."
        return tr(text, handle=self.header.handle, base=self.header.base)

    def active_edits(self, recipe: Recipe) -> list[ActiveEdit]:
        """Return the edits with the strengths and knobs of a recipe.

        Raises StudioError for a knob out of range.
        """
        for handle in self.header.handles:
            for name, value in recipe.knobs.get(handle, {}).items():
                knob = self.header.knobs.get(name)
                if knob is None or not knob.low <= value <= knob.high:
                    raise StudioError(
                        "{handle} cannot have {knob} {value:g}.",
                        "It has {known}." if self.header.knobs else "It has nothing of the kind.",
                        handle=handle,
                        knob=name,
                        value=value,
                        known=", ".join(_with_range(*one) for one in self.header.knobs.items()),
                    )
        named = recipe.painted_handles
        actives = []
        for edit in self.edits:
            handles = tuple(self.header.handles) if edit.common else (edit.handle,)
            strengths = [recipe.strength(handle) for handle in named if handle in handles]
            strength = max(strengths, default=recipe.strength(edit.handle))
            adjusted = edit.with_knobs(recipe.knobs.get(edit.handle, {}))
            actives.append(ActiveEdit(adjusted, strength, handles))
        return actives


def _with_range(name: str, knob: Knob) -> str:
    """Return the name of a knob with the values that it takes."""
    return tr("{name} {low:g} to {high:g}", name=name, low=knob.low, high=knob.high)


def _edits(header: Header, tensors: dict[str, torch.Tensor]) -> Sequence[Edit]:
    """Return the edits that these tensors make up. Raises ValueError when a name fits no kind or handle."""
    edits: list[Edit] = []
    groups: dict[tuple[str, str], dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition("/")
        if kind not in KINDS:
            raise ValueError(tr("it holds {kind!r}, which this version does not know", kind=kind))
        handle = rest.split("/")[0] if rest.startswith("<") else header.handle
        groups.setdefault((kind, handle), {})[rest] = tensor
    for (kind, handle), named in sorted(groups.items()):
        if handle not in header.handles:
            raise ValueError(tr("it holds {handle}, which its header does not name", handle=handle))
        edits.append(KINDS[kind].from_tensors(handle, header.handles[handle], named, header.settings))
    return edits


def open_concepts(library: Library, recipe: Recipe) -> list[Concept]:
    """Open the concepts that a recipe names.

    Raises StudioError when one is missing, or is no longer the file that the recipe was made for.
    """
    concepts: list[Concept] = []
    for handle in recipe.handles:
        entry = library.find(handle)
        if recipe.concepts.get(handle, known := library.hash(entry)) != known:
            raise StudioError(
                "{handle} has changed since this was asked for.", "Ask for it once more.", handle=handle
            )
        if not any(handle in concept.header.handles for concept in concepts):
            concepts.append(Concept.open(entry.path))
    return concepts
