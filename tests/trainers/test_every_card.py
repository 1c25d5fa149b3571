"""Every method says what it is: a file of the folder, and a card that describes each of its settings."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

import trainers
from studio.errors import StudioError
from trainers import BROKEN, METHODS

pytestmark = pytest.mark.parametrize("method_id", sorted(METHODS))


def test_every_file_of_the_folder_is_a_method(method_id: str) -> None:
    assert not BROKEN
    files = {path.stem for path in Path(trainers.__file__).parent.glob("*.py") if path.stem[0] != "_"}
    assert files <= {method.__module__.rpartition(".")[2] for method in METHODS.values()}  # and plugins
    assert METHODS[method_id].id == method_id


def test_its_card_describes_every_setting(method_id: str) -> None:
    method = METHODS[method_id]
    card = method.card()
    assert card.title and card.summary.endswith(".") and re.search(r"arXiv \d{4}\.\d{5}$", card.paper)
    own = {field.name for field in dataclasses.fields(method.settings_class)}
    added = {field.name for one in method.regularizers for field in dataclasses.fields(one.settings_class)}
    assert {field.name for field in card.fields} == own | added and not own & added
    for field in card.fields:
        assert field.help.rstrip()[-1] in ".)>" and field.help[0].isupper(), field.name
        assert field.parse(field.default) == field.default
        for value in (None, "", "no such choice") if field.kind in ("int", "float") else ():
            with pytest.raises(StudioError):
                field.parse(value)
        if field.kind in ("int", "float"):
            assert field.low <= field.default <= field.high, field.name
            for value in (field.low - 1, field.high + 1):
                with pytest.raises(StudioError, match="out of range"):
                    field.parse(value)
    assert card.parse(dict(method.quick_settings)).items() >= method.quick_settings.items()
    with pytest.raises(StudioError, match="no setting called"):
        card.parse({"no_such_setting": 1})
    assert type(card).from_json(json.loads(json.dumps(card.to_json()))) == card
