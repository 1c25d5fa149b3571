"""The starter and its judge, opened once for each file of tests."""

from __future__ import annotations

import pytest

from studio.models import opening
from studio.models.backbone import Backbone
from studio.models.clip import Clip
from studio.starter import STARTER


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    """Open the starter."""
    return opening.open_backbone(STARTER)


@pytest.fixture(scope="module")
def judge() -> Clip:
    """Open the starter's judge."""
    return Clip.open(STARTER / "judge")
