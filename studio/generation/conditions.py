"""Conditions: everything the sampler needs besides noise, and the prompts that they are made from.

Shapes: L tokens of a prompt, D text width; row 0 is the negative prompt, row 1 the prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from studio.edits import ActiveEdit, attach
from studio.generation.placeholders import noun_words
from studio.models.attention import RegionMask
from studio.models.backbone import Backbone
from studio.models.text_reader import Amendment
from studio.models.words import Words

Encode = Callable[[Tensor | None], Words]


@dataclass(frozen=True)
class Prompts:
    """The texts that a picture is sampled from.

    Args:
        amendments: changes of everything that is encoded, each with whether it depends on the timestep
            (`TextReader.amending`).
        chunks, clip_skip: how they are read (`TextReader.reading`).
    """

    negative: str
    prompt: str
    amendments: tuple[tuple[Amendment, bool], ...] = ()
    chunks: int = 1
    clip_skip: int = 1

    @property
    def texts(self) -> tuple[str, str]:
        """Return the negative prompt and the prompt."""
        return self.negative, self.prompt

    @contextmanager
    def reading(self, backbone: Backbone) -> Iterator[None]:
        """Context manager: a base's prompts are read in the way of these."""
        with backbone.text.reading(self.chunks, self.clip_skip):
            yield


@dataclass(frozen=True)
class Column:
    """The negative prompt and the prompt as one region reads them.

    The encodings of several columns are joined along the token axis.

    Args:
        texts: negative prompt and prompt.
        edits: attached while they are encoded.
    """

    texts: Sequence[str]
    edits: Sequence[ActiveEdit]


@dataclass(frozen=True)
class Conditions:
    """Everything the sampler needs besides noise.

    Args:
        encode: returns the encodings (2, L, D) at a timestep ().
        edits: with strengths and masks.
        mask: the regional attention mask, or None.
        is_timed: whether the encodings depend on the timestep.
        stages: what takes the place of all this in parts of the noise range, each with the share of the
            noise below which it does; the lowest share first.
    """

    encode: Encode
    edits: Sequence[ActiveEdit] = ()
    mask: RegionMask | None = None
    is_timed: bool = False
    stages: Sequence[tuple[float, Conditions]] = ()
    _once: dict[str, Words] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, words: Words) -> Conditions:
        """Return conditions whose encodings are always `words`, without edits."""
        return cls(lambda t: words)

    @classmethod
    def of_columns(
        cls,
        backbone: Backbone,
        columns: Sequence[Column],
        prompts: Prompts,
        nouns: Mapping[str, str],
        edits: Sequence[ActiveEdit],
        mask: RegionMask | None = None,
    ) -> Conditions:
        """Return conditions whose prompts are encoded at the first call of `at`.

        Args:
            prompts: how they are read; their texts are those of the columns.
            nouns: handle -> noun; the prompts may use their placeholders.
            edits, mask: for the sampler, with masks.
        """

        def encode(t: Tensor | None) -> Words:
            words = []
            held = backbone.text.on_device()
            with held, torch.no_grad(), noun_words(backbone, nouns), amended(backbone, prompts):
                for column in columns:
                    with attach(backbone, column.edits):
                        words.append(backbone.text.read(column.texts, t))
            return words[0].beside(words[1:]) if len(words) > 1 else words[0]

        timed = []
        with torch.no_grad(), amended(backbone, prompts):
            for column in columns:
                with attach(backbone, column.edits):
                    timed.append(backbone.text.is_timed)
        return cls(encode, edits, mask, any(timed))

    def stage(self, share: float) -> Conditions:
        """Return what a step at this share (0..1) of the noise range is painted from."""
        return next((stage for below, stage in self.stages if share < below), self)

    def at(self, t: Tensor) -> Words:
        """Return the encodings at timestep t (). Call it while no edit is attached.

        They are computed once if they do not depend on the timestep, else at every call.
        """
        if self.is_timed:
            return self.encode(t)
        if not self._once:
            self._once["words"] = self.encode(None)
        return self._once["words"]


@contextmanager
def amended(backbone: Backbone, prompts: Prompts) -> Iterator[None]:
    """Context manager: prompts are read in the way of these, and their changes apply in their order."""
    with prompts.reading(backbone), ExitStack() as stack:
        for change, timed in prompts.amendments:
            stack.enter_context(backbone.text.amending(change, timed))
        yield
