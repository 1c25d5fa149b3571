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


def test_a_base_on_a_drive_that_is_away_is_not_forgotten(monkeypatch, tmp_path, capsys):
    opened = []
    monkeypatch.setattr(launch, "open_studio", opened.append)
    monkeypatch.setattr(os, "environ", {})
    bases = KnownBases(tmp_path)
    bases.remember(Base(str(tmp_path / "drive" / "model")))
    launch.run(launch.parser().parse_args(["--workspace", str(tmp_path)]))
    assert opened[0].base.endswith("starter") and opened[0].is_standing_in
    assert "cannot be used: It is not there any more. The starter is." in capsys.readouterr().out
