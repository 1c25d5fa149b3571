"""Writes concepts as files of other programs: words as embeddings, low-rank edits as LoRAs.

A concept that has both becomes two files, since no other program has one for them. Only names change: the
numbers are those of the concept's file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from studio.concepts.header import Header, not_a_concept, read_header
from studio.errors import StudioError
from studio.files import write_atomic
from studio.interop.file_metadata import XL_FAMILY, kohya_metadata, model_spec, to_file
from studio.interop.foreign_file import PAIR, WORD
from studio.interop.module_names import denoiser_name, diffusers_name, kohya_name
from studio.words import all_of, tr

WIDEST_SINGLE = 1024  # numbers of a word of Stable Diffusion 2
FIRST_OF_PAIR = 768  # numbers of a word that the first text encoder of Stable Diffusion XL reads
ATTENTION, PROJECTIONS = ".self_attn.", ("q_proj", "k_proj", "v_proj", "out_proj")  # of CLIP
PROGRAMS = {"a1111": tr("A1111 or Forge"), "comfyui": "ComfyUI", "diffusers": "diffusers"}
OTHER_EDITS = {
    "rank_one": tr("Perfusion's gate, which opens at the word, is in no other program"),
    "staged_tokens": tr("a word that changes with the noise is in no other program"),
    "sorted_tokens": tr("a word that comes in categories is in no other program"),
    "space_time": tr("a word that changes with the noise and from block to block is in no other program"),
    "encoded_tokens": tr("a word that stands in the encoded prompt is in no other program"),
}
CLIP_FAMILIES = "stable_diffusion"  # how the kinds of base begin that read prompts with CLIP
LANGUAGE_MODEL = "text_encoder."
LEFT_OUT = tr("what was learned of the language model that reads prompts, which other programs cannot load")
UNKNOWN_EDIT = tr("no other program has its kind of change")


@dataclass(frozen=True)
class Export:
    """Files for another program.

    Args:
        files: their contents by name.
        text: what to do with them.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    text: str = ""

    def write(self, folder: Path) -> list[Path]:
        """Write the files into a folder; returns their paths. Raises StudioError when one is there."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = {folder / name: content for name, content in self.files.items()}
        for path in paths:
            refuse_existing(path)
        for path, content in paths.items():
            write_atomic(path, content)
        return list(paths)


def refuse_existing(path: Path) -> None:
    """Raise StudioError when there is something at a path: an embedding is called as our own file is."""
    if path.exists():
        raise StudioError("{file} is there already.", "Name another folder with --out.", file=path)


def export_concept(path: Path, program: str) -> Export:
    """Return a concept's file as files of a program of `PROGRAMS`.

    Raises StudioError for a concept that has no form there.
    """
    if program not in PROGRAMS:
        raise StudioError(
            "There is no export for {program!r}.",
            "Choose {programs}.",
            program=program[:40],
            programs=", ".join(PROGRAMS),
        )
    header = read_header(path)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise not_a_concept(path, tr("its tensors are damaged")) from error
    words: dict[str, np.ndarray] = {}
    factors: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition("/")
        if kind == "tokens" and tensor.ndim == 2 and rest.partition("/")[0] in header.handles:
            words[rest.partition("/")[0]] = tensor
        elif kind == "low_rank":
            factors[rest] = tensor
        else:
            raise _not_exported(header.handle, OTHER_EDITS.get(kind, UNKNOWN_EDIT))
    header = dataclasses.replace(header, base_kind=header.base_kind or _kind_of(words, factors))
    left_out = ""
    if not header.base_kind.startswith(CLIP_FAMILIES):
        left_out = LEFT_OUT if words or any(name.startswith(LANGUAGE_MODEL) for name in factors) else ""
        words, factors = (
            {},
            {name: one for name, one in factors.items() if not name.startswith(LANGUAGE_MODEL)},
        )
        if not factors:
            raise _not_exported(header.handle, LEFT_OUT)
    files: dict[str, bytes] = {}
    for handle, vectors in words.items():
        files[f"{handle.strip('<>')}.safetensors"] = _embedding(header, handle, vectors)
    lora = f"{header.handle.strip('<>')}_lora"
    if factors:
        files[f"{lora}.safetensors"] = _lora(header, factors, lora, program)
    text = _instructions(header, [handle.strip("<>") for handle in words], lora if factors else "", program)
    text += tr("Not in these files: {what}.", what=left_out) + "\n" if left_out else ""
    return Export({**files, f"{header.handle.strip('<>')}-how-to.txt": text.encode()}, text)


def _not_exported(handle: str, reason: str) -> StudioError:
    """Return the error for a concept that no other program can use."""
    hint = "Share the concept's own file: whoever has Likeness can use it."
    return StudioError("{handle} cannot be exported: {reason}.", hint, handle=handle, reason=reason)


def _kind_of(words: Mapping[str, np.ndarray], factors: Mapping[str, np.ndarray]) -> str:
    """Return the kind of base of a concept whose file is too old to say so."""
    width = next((vectors.shape[1] for vectors in words.values()), 0)
    is_xl = width > WIDEST_SINGLE or any(site.startswith("text_encoder_2.") for site in factors)
    return XL_FAMILY if is_xl else f"stable_diffusion {width}"


def _embedding(header: Header, handle: str, vectors: np.ndarray) -> bytes:
    """Return an embedding; for Stable Diffusion XL, with the parts of both text encoders."""
    vectors = vectors.astype(np.float32)
    metadata = model_spec(header, "textual-inversion", handle.strip("<>"))
    if header.base_kind.startswith(XL_FAMILY):
        parts = dict(zip(PAIR, (vectors[:, :FIRST_OF_PAIR], vectors[:, FIRST_OF_PAIR:]), strict=True))
        return to_file(parts, metadata)
    return to_file({WORD: vectors}, metadata)


def _lora(header: Header, factors: Mapping[str, np.ndarray], name: str, program: str) -> bytes:
    """Return a LoRA in the names that a program reads."""
    named, alpha = _dialect(header, program)
    is_clip = header.base_kind.startswith(CLIP_FAMILIES)
    tensors: dict[str, np.ndarray] = {}
    rank = 0
    if program == "diffusers":
        factors = _of_one_rank(factors)
    for key, tensor in (_complete(factors) if is_clip else factors).items():
        site, _, part = key.rpartition("/")
        down, up = ("lora_down", "lora_up") if alpha else ("lora_A", "lora_B")
        layer = named(site)
        tensors[f"{layer}.{down if part == 'A' else up}.weight"] = tensor
        if part == "A":
            rank = max(rank, len(tensor))
            if alpha:
                tensors[f"{layer}.alpha"] = np.array(len(tensor), dtype=np.float32)
    trigger = header.handle.strip("<>")
    metadata = model_spec(header, "lora", name) | kohya_metadata(header, name, rank, trigger)
    return to_file(tensors, metadata)


def _of_one_rank(factors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the factors with zeros up to the largest rank, which change no product.

    Of a file without alphas, releases of diffusers before August 2026 scale each layer by the first one's
    rank over its own (huggingface/diffusers#14409).
    """
    rank = max(len(tensor) for key, tensor in factors.items() if key.endswith("/A"))
    padded: dict[str, np.ndarray] = {}
    for key, tensor in factors.items():
        axis = 0 if key.endswith("/A") else 1
        room = [(0, 0)] * tensor.ndim
        room[axis] = (0, rank - tensor.shape[axis])
        padded[key] = np.pad(tensor, room)
    return padded


