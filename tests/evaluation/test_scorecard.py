"""The score card: rows, control, seeds and protocol; painted once; by command."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import studio.__main__ as command
from studio.edits import LowRank, NewWord
from studio.edits.concept import Concept
from studio.evaluation.concept_scoring import CONTROL, measure, score_concept
from studio.evaluation.encoders import Encoders, open_encoders
from studio.evaluation.painted_set import PromptPictures
from studio.evaluation.scorecard import References, ScoreCard
from studio.events import Result, Step
from studio.generation.generate import generate
from studio.models import opening
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe
from studio.recipes.spoken import with_noun
from tests import tiny
from tests.edits.test_concept import HEADER

SAMPLING = Recipe("", seed=3, steps=1, guidance=1.0, count=2)
PATTERNS = ("a photo of {}", "{} on blue background")
SITE = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_v"


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def concept(backbone: Backbone, low_rank: bool = False) -> Concept:
    header = dataclasses.replace(HEADER, base=backbone.name, fingerprint=backbone.fingerprint)
    random = torch.Generator().manual_seed(0)
    edits = [NewWord("<lily>", "cat", 3 * torch.randn(1, tiny.WIDTH, generator=random))]
    if low_rank:
        out, inner = backbone.sites[SITE].weight.shape
        down, up = (torch.randn(shape, generator=random) for shape in ((2, inner), (out, 2)))
        edits.append(LowRank("<lily>", "cat", {SITE: 5 * down}, {SITE: 5 * up}))
    return Concept(header, tuple(edits)).round_to_file()


def scored(
    backbone: Backbone, folder: Path, encoders: Encoders | None = None, **options: object
) -> ScoreCard:
    squares = tiny.photos(4).squares
    references = References(squares[3:], squares[:3], squares[:1])
    made = concept(backbone, bool(options.pop("low_rank", False)))
    events = list(
        score_concept(
            backbone,
            made,
            references,
            encoders or open_encoders(backbone),
            SAMPLING,
            folder,
            patterns=PATTERNS,
        )
    )
    steps = [event for event in events if isinstance(event, Step)]
    assert [step.step for step in steps] == list(range(1, 1 + steps[-1].steps))
    assert isinstance(events[-1], Result)
    return events[-1].value


def test_a_card_has_the_concept_the_control_and_the_protocol(backbone: Backbone, tmp_path: Path) -> None:
    card = scored(backbone, tmp_path)
    assert list(card.rows) == ["<lily>", CONTROL]
    own = card.rows["<lily>"]
    assert set(own) == {"likeness", "structure", "copying", "copied", "diversity", "bleed", "drift"}
    assert (own["likeness"].n, own["diversity"].n, own["drift"].n) == (4, 2, 2)
    assert card.protocol["seeds"] == [3, 4] and card.protocol["prompts"] == list(PATTERNS)
    assert card.protocol["photos"] == "1 photo held out from training"
    assert backbone.fingerprint[:8] in card.protocol["encoders"]["likeness"]
    assert card.table().splitlines()[2].startswith("| <lily> | ")
    assert json.loads(json.dumps(card.to_json()))["rows"]["<lily>"]["likeness"]["n"] == 4


class Pixels:
    """An image encoder: the pixels, less grey."""

    name = "pixels"

    def encode(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        arrays = [np.asarray(picture.convert("RGB").resize((16, 16)), np.float32) for picture in pictures]
        return F.normalize(torch.tensor(np.stack(arrays)).flatten(1) - 127.5, dim=1)


class Inverse(Pixels):
    """Another image encoder: the pixels upside down, less black."""

    def encode(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        return F.normalize(super().encode(pictures).flip(1) + 1, dim=1)


def test_a_word_drifts_nothing_and_an_edit_of_the_model_does(backbone: Backbone, tmp_path: Path) -> None:
    encoders = Encoders(Pixels(), Pixels())
    assert scored(backbone, tmp_path / "a", encoders).rows["<lily>"]["drift"].mean == pytest.approx(
        0, abs=1e-6
    )
    assert scored(backbone, tmp_path / "b", encoders, low_rank=True).rows["<lily>"]["drift"].mean > 1e-5


def test_pictures_are_painted_once(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = scored(backbone, tmp_path)
    (tmp_path / CONTROL / "00-1.png").write_bytes(b"half a picture")
    calls, decode = [], backbone.decode
    monkeypatch.setattr(backbone, "decode", lambda latents: calls.append(1) or decode(latents))
    assert scored(backbone, tmp_path).rows == first.rows
    assert len(calls) == 1 + 2 * SAMPLING.count  # the broken one, and the noun with and without the edits


class Words:
    """A text encoder that records its prompts."""

    name = "words"

    def __init__(self) -> None:
        self.given: list[str] = []

    def encode(self, pictures: object) -> torch.Tensor:
        return torch.eye(4)[torch.arange(len(pictures)) % 4]

    def encode_text(self, prompts: object) -> torch.Tensor:
        self.given += prompts
        return torch.eye(4)[:1].repeat(len(prompts), 1)


def test_only_agreement_is_measured_by_the_text_encoder(backbone: Backbone, tmp_path: Path) -> None:
    alone = scored(backbone, tmp_path, Encoders(Pixels(), Pixels())).rows["<lily>"]
    beside = scored(backbone, tmp_path, Encoders(Pixels(), Pixels(), Words())).rows["<lily>"]
    assert beside == alone | {"agreement": beside["agreement"]}


def test_the_text_encoder_never_reads_the_learned_word(backbone: Backbone, tmp_path: Path) -> None:
    words = Words()
    card = scored(backbone, tmp_path, Encoders(words, words, words))
    assert set(words.given) == {"a photo of a cat", "a cat on blue background"}
    assert card.rows["<lily>"]["agreement"].n == 4


def test_likeness_is_to_photos_held_out_and_copying_to_those_trained_on(backbone: Backbone) -> None:
    unseen, trained, absent, drawn = tiny.photos(4).squares
    pictures = [PromptPictures("a cat", (unseen,)), PromptPictures("a dog", (drawn,))]
    control = [PromptPictures("a cat", (absent,)), PromptPictures("a dog", (absent,))]
    pixels = Pixels()
    by = {name: pixels.encode([square]) for name, square in
          {"unseen": unseen, "trained": trained, "absent": absent, "drawn": drawn}.items()}  # fmt: skip

    def cosine(one: str, other: str) -> float:
        return (by[one] @ by[other].T).item()

    taken = measure(
        Encoders(pixels, Inverse()), pictures, References((unseen,), (trained,), (absent,)), control
    )
    assert taken["likeness"].mean == pytest.approx((1 + cosine("drawn", "unseen")) / 2, abs=1e-5)
    copying = (cosine("unseen", "trained") + cosine("drawn", "trained")) / 2
    assert taken["copying"].mean == pytest.approx(copying, abs=1e-5)
    bleed = (cosine("unseen", "absent") + cosine("drawn", "absent")) / 2 - 1
    assert taken["bleed"].mean == pytest.approx(bleed, abs=1e-5)
    flat = Inverse().encode([unseen, drawn]) @ Inverse().encode([unseen]).T
    assert taken["structure"].mean == pytest.approx(flat.mean().item(), abs=1e-5)
    alone = measure(Encoders(pixels, pixels), pictures, References((), (trained,)))
    assert alone["likeness"].mean == alone["copying"].mean == pytest.approx(copying, abs=1e-5)


def test_the_row_of_the_concept_is_of_pictures_with_it(backbone: Backbone, tmp_path: Path) -> None:
    """The plain noun's pictures are those that the base paints of it."""
    scored(backbone, tmp_path, Encoders(Pixels(), Pixels()))
    (without,) = (tmp_path / CONTROL).glob("00-0.png")
    recipe = dataclasses.replace(SAMPLING, prompt="a photo of a cat", count=1)
    *_, plain = generate(backbone, recipe)
    assert np.array_equal(np.asarray(Image.open(without)), np.asarray(plain.value.image))
    (named,) = (tmp_path / "lily").glob("00-0.png")
    *_, own = generate(backbone, dataclasses.replace(recipe, prompt="a photo of <lily>"), [concept(backbone)])
    assert np.array_equal(np.asarray(Image.open(named)), np.asarray(own.value.image))
    assert not np.array_equal(np.asarray(own.value.image), np.asarray(plain.value.image))


