"""Textual Inversion embeddings: learned words in the file layout of other programs.

The layout is one tensor `emb_params` (n, D) in a safetensors file, which diffusers (given the token),
kohya's scripts, ComfyUI and A1111 (trigger: the file's name) all open.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from studio.concepts.header import Header
from studio.edits import NewWord
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.files import write_atomic
from studio.models.backbone import Backbone

KEY = "emb_params"


def export_word(concept: Concept, path: Path) -> None:
    """Write the word of a concept that is only a word. Raises StudioError for any other concept."""
    vectors = concept.edits[0].word_vectors
    if len(concept.edits) > 1 or vectors is None:
        title, handle = concept.header.method_title, concept.header.handle
        hint = "Only concepts learned with Textual Inversion have this layout."
        raise StudioError(f"{handle} is more than a word: {title} also changed the model.", hint)
    header = concept.header
    about = {"token": header.handle, "noun": header.noun, "base": header.base}
    write_atomic(path, save({KEY: vectors.detach().float().cpu().contiguous()}, metadata=about))


def import_word(path: Path, backbone: Backbone, handle: str, noun: str) -> Concept:
    """Read another program's embedding as a concept of this base.

    A file with one tensor of any name is taken, (D,) or (n, D). Raises StudioError when there are several,
    or the width is another base's.
    """
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise StudioError(
            f"{path.name} is no safetensors file.", "Choose a .safetensors embedding."
        ) from error
    if len(tensors) != 1:
        names = ", ".join(sorted(tensors)[:4])
        hint = "An embedding for this studio has exactly one tensor."
        raise StudioError(f"{path.name} holds {len(tensors)} tensors ({names}).", hint)
    ((name, vectors),) = tensors.items()
    vectors = vectors.float().reshape(-1, vectors.shape[-1]) if vectors.ndim in (1, 2) else vectors
    if vectors.ndim != 2 or vectors.shape[1] != backbone.text.width or not vectors.isfinite().all():
        made, here = tuple(vectors.shape), backbone.text.width
        hint = f"Choose one that was made for {backbone.name}."
        raise StudioError(f"{path.name} has the shape {made}, but this base reads vectors of {here}.", hint)
    header = Header(
        handles={handle: noun},
        method="textual_inversion",
        method_title="Textual Inversion, imported",
        paper="",
        settings={},
        seed=0,
        base=backbone.name,
        fingerprint=backbone.fingerprint,
        base_kind=backbone.kind,
        photos=0,
        steps=0,
        final_loss=0.0,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        program=f"imported from {name}"[:100],
    )
    return Concept(header, (NewWord(handle, noun, vectors),))
