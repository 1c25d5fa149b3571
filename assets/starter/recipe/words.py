"""The starter's vocabulary: CLIP's byte pairs, pruned to the merges that a few thousand words need."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

from transformers import CLIPTokenizer

from .drawings import world

LONGEST = 32  # tokens of a prompt, beginning and end included
START, END = "<|startoftext|>", "<|endoftext|>"
MERGES_OF_CLIP = 49152 - 256 - 2
EVERYDAY = """
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
    """CLIP's merges, most frequent first, from the list that open_clip brings along (MIT licence)."""
    import open_clip  # its bundled word list only

    file = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.decompress(file.read_bytes()).decode().split("\n")[1 : MERGES_OF_CLIP - 256 + 1]
    return [tuple(line.split()) for line in lines]


def byte_letters() -> list[str]:
    """The 256 printable letters that stand for bytes, in GPT-2's order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [256 + n for n in range(256 - len(printable))]
    return [chr(code) for code in printable + others]


def merges_for(words: list[str]) -> list[tuple[str, str]]:
    """The merges that byte pair encoding applies while it spells `words`, in their order."""
    ranks = {pair: rank for rank, pair in enumerate(clip_merges())}
    used = set()
    for word in words:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            pairs = list(zip(parts, parts[1:], strict=False))
            best = min(pairs, key=lambda pair: ranks.get(pair, len(ranks)))
            if best not in ranks:
                break
            used.add(best)
            at = pairs.index(best)
            parts[at : at + 2] = ["".join(best)]
    return sorted(used, key=ranks.__getitem__)


def world_words() -> list[str]:
    """Every word that a caption of the world can contain."""
    known = world()
    text = " ".join([*known["nouns"], *known["styles"].values(), *known["colours"], *EVERYDAY])
    text += " " + " ".join(template for group in known["templates"].values() for template in group)
    return sorted(set(re.findall(r"[a-z]+", text)))


def emoji_words(modules: Path) -> list[str]:
    """Plain English words of emoji labels and keywords."""
    entries = json.loads((modules / "emojibase-data" / "en" / "data.json").read_text())
    text = " ".join(" ".join([entry["label"], *entry.get("tags", [])]) for entry in entries)
    return sorted(set(re.findall(r"\b[a-z]{2,}\b", text.lower())))


def build(words: list[str]) -> CLIPTokenizer:
    """A tokenizer that knows `words`; everything else falls back to smaller pieces, at last to bytes."""
    merges = merges_for(words)
    letters = byte_letters()
    pieces = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges)]
    pieces = list(dict.fromkeys([*pieces, START, END]))
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    # Given as a dictionary and pairs: file names are silently ignored by transformers 5.
    tokenizer = CLIPTokenizer(
        vocab=vocabulary,
        merges=merges,
        bos_token=START,
        eos_token=END,
        unk_token=END,
        pad_token=END,
        model_max_length=LONGEST,
    )
    assert len(tokenizer) == len(vocabulary), (len(tokenizer), len(vocabulary))
    split = [noun for noun in world()["nouns"] if len(tokenizer.tokenize(noun)) != 1]
    assert not split, f"not one token: {split}"
    return tokenizer
