"""What of a prompt is not read, because it is longer than what the text encoder of the base reads."""

from __future__ import annotations

import re
from bisect import bisect_left

from studio.handles import handles_in
from studio.models.text_reader import TextReader

WORD = re.compile(r"\S+")
MAX_WORDS = 6  # of those that are not read


def unread_note(text: TextReader, prompt: str, name: str) -> str:
    """Return a sentence about the words and handles of a prompt that are not read, empty if all are.

    Call it while the edits are attached, and within `TextReader.reading`: a handle is as long as its vectors.

    Args:
        name: the prompt in a sentence, such as "negative prompt".
    """
    dropped = text.tokenize(prompt).dropped
    if not dropped:
        return ""
    words = list(WORD.finditer(prompt))
    # tokens are counted from the beginning, so that a longer beginning never drops fewer
    first = bisect_left(words, True, key=lambda word: text.tokenize(prompt[: word.end()]).dropped > 0)
    unread = words[first:]
    shown = " ".join(word.group()[:40] for word in unread[:MAX_WORDS])
    more = f" and {len(unread) - MAX_WORDS} more" if len(unread) > MAX_WORDS else ""
    handles = handles_in(prompt[unread[0].start() :]) if unread else []
    among = f", {', '.join(handles)} among them" if handles else ""
    tokens = f"{dropped} token{'' if dropped == 1 else 's'}"
    return (
        f"The {name} is {tokens} too long: only its first {text.max_tokens} are read. "
        f"Not read: “{shown}”{more}{among}."
    )
