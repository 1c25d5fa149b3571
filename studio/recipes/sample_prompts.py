"""Prompts of a person's own that a training paints beside its previews."""

from __future__ import annotations

from collections.abc import Sequence

from studio.errors import StudioError
from studio.handles import handles_in
from studio.limits import MAX_PROMPT_LETTERS

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
            "Each costs a picture; {max_samples} are the most.",
            count=len(prompts),
            max_samples=MAX_SAMPLES,
        )
    for prompt in prompts:
        named = handles_in(prompt)
        strangers = [handle for handle in named if handle not in handles]
        if strangers:
            hint = f"Name {' or '.join(handles)}; other concepts are not there while it trains."
            raise StudioError(f"A sample prompt names {strangers[0]}.", hint)
        if not named:
            hint = f"Write {{}} or {handles[0]} where it shall be."
            raise StudioError(f"The sample prompt {prompt[:60]!r} does not name what is learned.", hint)
        if len(prompt) > MAX_PROMPT_LETTERS:
            hint = f"{MAX_PROMPT_LETTERS} are the most."
            raise StudioError(f"A sample prompt has {len(prompt)} letters.", hint)
    return tuple(prompts)
