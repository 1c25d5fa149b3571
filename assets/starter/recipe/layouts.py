"""Random scenes: one or more objects, counts, sizes, relations, on a coloured ground or in a scenery."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from .backdrops import Backdrops
from .captions import Content, Thing
from .containers import CONTAINERS, draw_container
from .drawings import Drawing, world
from .sceneries import SCENERIES, in_light, restyle
from .scenes import Placement, Scene, by_source, gradient_colours
from .varied_drawings import PAINTS, recoloured, varied

# Kind of scene -> share. "one" to "three" are objects side by side.
SHARES = {
    "one": 0.46, "two": 0.2, "three": 0.06, "count": 0.06,
    "on": 0.05, "in front of": 0.04, "wearing": 0.045, "holding": 0.045, "in": 0.04,
}  # fmt: skip
SCENERY_SHARE = 0.5  # of scenes; the others have a coloured background
PAINTED_SHARE = 0.2  # of objects: recoloured, which the caption may say


@dataclass
class Material:
    """What scenes are made of.

    `drawings`: source -> its drawings. `hats`: source -> its hats. `props`: source -> parts of sceneries.
    `backdrops`: the sceneries to use. Without them there are only coloured
    backgrounds.
    """

    drawings: dict[str, list[Drawing]]
    hats: dict[str, list[Drawing]] = field(default_factory=dict)
    backdrops: Backdrops | None = None
    styled: dict[str, Image.Image] = field(default_factory=dict)

    def in_style(self, drawing: Drawing, colour: str) -> Image.Image:
        """Return a drawing's picture, painted in `colour` ("" for its own), with the marks of its style."""
        if colour:
            return restyle(recoloured(drawing.picture, colour), drawing.source)
        if drawing.name not in self.styled:
            self.styled[drawing.name] = restyle(drawing.picture, drawing.source)
        return self.styled[drawing.name]


class Composer:
    """Draw random scenes from `material` with `random`."""

    def __init__(self, material: Material, random: np.random.Generator, pixels: int = 128) -> None:
        self.material, self.random, self.pixels = material, random, pixels
        counts = {source: len(drawings) for source, drawings in material.drawings.items()}
        self.sources = list(counts)
        self.source_shares = np.array(list(counts.values()), float) / sum(counts.values())

    def pick(self, source: str, count: int, nouns: str = "") -> list[tuple[Drawing, Thing]]:
        """Return `count` different objects of a source, each with a random look and its description.

        `nouns`: name of the list in `world.json` that they come from; "" for all nouns.
        """
        pool = self.pool(source, nouns)
        chosen = self.random.choice(len(pool), count, replace=False)
        return [self.look(pool[int(index)]) for index in chosen]

    def pool(self, source: str, nouns: str = "") -> list[Drawing]:
        """Return a source's drawings, only those on the list `nouns` of `world.json` if it is given."""
        drawings = self.material.drawings[source]
        return [drawing for drawing in drawings if drawing.noun in world()[nouns]] if nouns else drawings

    def look(self, drawing: Drawing) -> tuple[Drawing, Thing]:
        """Return a drawing with a random look, and its description."""
        colour = self.paint()
        return self.varied(drawing, colour), Thing(drawing.noun, colour)

    def paint(self) -> str:
        """Return a random colour to paint an object in, mostly "" for its own."""
        return str(self.random.choice(list(PAINTS))) if self.random.random() < PAINTED_SHARE else ""

    def varied(self, drawing: Drawing, colour: str) -> Drawing:
        """Return a random variation of a drawing painted in `colour`."""
        return replace(drawing, picture=varied(self.material.in_style(drawing, colour), self.random))

    def place(self, source: str) -> tuple[Scene, Content, float]:
        """Return an empty scene, what its caption may say, and the y where objects stand.

        That is 0 on a coloured background, where objects need not stand.
        """
        backdrops = self.material.backdrops
        if backdrops and self.random.random() < SCENERY_SHARE:
            scenery = SCENERIES[str(self.random.choice(list(SCENERIES)))]
            time = "day" if self.random.random() < 0.5 else str(self.random.choice(scenery.times))
            backdrop = backdrops.draw(scenery.name, time, source, self.pixels, self.random)
            content = Content("", source, [], scenery=scenery.name, time=time)
            return Scene([], "", backdrop=backdrop), content, scenery.ground
        colour = str(self.random.choice(list(world()["colours"])))
        return Scene([], colour, *gradient_colours(colour, self.random)), Content("", source, [], colour), 0.0

    def scene(self) -> tuple[Scene, Content]:
        """Return a random scene and what its caption may say."""
        source = self.sources[self.random.choice(len(self.sources), p=self.source_shares)]
        kind = str(self.random.choice(list(SHARES), p=np.array(list(SHARES.values())) / sum(SHARES.values())))
        if not self.can_draw(kind, source):
            kind = "one"
        scene, content, ground = self.place(source)
        content.kind = kind
        LAYOUTS[kind](self, scene, content, ground)
        if content.time not in ("", "day"):
            for placement in scene.placements:
                drawing = placement.drawing
                placement.drawing = replace(drawing, picture=in_light(drawing.picture, content.time))
        return scene, content

    def can_draw(self, kind: str, source: str) -> bool:
        """Return whether a source has the objects that a kind of scene needs."""
        if kind == "wearing":
            return bool(self.pool(source, "wearers") and self.material.hats.get(source))
        if kind == "holding":
            return bool(self.pool(source, "wearers") and self.pool(source, "held"))
        return len(self.pool(source)) >= {"one": 1, "two": 2}.get(kind, 3)

    def scenes(self, count: int) -> Iterator[tuple[Scene, Content]]:
        """Yield `count` random scenes."""
        for _ in range(count):
            yield self.scene()

    def jitter(self, width: float) -> float:
        """Return a random number within `width` of 0."""
        return float(self.random.uniform(-width, width))

    def put(self, scene: Scene, drawing: Drawing, x: float, size: float, ground: float) -> Placement:
        """Add a drawing to the scene, standing at `ground`, or in the middle where that is 0."""
        placement = Placement(drawing, x, 0.5 + self.jitter(0.04), size)
        if ground:
            placement = placement.standing_at(ground + self.jitter(0.02))
        scene.placements.append(placement)
        return placement


