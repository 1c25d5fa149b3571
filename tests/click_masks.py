"""Measure the masks that clicks propose on photographs: python -m tests.click_masks PHOTOGRAPHS.

PHOTOGRAPHS is a folder with sample photographs of packages, which are not shipped with the studio: from
scikit-image astronaut.png, coffee.png, rocket.jpg, chelsea.png, brick.png, grass.png, gravel.png and
motorcycle_left.png, from scikit-learn china.jpg and flower.jpg, from imgaug quokka.jpg. Any may be missing.

Subjects are outlined by hand, coarsely, and also cut out and pasted onto other photographs, where the mask is
exact. Beside them are the photographs NAME.jpg with a cut-out NAME.out.png, such as the examples of rembg,
whose cut-outs a network made. Each click goes to where the worst error is widest, as a person would place it.
The first is a click, a click and the best of three sizes (Smaller or Larger may be pressed once), or a box
around the subject, which counts as two clicks.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from studio.errors import StudioError
from studio.photos.click_mask import Box, box_mask, corrected_mask, propose_mask
from studio.photos.regions import without_holes

SIDE = 512
Outline = tuple[tuple[float, float], ...]
# By photograph and subject, the outline in hundredths of the square in its middle.
OUTLINES: dict[tuple[str, str], Outline] = {
    ("astronaut.png", "person"): (
        *((36, 4), (46, 3), (55, 6), (59, 14), (58, 24), (53, 28), (53, 31), (58, 36), (60, 44), (66, 50)),
        *((68, 58), (70, 68), (60, 76), (56, 86), (56, 100), (5, 100), (5, 72), (8, 57), (20, 50), (22, 42)),
        *((24, 33), (30, 29), (34, 29), (36, 27), (31, 20), (31, 10)),
    ),
    ("astronaut.png", "helmet"): (
        *(
            (57, 88),
            (58, 78),
            (63, 72),
            (72, 68),
            (82, 67),
            (90, 72),
            (96, 80),
            (99, 90),
            (100, 100),
            (55, 100),
        ),
    ),
    ("coffee.png", "cup"): (
        *((18, 22), (20, 12), (30, 5), (45, 3), (60, 5), (72, 12), (77, 22), (76, 34), (70, 44), (64, 56)),
        *((58, 60), (52, 62), (40, 62), (38, 66), (36, 73), (31, 77), (25, 74), (24, 66), (28, 60), (30, 54)),
        *((24, 45), (19, 35)),
    ),
    ("coffee.png", "cup and saucer"): (
        *((0, 48), (3, 35), (8, 26), (16, 18), (20, 12), (30, 5), (45, 3), (60, 5), (72, 12), (79, 17)),
        *((86, 25), (92, 38), (94, 52), (90, 68), (80, 82), (65, 92), (45, 97), (30, 95), (15, 86), (5, 76)),
        *((0, 66),),
    ),
    ("rocket.jpg", "rocket"): (
        *((50.5, 30), (52, 34), (53, 40), (53.5, 94), (47.5, 94), (48, 60), (48, 40), (49, 33)),
    ),
    ("flower.jpg", "flower"): (
        *((15, 47), (19, 34), (28, 26), (40, 22), (52, 20), (62, 23), (71, 30), (77, 40), (80, 50), (78, 60)),
        *((72, 70), (64, 78), (54, 83), (42, 84), (30, 80), (22, 72), (17, 62)),
    ),
    ("quokka.jpg", "quokka"): (
        *((0, 14), (4, 10), (10, 13), (15, 9), (25, 9), (32, 12), (36, 7), (42, 9), (43, 20), (45, 26)),
        *((49, 38), (49, 50), (53, 62), (60, 76), (60, 88), (56, 98), (54, 100), (4, 100), (0, 90)),
    ),
}
BACKGROUNDS = ("china.jpg", "chelsea.png", "grass.png", "gravel.png", "brick.png", "motorcycle_left.png")


@dataclass(frozen=True)
class Case:
    """A picture and the exact mask of its subject, (h, w) bool."""

    name: str
    picture: Image.Image
    mask: np.ndarray


def cases(folder: Path) -> Iterator[Case]:
    """Yield each subject where it is, and on each of the other photographs, smaller and elsewhere."""
    random = np.random.default_rng(0)
    for (file, subject), outline in OUTLINES.items():
        if not (folder / file).is_file():
            continue
        picture = square(folder / file)
        mask = Image.new("L", picture.size)
        ImageDraw.Draw(mask).polygon([(x * SIDE / 100, y * SIDE / 100) for x, y in outline], fill=255)
        yield Case(f"{subject}, where it is", picture, np.asarray(mask) > 127)
        box = mask.getbbox()
        for background in BACKGROUNDS:
            if not (folder / background).is_file():
                continue
            scale = random.uniform(0.4, 0.75) * SIDE / max(box[2] - box[0], box[3] - box[1])
            size = round(scale * (box[2] - box[0])), round(scale * (box[3] - box[1]))
            at = tuple(int(random.uniform(0.05, 0.95) * (SIDE - length)) for length in size)
            stencil = mask.resize(size, box=box).filter(ImageFilter.GaussianBlur(1))
            scene, whole = square(folder / background), Image.new("L", (SIDE, SIDE))
            scene.paste(picture.resize(size, box=box), at, stencil)
            whole.paste(stencil, at)
            yield Case(f"{subject} on {background}", scene, np.asarray(whole) > 127)


def cut_outs(folder: Path) -> Iterator[Case]:
    """Yield the photographs beside which a cut-out lies; the largest part of it is the subject."""
    for file in sorted(folder.glob("*.out.png")):
        alpha = middle(Image.open(file).convert("RGBA").getchannel("A"))
        _, parts, measures, _ = cv2.connectedComponentsWithStats((np.asarray(alpha) > 127).astype(np.uint8))
        mask = without_holes(parts == 1 + int(measures[1:, cv2.CC_STAT_AREA].argmax()))
        name = file.name.removesuffix(".out.png")
        yield Case(f"{name}, with a cut-out", square(folder / f"{name}.jpg"), mask)


def square(path: Path) -> Image.Image:
    """Return the square in the middle of a photograph."""
    return middle(Image.open(path).convert("RGB"))


def middle(picture: Image.Image) -> Image.Image:
    """Return the square in the middle of a picture, of SIDE pixels."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS, (left, top, left + side, top + side))


