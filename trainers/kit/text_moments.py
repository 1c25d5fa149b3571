"""The metric of Perfusion: the uncentred second moment of a text encoder's outputs.

    C = 1/n sum e e'        over the tokens of many captions (Tewel et al., appendix C)

It belongs to a text encoder, not to a concept: it is estimated once and shared by all. A base may bring
its own, `moments.bin` in its folder; otherwise it is saved in the cache under the encoder's fingerprint.
A constant in front of C changes nothing that is made from it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from studio.errors import DiskError, StudioError, disk_errors
from studio.events import Event, Note, Result, Step
from studio.files import write_atomic
from studio.models.backbone import Backbone
from studio.models.text_reader import TextReader
from studio.words import marked, tr
from trainers.kit.captions import plain_captions

READ_TOGETHER = 64
TOKENS_PER_WIDTH = 20
RIDGE = 1e-5
COUNTED = marked("those between start and end, and the first end")
FILE = "moments.bin"


@dataclass(frozen=True)
class Moments:
    """The second moment of a text encoder.

    Args:
        C (D, D) float64.
        tokens, captions: how many it is the mean of.
        encoder: the fingerprint of the text encoder.
        counted: which tokens were counted, in words.
    """

    C: Tensor
    tokens: int
    captions: int
    encoder: str
    counted: str = COUNTED

    def solve(self, vector: Tensor) -> Tensor:
        """Return C^-1 `vector` (D), float32 in and out; gradients pass.

        C is regularised with RIDGE * trace(C) / D on the diagonal (10x with fewer than 20 tokens per
        dimension), because directions that no caption used would make the inverse explode.
        """
        if vector.device not in self._factors:
            self._factors[vector.device] = self._factor.to(vector.device)
        factor = self._factors[vector.device]
        return torch.cholesky_solve(vector.double()[:, None], factor)[:, 0].float()

    @cached_property
    def _factors(self) -> dict[torch.device, Tensor]:
        return {}

    @cached_property
    def _factor(self) -> Tensor:
        width = len(self.C)
        ridge = RIDGE * (10 if self.tokens < TOKENS_PER_WIDTH * width else 1)
        return torch.linalg.cholesky(
            self.C + ridge * self.C.trace() / width * torch.eye(width, dtype=self.C.dtype)
        )

    @property
    def hash(self) -> str:
        """Return a hash by which concepts name the metric they were made with."""
        return hashlib.sha256(self.C.float().numpy().tobytes()).hexdigest()[:16]


def encoder_fingerprint(text: TextReader) -> str:
    """Return a hash of the encoder's weights, the same on every machine and in every precision."""
    return text.fingerprint


def estimate(text: TextReader, captions: Sequence[str]) -> Iterator[Event]:
    """Estimate the moments from captions; the last event is a Result with the Moments.

    Counted are the tokens between start and end, and the first end: not the start, which is one identical
    vector in every caption and would outweigh everything, and not the padding. (Public ports count other
    positions; the paper does not say.) Raises StudioError when there are no captions.
    """
    if not captions:
        raise StudioError("There are no captions to read.", "Give a text file with one caption a line.")
    C = torch.zeros(text.width, text.width, dtype=torch.float64)
    count = 0
    with text.on_device():
        for start in range(0, len(captions), READ_TOGETHER):
            with torch.no_grad():
                words = text.read(captions[start : start + READ_TOGETHER])
            for hidden, tokens in zip(words.hidden.double().cpu(), words.tokens, strict=True):
                e = hidden[list(tokens.written)]
                C += e.T @ e
                count += len(e)
            yield Step(min(start + READ_TOGETHER, len(captions)), len(captions), stage=tr("reading captions"))
    yield Result(Moments(C / count, count, len(captions), encoder_fingerprint(text)))


def save(moments: Moments, path: Path) -> None:
    """Write the moments to a file, whole or not at all. Raises DiskError."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, to_bytes(moments))


def to_bytes(moments: Moments) -> bytes:
    """Return a line of JSON about the moments, then the lower triangle of C as float32."""
    about = {field.name: getattr(moments, field.name) for field in fields(moments) if field.name != "C"}
    lower = moments.C.numpy()[np.tril_indices(len(moments.C))].astype("<f4")
    return json.dumps(about).encode("utf-8") + b"\n" + lower.tobytes()


def load(path: Path) -> Moments | None:
    """Return the moments that `save` wrote, None without a file. Raises StudioError if it is damaged."""
    try:
        return from_bytes(path.read_bytes(), path)
    except FileNotFoundError:
        return None


def from_bytes(content: bytes, path: Path) -> Moments:
    """Return the moments in the content of a file. Raises StudioError if it is damaged."""
    head, _, content = content.partition(b"\n")
    try:
        lower = np.frombuffer(content, "<f4").astype(np.float64)
        width = math.isqrt(2 * len(lower))
        C = np.zeros((width, width))
        C[np.tril_indices(width)] = lower
        return Moments(torch.from_numpy(C + np.tril(C, -1).T), **json.loads(head))
    except (ValueError, TypeError) as error:
        hint = "Delete it; it is made again when it is needed."
        raise StudioError("{file} is damaged.", hint, file=path.name) from error


def known(backbone: Backbone, cache: Path, captions: int) -> tuple[Moments | None, Path]:
    """Return the moments of this base's text encoder, and their path in the cache.

    They come from the base's own folder or from the cache; None when there are none yet.
    """
    encoder = encoder_fingerprint(backbone.text)
    path = cache / "moments" / f"{encoder}-{captions}.bin"
    if backbone.folder is not None:
        brought = load(backbone.folder / FILE)
        if brought is not None and brought.encoder == encoder:
            return brought, path
    return load(path), path


def load_or_estimate(backbone: Backbone, cache: Path, captions: int) -> Generator[Event, None, Moments]:
    """Return the moments of this base's text encoder; yields Steps where they have to be estimated.

    Args:
        captions: how many captions to read.
    """
    moments, path = known(backbone, cache, captions)
    if moments is None:
        yield Note(tr("Reading captions once, for this base's text statistics."))
        for event in estimate(backbone.text, plain_captions(captions)):
            if isinstance(event, Result):
                moments = from_bytes(to_bytes(event.value), path)  # as later trainings read it
                try:
                    save(event.value, path)
                except DiskError as error:
                    text = "The statistics cannot be kept for other trainings: {reason}"
                    yield Note(tr(text, reason=error.message))
            else:
                yield event
    assert moments is not None
    return moments