def one(composer: Composer, scene: Scene, content: Content, ground: float) -> None:
    """Place one object, sometimes very small or large."""
    random = composer.random
    drawing, thing = composer.pick(content.source, 1)[0]
    chance = random.random()
    if chance < 0.1:
        size, thing.size = random.uniform(0.26, 0.4), "small"
    elif chance < 0.22:
        size, thing.size = random.uniform(0.84, 0.96), "large"
    else:
        size = random.uniform(0.56, 0.8)
    spread = 0.2 if thing.size == "small" else 0.05
    composer.put(
        scene, drawing, 0.5 + composer.jitter(spread), size, ground and min(0.97, ground + size / 18)
    )
    content.things.append(thing)


def row(composer: Composer, scene: Scene, content: Content, ground: float) -> None:
    """Place two or three objects side by side; of a count, several looks of one noun."""
    random = composer.random
    count = {"two": 2, "three": 3}.get(content.kind) or int(random.integers(2, 4))
    if content.kind == "count":
        pool = composer.material.drawings[content.source]
        drawing = pool[int(random.integers(len(pool)))]
        colour = composer.paint()
        picked = [(composer.varied(drawing, colour), Thing(drawing.noun, colour)) for _ in range(count)]
        content.count = count
    else:
        picked = composer.pick(content.source, count)
    low, high = (0.42, 0.5) if count == 2 else (0.28, 0.34)
    for number, (drawing, thing) in enumerate(picked):
        x = (number + 0.5) / count if count == 3 else (0.27, 0.73)[number]
        composer.put(scene, drawing, x + composer.jitter(0.02), random.uniform(low, high), ground)
        content.things.append(thing)


def on(composer: Composer, scene: Scene, content: Content, ground: float) -> None:
    """Place one object on top of another."""
    (upper, upper_thing), (lower, lower_thing) = composer.pick(content.source, 2)
    below = Placement(lower, 0.5 + composer.jitter(0.06), 0.5, composer.random.uniform(0.44, 0.56))
    below = below.standing_at((ground or 0.9) + 0.05)
    above = Placement(upper, below.x + composer.jitter(0.04), 0.5, composer.random.uniform(0.36, 0.46))
    above = above.standing_at(below.top + 0.12 * below.extent[1])
    # What sticks out above moves both down.
    shift = max(0.0, 0.02 - above.top)
    for placement in (below, above):
        placement.y += shift
        scene.placements.append(placement)
    content.things += [upper_thing, lower_thing]


