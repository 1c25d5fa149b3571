"""The text moments equal a naive loop, are estimated once per base, and survive their file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from studio.errors import StudioError
from studio.events import Event, Step
from studio.models.backbone import Backbone
from studio.subject import Subject
from tests import tiny
from trainers.kit import text_moments as moments
from trainers.kit.captions import plain_captions
from trainers.perfusion import Perfusion, Settings

SETTINGS = Settings(captions=200)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def prepared(backbone: Backbone, cache: Path) -> tuple[Perfusion, list[Event]]:
    """Return a prepared method, and the events of its preparation."""
    method = Perfusion(backbone, Subject("<lily>", "cat"), SETTINGS, torch.Generator())
    return method, list(method.prepare(tiny.photos(), cache))


def test_the_moments_are_those_of_a_naive_loop_and_survive_their_file(
    backbone: Backbone, tmp_path: Path
) -> None:
    captions = plain_captions(30)
    assert len(set(plain_captions(500))) > 400 and captions == plain_captions(30)
    *_, last = moments.estimate(backbone.text, captions)
    total, count = torch.zeros(tiny.WIDTH, tiny.WIDTH, dtype=torch.float64), 0
    for caption in captions:
        words = backbone.text.read([caption])
        ids = words.tokens[0].ids
        end = ids.index(backbone.text.tokenizer.eos_token_id)
        for position in range(1, end + 1):
            e = words.hidden[0, position].double()
            total += torch.outer(e, e)
            count += 1
    torch.testing.assert_close(last.value.C, total / count, rtol=1e-5, atol=1e-6)
    moments.save(last.value, tmp_path / "m.bin")
    loaded = moments.load(tmp_path / "m.bin")
    torch.testing.assert_close(loaded.C, last.value.C, rtol=1e-6, atol=1e-6)
    assert (loaded.tokens, loaded.captions) == (count, 30)
    assert (
        loaded.encoder == moments.encoder_fingerprint(backbone.text)
        and "between start and end" in loaded.counted
    )
    (tmp_path / "m.bin").write_bytes((tmp_path / "m.bin").read_bytes()[:-4])
    with pytest.raises(StudioError, match="damaged"):
        moments.load(tmp_path / "m.bin")


def test_the_metric_is_read_once_per_base(backbone: Backbone, tmp_path: Path) -> None:
    (first, events), (second, later_events) = (prepared(backbone, tmp_path) for _ in range(2))
    assert any(isinstance(event, Step) for event in events)
    assert not any(isinstance(event, Step) for event in later_events)
    assert second.metric.hash == first.metric.hash
    assert len(list((tmp_path / "moments").iterdir())) == 1


def test_a_base_may_bring_its_own_metric(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, last = moments.estimate(backbone.text, plain_captions(50))
    moments.save(last.value, tmp_path / moments.FILE)
    monkeypatch.setattr(backbone, "folder", tmp_path)
    brought = moments.load(tmp_path / moments.FILE)
    assert prepared(backbone, tmp_path / "cache")[0].metric.hash == brought.hash
    assert not (tmp_path / "cache").exists()
    moments.save(dataclasses.replace(last.value, encoder="another one"), tmp_path / moments.FILE)
    assert prepared(backbone, tmp_path / "cache")[0].metric.hash != brought.hash
