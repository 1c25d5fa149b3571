"""Captions made of word lists, to estimate statistics of a text encoder. They come from no data set."""

from __future__ import annotations

import random

THINGS = """\
cat dog horse cow pig sheep rabbit mouse lion tiger bear fox wolf monkey elephant giraffe bird owl duck
penguin parrot eagle fish whale shark frog turtle snake bee butterfly spider man woman child boy girl
baby king queen doctor chef soldier robot ghost tree flower rose tulip cactus mushroom leaf apple banana
orange lemon pear peach cherry strawberry grapes tomato carrot bread cheese pizza burger cake cookie
donut egg cup teapot bottle plate spoon knife chair table sofa bed lamp clock mirror door window house
castle church tower bridge boat ship car bus truck train tractor bicycle rocket airplane helicopter
balloon kite ball guitar violin trumpet drum piano book pen key hammer camera phone computer television
umbrella hat crown shoe dress shirt bag backpack ring watch gift bell candle flag mountain river lake
beach forest garden street city sky sun moon star cloud rain snow fire stone island""".split()
ADJECTIVES = """\
red orange yellow green blue purple pink brown gray white black golden silver small large tiny huge old
new young shiny wooden metal plastic glass paper soft fluffy round square tall broken clean dirty bright
dark colorful happy sad funny beautiful strange quiet""".split()
SETTINGS = """\
on a blue background; on a red background; on a green background; on a yellow background; on a white
background; on a table; on the beach; in the forest; in the snow; in a garden; in a city street; in the
kitchen; in a box; on a mountain; by a river; in the sky; under a tree; in front of a house; on a wooden
floor; at night; at sunset; in the rain; in a field of flowers; in space; under water; on the moon; in a
museum; at a party""".replace("\n", " ")
SENTENCES = (
    "a photo of a {adjective} {thing} {setting}",
    "a {thing} {setting}",
    "a drawing of a {adjective} {thing}",
    "a {adjective} {thing} next to a {other} {setting}",
    "a {thing} and a {other}",
    "a painting of a {thing} {setting}",
    "a close-up photo of the {adjective} {thing}",
    "a {other} with a {adjective} {thing}",
    "the {thing} is {adjective}",
    "two {adjective} things, a {thing} and a {other}, {setting}",
)


def plain_captions(count: int, seed: int = 0) -> list[str]:
    """Return `count` captions, the same for the same seed."""
    choose = random.Random(seed).choice
    settings = [setting.strip() for setting in SETTINGS.split(";")]
    return [
        choose(SENTENCES).format(
            adjective=choose(ADJECTIVES), thing=choose(THINGS), other=choose(THINGS), setting=choose(settings)
        )
        for _ in range(count)
    ]
