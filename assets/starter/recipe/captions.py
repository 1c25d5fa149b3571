"""Captions of scenes, as people write them: several forms for the same content."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from .containers import CONTAINERS
from .drawings import world
from .sceneries import SCENERIES, TIMES

NUMBERS = {2: ("two", "a pair of", "2"), 3: ("three", "3")}
SIZES = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
# Relation -> forms; {a} is the first thing, {b} the second.
RELATIONS = {
    "on": (
        "{a} on {b}", "{a} on top of {b}", "{a} standing on {b}", "{a} sitting on {b}", "{b} under {a}",
        "{b} below {a}",
    ),
    "in front of": ("{a} in front of {b}", "{b} behind {a}", "{a} standing in front of {b}"),
    "wearing": ("{a} wearing {b}", "{a} with {b}", "{a} in {b}", "{a} wearing {b} on its head"),
    "holding": ("{a} holding {b}", "{a} with {b}", "{a} carrying {b}"),
}  # fmt: skip


@dataclass
class Thing:
    """An object of a scene: its noun, the colour it was painted in, and whether it is "small" or "large"."""

    noun: str
    colour: str = ""
    size: str = ""


@dataclass
class Content:
    """What a caption can say of a scene.

    `kind`: that of the layout, for example "one" or "on". `source`: of the drawings.
    `things`: of "on" the upper one first. `colour`: of the background, or else `scenery` and `time`.
    """

    kind: str
    source: str
    things: list[Thing] = field(default_factory=list)
    colour: str = ""
    scenery: str = ""
    time: str = ""
    count: int = 1
    container: str = ""


def with_article(noun: str) -> str:
    """Return the noun after "a" or "an"."""
    if noun.endswith("s") and world()["nouns"].get(noun, {}).get("plural") == noun:
        return noun
    article = world()["nouns"].get(noun, {}).get("article", "an" if noun[0] in "aeiou" else "a")
    return f"{article} {noun}"


def plural(noun: str) -> str:
    """Return the plural of a noun of the world."""
    known = world()["nouns"].get(noun, {}).get("plural")
    if known:
        return known
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def described(thing: Thing, random: np.random.Generator, count: int = 1) -> str:
    """Return the noun with its size and colour, mostly; in the plural for a `count` above 1."""
    noun = plural(thing.noun) if count > 1 else thing.noun
    if count == 1 and thing.noun in world()["nouns"] and random.random() < 0.02:
        noun = {"animals": "animal", "vehicles": "vehicle", "plants": "plant"}.get(
            world()["nouns"][thing.noun]["category"], noun
        )
    words = [noun]
    if thing.colour and random.random() < 0.85:
        words.insert(0, thing.colour)
    if thing.size and random.random() < 0.7:
        words.insert(0, str(random.choice(SIZES[thing.size])))
    return " ".join(words)


def subject_text(content: Content, random: np.random.Generator) -> str:
    """Return the caption's part about the objects."""
    things = content.things
    if content.count > 1:
        number = str(random.choice(NUMBERS[content.count]))
        return f"{number} {described(things[0], random, content.count)}"
    if content.kind in RELATIONS:
        first = with_article(described(things[0], random))
        hats = world().get("hats", {})
        hat = hats.get(things[1].noun, {}).get("phrase") if content.kind == "wearing" else None
        second = hat or with_article(described(things[1], random))
        return str(random.choice(RELATIONS[content.kind])).format(a=first, b=second)
    if content.kind == "in":
        text = with_article(described(things[0], random))
        return f"{text} {random.choice(CONTAINERS[content.container][1])}"
    parts = [with_article(described(thing, random)) for thing in things]
    if len(parts) == 2:
        return str(random.choice(world()["templates"]["two"])).format(a_left=parts[0], a_right=parts[1])
    if len(parts) == 3:
        return f"{parts[0]}, {parts[1]} and {parts[2]}"
    return parts[0]


def place_text(content: Content, random: np.random.Generator) -> str:
    """Return the caption's part about the background, which it mostly names."""
    if content.colour:
        if random.random() < 0.3:
            return ""
        form = str(random.choice(("on {} background", "in front of {} background", "with {} background")))
        return form.format(with_article(content.colour))
    if not content.scenery or random.random() < 0.06:
        return ""
    parts = [str(random.choice(SCENERIES[content.scenery].phrases))]
    time = str(random.choice(TIMES[content.time])) if content.time else ""
    if time:
        parts.append(time)
    if len(parts) == 2 and random.random() < 0.15:
        parts.reverse()
    return " ".join(parts)


def caption_words() -> list[str]:
    """Return every word that a caption can contain: what the starter was taught."""
    known = world()
    texts = [
        *("a an and as background picture photo of on in front with animal vehicle plant".split()),
        *known["nouns"],
        *(plural(noun) for noun in known["nouns"]),
        *known["styles"].values(),
        *known["colours"],
        *known.get("hats", {}),
        *(hat["phrase"] for hat in known.get("hats", {}).values()),
        *(template for group in known["templates"].values() for template in group),
        *(phrase for place in SCENERIES.values() for phrase in place.phrases),
        *(phrase for phrases in TIMES.values() for phrase in phrases),
        *(phrase for _, phrases in CONTAINERS.values() for phrase in phrases),
        *(form for forms in (*RELATIONS.values(), *SIZES.values(), *NUMBERS.values()) for form in forms),
    ]
    without_fields = re.sub(r"{\w*}", " ", " ".join(map(str, texts)))
    return sorted(set(re.findall(r"[a-z]+", without_fields)))


def caption(content: Content, random: np.random.Generator) -> str:
    """Return a random caption of a scene."""
    style = world()["styles"].get(content.source, content.source)
    chance = random.random()
    place = place_text(content, random)
    if content.kind == "one" and chance < 0.4:
        noun = described(content.things[0], random)
        text = str(random.choice(world()["templates"]["one"])).format(noun=noun)
        text = f" {text}".replace(f" a {noun}", f" {with_article(noun)}").lstrip()
        return f"{text} {place}".rstrip()
    text = subject_text(content, random)
    if chance < 0.7:
        if content.kind != "one" and chance < 0.45:
            text = f"{random.choice(('a photo of', 'a picture of'))} {text}"
        return f"{text} {place}".rstrip()
    if random.random() < 0.6:
        return f"{with_article(style)} of {text} {place}".rstrip()
    if random.random() < 0.5 and content.kind == "one":
        return f"{text} {place}".rstrip() + f" as {with_article(style)}"
    return f"{text} {place}".rstrip() + f", {style}"
