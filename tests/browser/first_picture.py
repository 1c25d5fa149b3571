"""What a newcomer does, from the open page to a picture of what was learned; every click is counted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

LEARNING_MS = 600_000  # a training with the default settings, on the slowest machine that is tried


@dataclass
class FirstPicture:
    """What came of it.

    Args:
        clicks: by what was clicked, in this order.
        seconds: by what was reached, since the page could be used.
        name: of the concept, without its brackets.
        picture: the address of the picture.
    """

    clicks: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    name: str = ""
    picture: str = ""


def paint_first_picture(page: Any) -> FirstPicture:
    """Learn the first demo subject with the defaults and paint it; returns what it took."""
    done = FirstPicture()
    begun = time.perf_counter()

    def click(what: str, place: Any) -> None:
        place.click()
        done.clicks.append(what)

    def reached(what: str) -> None:
        done.seconds[what] = time.perf_counter() - begun

    click("a demo subject", page.locator("#demo-subjects .demo").first)
    page.locator("#photo-strip .tile").first.wait_for()
    page.wait_for_function("() => document.querySelector('#concept-name input')?.value")
    done.name = page.locator("#concept-name input").input_value()
    click("Train", page.locator("#train"))
    card = page.locator("#train-progress .training.done", has_text=f"<{done.name}>")
    card.wait_for(timeout=LEARNING_MS)
    reached("learned")
    click("Paint with it", card.locator("[data-action=paint]"))
    page.wait_for_function("() => document.querySelector('#prompt textarea')?.value.includes('<')")
    click("Paint", page.locator("#paint"))
    painting = page.locator("#painting .painting", has_text=f"<{done.name}>")  # not one from before
    picture = painting.locator(".tile img").first
    picture.wait_for(timeout=LEARNING_MS)
    done.picture = picture.get_attribute("src")
    reached("painted")
    return done
