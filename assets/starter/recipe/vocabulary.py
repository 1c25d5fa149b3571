"""The tokenizer: CLIP's byte pair encoding, pruned to the merges that a list of words needs."""

from __future__ import annotations

import gzip
import itertools
import json
import re
from pathlib import Path

from transformers import CLIPTokenizer

from .captions import NUMBERS, RELATIONS, SIZES, plural
from .containers import CONTAINERS
from .drawings import world
from .sceneries import SCENERIES, TIMES

MAX_TOKENS = 32  # of a prompt, start and end tokens included
START, END = "<|startoftext|>", "<|endoftext|>"
CLIP_MERGES = 49152 - 256 - 2
COMMON_WORDS = """
about above across after again all along also an and another any are around as at away back be beautiful
because before behind below beneath beside best better between big black blue both bottom bright brown
but by can centre center clean close closeup cold color colorful colour colourful cool cropped cute dark
day deep detailed dirty down drawing drawn each eight empty evening fast few first five flat floor flying
four from front full funny gold golden good gray great green grey ground group half hand happy hard has
have heavy high hot huge icon illustration image in inside is isolated it its large last left less light
line little long looking low made many middle mini more morning most my near new next nice night nine no
not object of off old on one only open orange other our out outside over own paint painted painting
painting pair pale photo photograph picture pink plain portrait pretty purple quick rainy red rendering
rendition right round sad same second set seven shadow shiny short side silver simple single sitting six
sky small smaller snowy soft some standing still strong style sunny tall ten that the their them these
thin thing things this three tiny to together toy two under up very view violet warm was watercolor weird
wet white wide wild with without wooden world yellow young your
""".split()


def clip_merges() -> list[tuple[str, str]]:
    """Read CLIP's merges, most frequent first, from the list that open_clip ships (MIT licence)."""
    import open_clip  # only to find the file

    file = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.decompress(file.read_bytes()).decode().split("\n")[1 : CLIP_MERGES - 256 + 1]
    return [tuple(line.split()) for line in lines]


def byte_characters() -> list[str]:
    """Return the 256 printable characters that stand for the byte values, in GPT-2's order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [256 + n for n in range(256 - len(printable))]
    return [chr(code) for code in printable + others]


def merges_for(words: list[str]) -> list[tuple[str, str]]:
    """Return those of CLIP's merges that byte pair encoding applies to `words`, in CLIP's order."""
    ranks = {pair: rank for rank, pair in enumerate(clip_merges())}
    used = set()
    for word in words:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            pairs = list(itertools.pairwise(parts))
            best = min(pairs, key=lambda pair: ranks.get(pair, len(ranks)))
            if best not in ranks:
                break
            used.add(best)
            position = pairs.index(best)
            parts[position : position + 2] = ["".join(best)]
    return sorted(used, key=ranks.__getitem__)


def world_words() -> list[str]:
    """Return every word that a scene's caption can contain, and COMMON_WORDS."""
    known = world()
    text = " ".join([*known["nouns"], *known["styles"].values(), *known["colours"], *COMMON_WORDS])
    text += " " + " ".join(template for group in known["templates"].values() for template in group)
    text += " " + " ".join(phrase for place in SCENERIES.values() for phrase in place.phrases)
    text += " " + " ".join(phrase for phrases in TIMES.values() for phrase in phrases)
    text += " " + " ".join(phrase for _, phrases in CONTAINERS.values() for phrase in phrases)
    text += " " + " ".join(
        form for forms in (*RELATIONS.values(), *SIZES.values(), *NUMBERS.values()) for form in forms
    )
    text += " " + " ".join(hat["phrase"] for hat in known.get("hats", {}).values())
    text += " " + " ".join(plural(noun) for noun in known["nouns"])
    return sorted(set(re.findall(r"[a-z]+", text)))


def emoji_words(modules: Path) -> list[str]:
    """Return the English words of all emoji labels and keywords, from emojibase-data.

    `modules`: the node_modules folder.
    """
    entries = json.loads((modules / "emojibase-data" / "en" / "data.json").read_text())
    text = " ".join(" ".join([entry["label"], *entry.get("tags", [])]) for entry in entries)
    return sorted(set(re.findall(r"\b[a-z]{2,}\b", text.lower())))


def build_tokenizer(words: list[str]) -> CLIPTokenizer:
    """Build a tokenizer from the merges that `words` need.

    Other words are split into smaller pieces, in the last resort into bytes.
    """
    merges = merges_for(words)
    characters = byte_characters()
    pieces = [
        *characters,
        *(character + "</w>" for character in characters),
        *("".join(pair) for pair in merges),
    ]
    pieces = list(dict.fromkeys([*pieces, START, END]))
    token_ids = {piece: number for number, piece in enumerate(pieces)}
    # transformers 5 silently ignores file names here, so the contents are passed.
    tokenizer = CLIPTokenizer(
        vocab=token_ids,
        merges=merges,
        bos_token=START,
        eos_token=END,
        unk_token=END,
        pad_token=END,
        model_max_length=MAX_TOKENS,
    )
    assert len(tokenizer) == len(token_ids), (len(tokenizer), len(token_ids))
    split = [noun for noun in world()["nouns"] if len(tokenizer.tokenize(noun)) != 1]
    assert not split, f"nouns of more than one token: {split}"
    return tokenizer


def write_merges(words: list[str], file: Path) -> int:
    """Write the merges that `words` need, in open_clip's format. Returns the number of tokens."""
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges_for(words))]
    file.parent.mkdir(parents=True, exist_ok=True)
    # Without a time stamp, the same words give the same bytes.
    file.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    return 512 + len(lines) - 1 + 2