def test_any_pictures_can_be_measured(backbone: Backbone) -> None:
    squares = tiny.photos(3).squares
    taken = measure(
        open_encoders(backbone), [PromptPictures("a cat", squares[:1])], References((), squares[:1])
    )
    assert taken["likeness"].mean == pytest.approx(1.0, abs=1e-5) and taken["likeness"].half_width is None
    assert "diversity" not in taken and "copied" not in taken and "agreement" not in taken


@pytest.mark.parametrize(
    ("pattern", "noun", "text"),
    [
        ("{} on the beach", "cat", "a cat on the beach"),
        ("a photo of {}", "owl", "a photo of an owl"),
        ("a {} in the jungle", "stuffed animal", "a stuffed animal in the jungle"),
        ("a cube shaped {}", "toy", "a cube shaped toy"),
        ("{0} and {} in {x}", "cat", "{0} and a cat in {x}"),
        ("a {x} {}", "{}", "a {x} {}"),
    ],
)
def test_a_noun_gets_an_article_where_there_is_none(pattern: str, noun: str, text: str) -> None:
    assert with_noun(pattern, noun) == text


def test_a_card_by_command(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(opening, "open_backbone", lambda base, **options: backbone)
    file, photos, prompts = tmp_path / "lily.safetensors", tmp_path / "photos", tmp_path / "prompts.txt"
    concept(backbone).save(file)
    tiny.photos(3).save(photos)
    prompts.write_text("{} on {blue}, {0}\n\n", encoding="utf-8")
    asked = ["score", str(file), str(photos), "--workspace", str(tmp_path), "--steps", "1", "--seeds", "1"]
    assert command.main([*asked, "--prompts", str(prompts)]) == 0
    saved = json.loads((tmp_path / "scores" / "lily" / "card.json").read_text(encoding="utf-8"))
    assert (
        saved["protocol"]["photos"] == "1 photo held out from training"
    )  # its file says that it was trained on two
    assert saved["protocol"]["prompts"] == ["{} on {blue}, {0}"]
    assert "| <lily> |" in capsys.readouterr().out
    prompts.write_text("a cat on blue\n", encoding="utf-8")
    for flags, message in (
        (["--prompts", str(prompts)], "'a cat on blue' is no prompt to score with"),
        (["--held-out", "9"], "9 of 3 photos cannot be held out"),
        (["--handle", "tom"], "There is no <tom> in it"),
        (["--seeds", "0"], "--seeds is 1 to 64"),
        (["--seeds", "65"], "--seeds is 1 to 64"),
    ):
        assert command.main([*asked, *flags]) == 2
        assert message in capsys.readouterr().err
