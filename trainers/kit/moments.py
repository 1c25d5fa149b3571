"""The metric of Perfusion: the uncentred second moment of what a text encoder says.

    C = 1/n sum e e'        over the tokens of many captions (Tewel et al., appendix C)

It belongs to a text encoder, not to a concept: it is estimated once, kept under the encoder's fingerprint,
and shared by all. A constant in front of C changes nothing that is made from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from studio.errors import StudioError
from studio.events import Event, Result, Step
from studio.header import write_whole
from studio.text import TextReader

READ_TOGETHER = 64
TOKENS_PER_WIDTH = 20
RIDGE = 1e-5


@dataclass(frozen=True)
class Moments:
    """`C` (D, D) float64 over `tokens` tokens."""

    C: Tensor
    tokens: int

    def solve(self, vector: Tensor) -> Tensor:
        """C^-1 `vector` (D), float32 in and out; gradients pass.

        A hundred-thousandth of the mean eigenvalue is added to each, ten times that with fewer than 20
        tokens per dimension: directions that no caption used must not blow up, and the last layer norm of
        an encoder may leave one without any.
        """
        return torch.cholesky_solve(vector.double()[:, None], self._factor.to(vector.device))[:, 0].float()

    @property
    def _factor(self) -> Tensor:
        width = len(self.C)
        ridge = RIDGE * (10 if self.tokens < TOKENS_PER_WIDTH * width else 1)
        return torch.linalg.cholesky(
            self.C + ridge * self.C.trace() / width * torch.eye(width, dtype=self.C.dtype)
        )

    @property
    def hash(self) -> str:
        """What concepts made with this metric remember of it."""
        return hashlib.sha256(self.C.numpy().tobytes()).hexdigest()[:16]


def fingerprint(text: TextReader) -> str:
    """A hash of the encoder's answers, by which its moments are known."""
    with torch.no_grad():
        said = text.read(["a photo of a cat on a blue background"]).hidden[0].float().cpu()
    return hashlib.sha256(said.half().numpy().tobytes()).hexdigest()[:16]


def estimate(text: TextReader, captions: Sequence[str]) -> Iterator[Event]:
    """Read all captions; the last event is a Result with the Moments.

    Counted are the tokens between start and end, and the first end: not the start, which is one identical
    vector in every caption and would outweigh everything, and not the padding. (Public ports count other
    positions; the paper does not say.) Raises StudioError when there are no captions.
    """
    if not captions:
        raise StudioError("There are no captions to read.", "Give a text file with one caption a line.")
    C = torch.zeros(text.width, text.width, dtype=torch.float64)
    count = 0
    for start in range(0, len(captions), READ_TOGETHER):
        with torch.no_grad():
            words = text.read(captions[start : start + READ_TOGETHER])
        for hidden, tokens in zip(words.hidden.double().cpu(), words.tokens, strict=True):
            end = 1 + tokens.ids[1:].index(text.tokenizer.eos_token_id)
            e = hidden[1 : end + 1]
            C += e.T @ e
            count += len(e)
        yield Step(min(start + READ_TOGETHER, len(captions)), len(captions), stage="reading captions")
    yield Result(Moments(C / count, count))


def save(moments: Moments, path: Path) -> None:
    """Keep the lower triangle as float32; a plain array file, no pickle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lower = moments.C.numpy()[np.tril_indices(len(moments.C))].astype(np.float32)
    write_whole(path, np.uint32([len(moments.C), moments.tokens]).tobytes() + lower.tobytes())


def load(path: Path) -> Moments | None:
    """The moments that `save` wrote, None when there are none."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    width, tokens = np.frombuffer(content[:8], np.uint32).tolist()
    lower = np.frombuffer(content[8:], np.float32).astype(np.float64)
    if len(lower) != width * (width + 1) // 2:
        raise StudioError(f"{path.name} is damaged.", "Delete it; it is made again when it is needed.")
    C = np.zeros((width, width))
    C[np.tril_indices(width)] = lower
    return Moments(torch.from_numpy(C + np.tril(C, -1).T), tokens)