def _complete(factors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the factors with zeros for projections of a text encoder's attention that have none.

    diffusers takes a file that names only some of them for one of another kind.
    """
    complete = dict(factors)
    for key, tensor in factors.items():
        layer, found, _ = key.partition(ATTENTION)
        if found and key.endswith("/A"):
            width, rank = tensor.shape[1], len(tensor)
            for name in PROJECTIONS:
                for part, shape in (("A", (rank, width)), ("B", (width, rank))):
                    complete.setdefault(f"{layer}{ATTENTION}{name}/{part}", np.zeros(shape, tensor.dtype))
    return complete


def _dialect(header: Header, program: str) -> tuple[Callable[[str], str], bool]:
    """Return how a program names layers for a kind of base, and whether it wants alphas beside factors."""
    if not header.base_kind.startswith(CLIP_FAMILIES):
        # ComfyUI knows FLUX's layers by their names in diffusers, and Z-Image's by those of its makers
        as_diffusers = program == "diffusers" or header.base_kind.startswith("flux")
        return (diffusers_name if as_diffusers else denoiser_name), False
    if program == "diffusers":
        return diffusers_name, False
    is_xl = header.base_kind.startswith(XL_FAMILY)
    return (lambda site: kohya_name(site, is_xl)), True


def _instructions(header: Header, words: list[str], lora: str, program: str) -> str:
    """Return what to do with the files, as a text for a person."""
    first = " and ".join(words) or header.noun
    files = [f"{word}.safetensors" for word in words]
    about = tr(
        "{handle}, {noun}, learned by {method} on {base}.",
        handle=header.handle,
        noun=header.noun,
        method=tr(header.method_title),
        base=header.base,
    )
    lines = [about, ""]
    if program == "diffusers":
        for word in words:
            lines += _loading_a_word(header, word)
        if lora:
            lines.append(f'pipe.load_lora_weights(".", weight_name="{lora}.safetensors")')
        named = " and ".join(map(_token, words)) or header.noun
        lines.append(f'pipe("a photo of {named}")')
        return "\n".join(lines) + "\n"
    places = {"a1111": ("embeddings", "models/Lora"), "comfyui": ("models/embeddings", "models/loras")}
    of_words, of_loras = places[program]
    if files:
        lines.append(tr("Put {files} into {folder}.", files=all_of(files), folder=of_words))
    if lora:
        lines.append(tr("Put {files} into {folder}.", files=f"{lora}.safetensors", folder=of_loras))
    if program == "a1111":
        prompt = f"a photo of {first}{f' <lora:{lora}:1>' if lora else ''}"
        lines.append(tr("Then write: {prompt}", prompt=prompt))
    else:
        named = " and ".join(f"embedding:{word}" for word in words) or header.noun
        alone, with_lora = "Then write: {prompt}", "Then write: {prompt}, with the LoRA loaded at strength 1"
        lines.append(tr(with_lora if lora else alone, prompt=f"a photo of {named}"))
    return "\n".join(lines) + "\n"


def _token(word: str) -> str:
    """Return what diffusers calls a word; without brackets "lily" would be in its vocabulary already."""
    return f"<{word}>"


def _loading_a_word(header: Header, word: str) -> list[str]:
    """Return the lines of Python that load a word with diffusers."""
    file = f"{word}.safetensors"
    if not header.base_kind.startswith(XL_FAMILY):
        return [f'pipe.load_textual_inversion("{file}", token="{_token(word)}")']
    lines = [f'word = safetensors.torch.load_file("{file}")']
    for key, end in zip(PAIR, ("", "_2"), strict=True):
        parts = f"text_encoder=pipe.text_encoder{end}, tokenizer=pipe.tokenizer{end}"
        lines.append(f'pipe.load_textual_inversion(word["{key}"], token="{_token(word)}", {parts})')
    return lines