def widest(error: np.ndarray) -> tuple[float, float, float]:
    """Return the radius of the widest place in an error, and its (x, y) in shares."""
    padded = np.pad(error, 1).astype(np.uint8)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(distance.argmax()), distance.shape)
    return float(distance.max()), (x + 0.5) / SIDE, (y + 0.5) / SIDE


def box_around(mask: np.ndarray) -> Box:
    """Return the box around a mask, in shares."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    left, top, right, bottom = (
        float(edge) / SIDE for edge in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    )
    return left, top, right, bottom


def overlaps(
    case: Case, clicks: int, with_box: bool, sizes: Sequence[int] = (0,)
) -> tuple[list[float], float, np.ndarray]:
    """Return the IoU after each click, the longest time that one took, in seconds, and the last mask.

    Args:
        sizes: the steps of size of the first outline, of which the best is taken.
    """

    def shared(found: np.ndarray) -> float:
        return float((found & case.mask).sum() / (found | case.mask).sum())

    mask = Image.new("L", case.picture.size)
    found, values, longest = np.zeros_like(case.mask), [], 0.0
    for number in range(clicks):
        if not (with_box and number < 2):
            missing, wrong = widest(case.mask & ~found), widest(found & ~case.mask)
            adds, at = missing[0] >= wrong[0], max(missing, wrong)[1:]
        started = time.perf_counter()
        try:
            if with_box and number < 2:
                mask = mask if number else box_mask(case.picture, box_around(case.mask))
            elif not found.any():
                found_masks = [propose_mask(case.picture, [at], step=size) for size in sizes]
                mask = max(found_masks, key=lambda one: shared(np.asarray(one) > 127))
            else:
                mask = corrected_mask(case.picture, mask, at, adds)
            found = np.asarray(mask) > 127
        except StudioError:
            pass  # nothing is found, and the mask stays what it was
        longest = max(longest, time.perf_counter() - started)
        values.append(shared(found))
    return values, longest, found


def worst_sheet(worst: Sequence[tuple[Case, float, np.ndarray]]) -> Image.Image:
    """Return cases beside each other with their IoU: what was found is bright, the true outline is red."""
    sheet = Image.new("RGB", (SIDE * len(worst), SIDE + 40), "white")
    for number, (case, value, found) in enumerate(worst):
        dimmed = case.picture.point(lambda level: level // 3)
        tile = Image.composite(case.picture, dimmed, Image.fromarray((found * 255).astype(np.uint8)))
        outlines, _ = cv2.findContours(case.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        drawn = cv2.drawContours(np.array(tile), outlines, -1, (255, 0, 0), 3)
        sheet.paste(Image.fromarray(drawn), (SIDE * number, 0))
        label = f"{case.name}: {value:.2f}"
        ImageDraw.Draw(sheet).text((SIDE * number + 8, SIDE + 8), label, "black", font_size=22)
    return sheet


def main() -> None:
    """Measure all cases and print the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.click_masks", description=__doc__)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--clicks", type=int, default=3)
    parser.add_argument("--each", action="store_true", help="print every case")
    parser.add_argument(
        "--worst", type=Path, metavar="FILE", help="only clicks: put the worst cases on a page"
    )
    given = parser.parse_args()
    tried = [*cases(given.photographs), *cut_outs(given.photographs)]
    if given.worst:
        ends = ((case, *overlaps(case, given.clicks, False)) for case in tried)
        found = sorted(((case, values[-1], mask) for case, values, _, mask in ends), key=lambda one: one[1])
        worst_sheet(found[:6]).resize((6 * 256, 276)).save(given.worst)
        return
    for title, *how in (
        ("clicks", False),
        ("clicks, the first with the best of three sizes", False, (-1, 0, 1)),
        ("a box first, as two clicks", True),
    ):
        scored = [(case.name, *overlaps(case, given.clicks, *how)) for case in tried]
        for name, values, *_ in scored if given.each else ():
            print(f"  {name}: {', '.join(f'{value:.2f}' for value in values)}")
        for kind, its in (
            ("where they are", [values for name, values, *_ in scored if "where it is" in name]),
            ("with cut-outs", [values for name, values, *_ in scored if "cut-out" in name]),
            ("pasted", [values for name, values, *_ in scored if " on " in name]),
        ):
            if its:
                medians = ", ".join(f"{value:.3f}" for value in np.median(its, axis=0))
                lowest = ", ".join(f"{value:.3f}" for value in np.quantile(its, 0.1, axis=0))
                print(f"{title}, {kind} ({len(its)}): median {medians}; lowest tenth {lowest}", flush=True)
        if scored:
            print(f"{title}: the slowest took {max(longest for *_, longest, _ in scored):.2f} s")


if __name__ == "__main__":
    main()
