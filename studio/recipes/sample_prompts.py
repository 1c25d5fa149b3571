"""Prompts of a person's own that a training paints beside its previews."""

from __future__ import annotations

from collections.abc import Sequence

from studio.errors import StudioError
from studio.handles import handles_in
from studio.limits import MAX_PROMPT_LETTERS
from studio.words import one_of

MAX_SAMPLES = 3
PLACE = "{}"  # stands for the first subject


def sample_prompts(texts: Sequence[str], handles: Sequence[str]) -> tuple[str, ...]:
    """Return the prompts of samples, with the first of `handles` for "{}"; empty texts are left out.

    Raises StudioError for too many, for one that is too long, and for one that names none of `handles` or
    something else.
    """
    prompts = [text.strip().replace(PLACE, handles[0]) for text in texts if text.strip()]
    if len(prompts) > MAX_SAMPLES:
        raise StudioError(
            "{count} sample prompts are too many.",
            "Each costs a picture; {most} are the most.",
            count=len(prompts),
            most=MAX_SAMPLES,
        )
    for prompt in prompts:
        named = handles_in(prompt)
        strangers = [handle for handle in named if handle not in handles]
        if strangers:
            raise StudioError(
                "A sample prompt names {handle}.",
                "Name {handles}; other concepts are not there while it trains.",
                handle=strangers[0],
                handles=one_of(handles),
            )
        if not named:
            raise StudioError(
                "The sample prompt {prompt!r} does not name what is learned.",
                "Write {place} or {handle} where it shall be.",
                prompt=prompt[:60],
                place=PLACE,
                handle=handles[0],
            )
        if len(prompt) > MAX_PROMPT_LETTERS:
            raise StudioError(
                "A sample prompt has {count} letters.",
                "{most} are the most.",
                count=len(prompt),
                most=MAX_PROMPT_LETTERS,
            )
    return tuple(prompts)
