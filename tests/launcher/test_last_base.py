"""The base that the studio opens on when none is named."""

from __future__ import annotations

import os

import launch
from studio.bases.known_bases import Base, KnownBases


def test_the_base_of_the_last_time_is_opened_unless_another_is_named(monkeypatch, tmp_path, capsys):
    opened = []
    monkeypatch.setattr(
        launch, "open_studio", lambda options: opened.append((options.base, options.prediction))
    )
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    place, starter = ["--workspace", str(tmp_path)], str(launch.HERE / "assets" / "starter")

    def open_with(*flags):
        monkeypatch.setattr(os, "environ", {})
        launch.run(launch.parser().parse_args([*place, *flags]))
        return opened[-1]

    assert open_with() == (starter, "")
    KnownBases(tmp_path).remember(Base(str(tmp_path / "model"), "epsilon"))
    assert open_with() == (str(tmp_path / "model"), "epsilon")
    assert "model, as the last time" in capsys.readouterr().out
    assert open_with("--base", "starter") == (starter, "")
    assert open_with("--base", "someone/else") == ("someone/else", "")
