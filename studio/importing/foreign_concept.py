"""Makes concepts of embeddings and LoRAs that other programs wrote.

What a prompt calls <name> is read as the file's vectors; for a LoRA, which has none, as its trigger words.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from studio.concepts.header import Header
from studio.edits import Edit, LowRank, NewWord
from studio.edits.concept import Concept
from studio.edits.kinds.low_rank import is_linear_or_convolution
from studio.edits.kinds.tokens import MAX_VECTORS
from studio.errors import StudioError
from studio.importing.factor_shapes import rank_of
from studio.importing.peft_config import alphas_of
from studio.interop.foreign_file import ALPHA, DOWN, MID, UP, ForeignFile
from studio.interop.module_names import fused_names, names_of
from studio.limits import MAX_CONCEPT_BYTES, MB
from studio.models.backbone import Backbone
from studio.words import marked, tr

NAMED = 6  # unknown tensors that are named in a note
NO_STRENGTH = (
    "How strongly {file} acts is said by the adapter_config.json of its folder, which did not come with it. "
    "If it acts too weakly or too strongly, move its slider."
)
MIN_SHARE_OF_LAYERS = 0.5  # of those of a LoRA, that a base must have


@dataclass(frozen=True)
class Imported:
    """A concept out of another program's file, and what to know about it."""

    concept: Concept
    notes: tuple[str, ...] = ()


def import_concept(
    file: ForeignFile, backbone: Backbone, handle: str, noun: str, trigger: str | None = None
) -> Imported:
    """Return the concept in a file for a base.

    Args:
        trigger: the words that a LoRA answers to; the noun when empty, what the file proposes when None.

    Raises StudioError when the file does not fit the base, or holds values that are no numbers.
    """
    notes: list[str] = []
    edits: tuple[Edit, ...]
    if file.words:
        edits = (NewWord(handle, noun, _vectors(file, backbone)),)
    else:
        said = (file.trigger if trigger is None else trigger.strip()) or noun
        vectors = backbone.text.embeddings_of(said)
        if len(vectors) > MAX_VECTORS and trigger is None:  # nobody asked for these words
            said, vectors = noun, backbone.text.embeddings_of(noun)
        if len(vectors) > MAX_VECTORS:
            hint = "Give fewer: the one or two that it was trained with."
            raise StudioError("The trigger words are {count} tokens long.", hint, count=len(vectors))
        word = NewWord(handle, noun, vectors)
        low_rank, left_out = _low_rank(file, backbone, handle, noun)
        edits = (word, low_rank)
        notes.append(tr("{handle} is read as: {words}.", handle=handle, words=said))
        if left_out:
            notes.append(_unused(file.path.name, left_out))
        if file.lacks_strength:
            notes.append(tr(NO_STRENGTH, file=file.path.name))
    header = Header(
        handles={handle: noun},
        method="imported",
        method_title=marked("Imported, an embedding") if file.words else marked("Imported, a LoRA"),
        paper="",
        settings={},
        seed=0,
        base=file.base or marked("a base that its file does not name"),
        fingerprint="",
        base_kind=backbone.kind,
        photos=0,
        steps=0,
        final_loss=0.0,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        program=f"imported from {file.path.name}"[:100],
    )
    concept = Concept(header, edits).round_to_file()
    if not all(tensor.isfinite().all() for edit in concept.edits for tensor in edit.tensors().values()):
        raise _no_numbers(file)  # what 16 bits do not hold, or an alpha without bounds
    return Imported(concept, tuple(notes))


def _unused(file: str, tensors: Sequence[str]) -> str:
    """Return a sentence with the names of tensors of a file that belong to no layer."""
    few = "{count} tensors of {file} are not used: {names}."
    many = "{count} tensors of {file} are not used: {names} and {others} more."
    names, others = ", ".join(tensors[:NAMED]), len(tensors) - NAMED
    return tr(many if others > 0 else few, count=len(tensors), file=file, names=names, others=others)


def _tensors(file: ForeignFile, groups: Iterable[Collection[str]]) -> Iterator[dict[str, Tensor]]:
    """Iterate over groups of a file's tensors, each by its name, float32.

    One group is loaded at a time: the file may be twice as large as the concept in it.

    Raises StudioError when a tensor holds no numbers.
    """
    try:
        with safe_open(file.path, framework="pt") as opened:
            for names in groups:
                tensors = {name: opened.get_tensor(name).float() for name in names}
                if not all(tensor.isfinite().all() for tensor in tensors.values()):
                    raise _no_numbers(file)
                yield tensors
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:  # the last for half a byte a number
        hint = "Download it again."
        raise StudioError("{file} is damaged or cut short.", hint, file=file.path.name) from error


def _no_numbers(file: ForeignFile) -> StudioError:
    """Return the error for a file with infinite numbers or none."""
    message = "{file} holds values that are no numbers."
    return StudioError(message, "Choose another file.", file=file.path.name)


