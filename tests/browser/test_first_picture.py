"""A newcomer's way to the first picture takes four clicks (`python -m tests.benchmarks first` times it)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks.first import MAX_CLICKS
from tests.browser.conftest import Stage
from tests.browser.first_picture import paint_first_picture

pytestmark = pytest.mark.browser


def test_four_clicks_lead_to_a_picture_of_what_was_learned(stage: Stage, page: Any) -> None:
    done = paint_first_picture(page)
    assert done.clicks == ["a demo subject", "Train", "Paint with it", "Paint"]
    assert len(done.clicks) <= MAX_CLICKS
    assert stage.workspace.concepts.has(f"<{done.name}>")
    assert any(path.name in done.picture for path in stage.workspace.gallery.newest(2))
    assert 0 < done.seconds["learned"] < done.seconds["painted"]