def in_front_of(composer: Composer, scene: Scene, content: Content, ground: float) -> None:
    """Place a smaller object in front of a larger one, which it partly covers."""
    (near, near_thing), (far, far_thing) = composer.pick(content.source, 2)
    side = 1 if composer.random.random() < 0.5 else -1
    behind = Placement(far, 0.5 - side * 0.1, 0.42, composer.random.uniform(0.6, 0.72))
    behind = behind.standing_at((ground or 0.8) - 0.02)
    before = Placement(
        near, 0.5 + side * composer.random.uniform(0.1, 0.2), 0.5, composer.random.uniform(0.38, 0.46)
    )
    scene.placements += [behind, before.standing_at((ground or 0.84) + 0.08)]
    content.things += [near_thing, far_thing]


def head(picture: Image.Image) -> tuple[float, float]:
    """Find the head of an RGBA drawing. Returns its centre's x and its width, in fractions of the width."""
    opaque = np.asarray(picture.getchannel("A")) > 127
    upper = opaque[: max(1, round(opaque.shape[0] * 0.12))]
    columns = np.flatnonzero(upper.any(axis=0))
    centre = float(columns.mean()) / opaque.shape[1] if len(columns) else 0.5
    across = opaque[round(opaque.shape[0] * 0.22)].mean()
    return centre, float(np.clip(across, 0.35, 0.75))


def wearing(composer: Composer, scene: Scene, content: Content, ground: float) -> None:
    """Place an object with a hat on its head."""
    random = composer.random
    wearer, thing = composer.pick(content.source, 1, "wearers")[0]
    hats = composer.material.hats[content.source]
    hat = hats[int(random.integers(len(hats)))]
    body = Placement(wearer, 0.5 + composer.jitter(0.06), 0.62, random.uniform(0.5, 0.64))
    body = body.standing_at((ground or 0.92) + 0.04)
    centre, across = head(wearer.picture)
    width = body.extent[0] * across * 0.92
    size = width * max(hat.picture.size) / hat.picture.width
    on_head = Placement(hat, body.x + (centre - 0.5) * body.extent[0], 0.5, size)
    on_head = on_head.standing_at(body.top + body.extent[1] * 0.14)
    shift = max(0.0, 0.02 - on_head.top)
    for placement in (body, on_head):
        placement.y += shift
        scene.placements.append(placement)
    content.things += [thing, Thing(hat.noun)]


def holding(composer: Composer, scene: Scene, content: Content, ground: float) -> None:
    """Place an object that holds a small one in front of it, at its side."""
    random = composer.random
    holder, thing = composer.pick(content.source, 1, "wearers")[0]
    held, held_thing = composer.pick(content.source, 1, "held")[0]
    body = Placement(holder, 0.5, 0.5 + composer.jitter(0.03), random.uniform(0.6, 0.74))
    if ground:
        body = body.standing_at(ground + 0.04)
    side = 1 if random.random() < 0.5 else -1
    width, height = body.extent
    small = Placement(
        held, body.x + side * width * 0.42, body.y + height * 0.2, body.size * random.uniform(0.38, 0.46)
    )
    scene.placements += [body, small]
    content.things += [thing, held_thing]


def inside(composer: Composer, scene: Scene, content: Content, ground: float) -> None:
    """Place an object in a container that covers its lower part."""
    random = composer.random
    drawing, thing = composer.pick(content.source, 1)[0]
    name = str(random.choice(list(CONTAINERS)))
    back, front = (
        Drawing(name, content.source, picture) for picture in draw_container(name, content.source, random)
    )
    size = random.uniform(0.62, 0.76)
    middle = 0.5 + composer.jitter(0.05)
    container = Placement(back, middle, 0.5, size).standing_at((ground or 0.94) + 0.03)
    # The opening of every container is near 0.57 of its height; the object fills most of its width.
    body = Placement(drawing, middle - 0.02 * size, 0.5, size * random.uniform(0.62, 0.72))
    body = body.standing_at(container.top + size * 0.76)
    scene.placements += [container, body, replace(container, drawing=front)]
    content.things.append(thing)
    content.container = name


LAYOUTS: dict[str, Callable[[Composer, Scene, Content, float], None]] = {
    "one": one, "two": row, "three": row, "count": row,
    "on": on, "in front of": in_front_of, "wearing": wearing, "holding": holding, "in": inside,
}  # fmt: skip


def random_scenes(drawings: list[Drawing], count: int, seed: int = 0) -> Iterator[Scene]:
    """Yield `count` random scenes on coloured backgrounds; the same `seed` gives the same scenes."""
    composer = Composer(Material(by_source(drawings)), np.random.default_rng(seed))
    for scene, _ in composer.scenes(count):
        yield scene