def _vectors(file: ForeignFile, backbone: Backbone) -> Tensor:
    """Return the vectors (n, D) of a word. Raises StudioError when the base cannot read them."""
    (tensors,) = _tensors(file, [file.words])
    parts = [tensor.reshape(-1, tensor.shape[-1]) for tensor in (tensors[name] for name in file.words)]
    widths, lengths = [part.shape[1] for part in parts], {len(part) for part in parts}
    if len(lengths) > 1:
        hint = "Choose another file."
        message = "{file} has words of different lengths for its two encoders."
        raise StudioError(message, hint, file=file.path.name)
    here = backbone.text.embeddings_of("a").shape[1]
    if sum(widths) != here:
        made = " + ".join(map(str, widths))
        raise StudioError(
            "{file} has vectors of {made} numbers; this base reads {here}.",
            "Choose one that was made for a base such as {base}.",
            file=file.path.name,
            made=made,
            here=here,
            base=backbone.name,
        )
    if len(parts[0]) > MAX_VECTORS:
        message = "{file} is a word of {count} tokens; a prompt has room for {most}."
        count, hint = len(parts[0]), "Choose one of fewer."
        raise StudioError(message, hint, file=file.path.name, count=count, most=MAX_VECTORS)
    return torch.cat(parts, dim=1)


def _low_rank(file: ForeignFile, backbone: Backbone, handle: str, noun: str) -> tuple[LowRank, list[str]]:
    """Return the edit that the layers of a LoRA make up, and the tensors that belong to no layer here.

    A layer that makes queries, keys and values in one is split; where a file has both, the single ones count.

    Raises StudioError when none does, or a layer has another shape.
    """
    layers = {site: layer for site, layer in backbone.sites.items() if is_linear_or_convolution(layer)}
    chosen, left_out = _chosen_layers(file, layers, backbone)
    alphas = alphas_of(file)
    A, B = {}, {}
    groups = [list(file.layers[name].values()) for name in chosen]
    for (name, sites), tensors in zip(chosen.items(), _tensors(file, groups), strict=True):
        parts = file.layers[name]
        down, up = tensors[parts[DOWN]], tensors[parts[UP]]
        alpha = float(tensors[parts[ALPHA]].flatten()[0]) if ALPHA in parts else alphas.get(name)
        if MID in parts:  # a kernel in three factors (Yeh et al. 2023, arXiv 2309.14859, section 3.2)
            down = torch.einsum("rsij,sc->rcij", tensors[parts[MID]], down.flatten(1))
        for site, part in zip(sites, up.split([len(layers[site].weight) for site in sites]), strict=True):
            A[site], B[site] = _factors(layers[site], down, part, alpha)
    return LowRank(handle, noun, A, B), left_out


def _chosen_layers(
    file: ForeignFile, layers: Mapping[str, nn.Module], backbone: Backbone
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return by name the layers of a LoRA that are of this base, with their sites, and the other tensors.

    Only shapes are looked at: nothing that does not fit, or would become too large, is loaded.

    Raises StudioError as `_low_rank` does.
    """
    targets: dict[str, tuple[str, ...]] = dict(fused_names(layers.keys()))
    targets |= {name: (site,) for site in layers for name in names_of(site)}
    chosen: dict[str, tuple[str, ...]] = {}
    left_out, taken, numbers = [*file.unknown], set[str](), 0
    for name in sorted(file.layers, key=lambda name: len(targets.get(name, ()))):
        parts, sites = file.layers[name], targets.get(name, ())
        if not sites or taken & set(sites):
            left_out += parts.values()
            continue
        weights = [tuple(layers[site].weight.shape) for site in sites]
        rank = rank_of({part: file.shapes[tensor] for part, tensor in parts.items()}, weights)
        if not rank:
            raise StudioError(
                "{file} does not fit this base at {layer}.",
                "It was made for another kind of base than {base}.",
                file=file.path.name,
                layer=name,
                base=backbone.name,
            )
        chosen[name] = sites
        taken |= set(sites)
        numbers += sum(rank * (weight[0] + math.prod(weight[1:])) for weight in weights)
    if not chosen:
        hint = "It was made for another kind of base, or by a program that Likeness does not know."
        message = "No layer of {file} is one of {base}."
        raise StudioError(message, hint, file=file.path.name, base=backbone.name)
    if len(chosen) < MIN_SHARE_OF_LAYERS * len(file.layers):
        message = "Only {count} of the {all} layers of {file} are layers of {base}."
        hint = "It was made for another kind of base, of which only some layers have the same names."
        counts = {"count": len(chosen), "all": len(file.layers)}
        raise StudioError(message, hint, file=file.path.name, base=backbone.name, **counts)
    if 2 * numbers > MAX_CONCEPT_BYTES:  # two bytes each; the file of a concept could not be opened again
        message = "{file} would be larger than {megabytes} MB as a concept."
        megabytes = MAX_CONCEPT_BYTES // MB
        raise StudioError(message, "Choose a LoRA of a lower rank.", file=file.path.name, megabytes=megabytes)
    return chosen, sorted(left_out)


def _factors(layer: nn.Module, down: Tensor, up: Tensor, alpha: float | None) -> tuple[Tensor, Tensor]:
    """Return A and B of a layer, with the scale alpha / rank in B.

    Programs disagree on whether 1 x 1 convolutions have two or four dimensions; both are taken.
    """
    rank, weight = len(down), layer.weight
    scale = 1.0 if not alpha else alpha / rank
    A = down.reshape(rank, *weight.shape[1:])
    B = up.reshape(weight.shape[0], rank, *(1 for _ in weight.shape[2:]))
    return A, scale * B
