"""Masks become cells of latents and attention maps; missing and unusable ones are refused."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image

import trainers.__main__ as training
from studio.concepts.header import read_header
from studio.errors import StudioError
from studio.events import Note
from studio.method import Method
from studio.models import opening
from studio.models.backbone import Backbone
from studio.photos.masked_folder import open_masked
from studio.photos.photo_set import PhotoSet
from studio.subject import Subject
from tests import tiny
from tests.trainers.steps import loss_terms
from trainers import METHODS
from trainers.kit.attention_iou import intersection_over_union
from trainers.kit.latents import PhotoLatents
from trainers.kit.mask_preview import DIM_FACTOR, MAX_PHOTOS, SIDE, mask_preview
from trainers.kit.scene import Scene, masked_photos

pytestmark = pytest.mark.usefixtures("short_verdict")

HANDLES = ("<lily>", "<tom>")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def scene(backbone: Backbone, photos: PhotoSet, background: bool = False, flips: bool = False) -> Scene:
    latents = PhotoLatents(backbone, photos.pixels(backbone.resolution), flips)
    return Scene(latents, photos, HANDLES, background)


def test_masks_are_halved_by_area_and_stay_binary(backbone: Backbone) -> None:
    lily = tiny.stencil(0, 0, 16, 48)  # 2 2/3 cells of 6 pixels wide
    tom = tiny.stencil(45, 0, 48, 48)  # the right half of the last cell; no grid of top left pixels meets it
    made = scene(backbone, tiny.pair(lily, tom))
    for masks in (made.masks, made.attention_masks):
        assert masks.shape == (1, 2, 8, 8) and set(masks.unique().tolist()) == {0.0, 1.0}
        assert masks[0, 0].sum(0).tolist() == [8, 8, 8, 0, 0, 0, 0, 0]
        assert masks[0, 1].sum(0).tolist() == [0, 0, 0, 0, 0, 0, 0, 8]


def test_masks_mirror_with_their_photos(backbone: Backbone) -> None:
    made = scene(backbone, tiny.pair(), flips=True)
    mirrored = tiny.pair().pixels(backbone.resolution)[:, :, ::-1].copy()
    assert made.photos == 1 and torch.equal(made.latents.mean[1:], backbone.encode_photos(mirrored)[0])
    for masks in (made.masks, made.attention_masks):
        assert torch.equal(masks[1], masks[0].flip(-1)) and not torch.equal(masks[1], masks[0])


def test_the_background_is_what_the_masks_leave(backbone: Backbone) -> None:
    made = scene(backbone, tiny.pair(), background=True)
    for masks in (made.masks, made.attention_masks):
        assert masks.shape[1] == 3 and torch.equal(masks[:, :2].amax(1) + masks[:, 2], torch.ones(1, 8, 8))
    assert made.present == [[0, 1, 2]]
    halves = tiny.pair(tiny.stencil(0, 0, 24, 48), tiny.stencil(24, 0, 48, 48))
    with pytest.raises(StudioError, match="nothing of the background"):
        scene(backbone, halves, background=True)


NOTHING, SMALL = tiny.stencil(0, 0, 0, 0), tiny.stencil(40, 40, 43, 43)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"<lily>": (tiny.LEFT, None)}, "Paint <tom> in at least one photo"),
        ({"<lily>": (tiny.LEFT, None), "<tom>": (NOTHING, None)}, "Paint <tom> in at least one photo"),
        ({"<lily>": (tiny.LEFT, NOTHING), "<tom>": (None, tiny.RIGHT)}, "<lily> in photo 2 is empty"),
        ({"<lily>": (tiny.LEFT, None), "<tom>": (SMALL, None)}, "<tom> in photo 1 is too small"),
        (
            {"<lily>": (tiny.LEFT, None), "<tom>": (tiny.stencil(0, 0, 18, 46), None)},
            "almost the same mask",
        ),
        ({"<lily>": (tiny.stencil(0, 0, 48, 48), None), "<tom>": (tiny.LEFT, None)}, "covers nearly all"),
    ],
)
def test_masks_that_cannot_be_learned_from_are_refused(
    masks: dict[str, tuple[Image.Image | None, ...]], message: str
) -> None:
    with pytest.raises(StudioError, match=message) as raised:
        list(masked_photos(PhotoSet(tiny.photos(2).squares, masks), HANDLES, 8))
    assert raised.value.hint


def test_a_small_mask_is_learned_with_a_warning() -> None:
    photos = tiny.pair(tom=tiny.stencil(36, 36, 48, 42))
    assert [event.text for event in masked_photos(photos, HANDLES, 8) if isinstance(event, Note)] == [
        "<tom> is very small in photo 1; a closer crop would help."
    ]


def test_each_map_is_compared_with_its_own_maximum() -> None:
    """A word that is attended to a hundred times less than another meets its mask just as well."""
    masks = torch.zeros(2, 4, 4)
    masks[0, :, :2] = masks[1, 0] = 1
    maps = torch.stack([masks[0], 0.01 * (masks[1] + 0.1)])
    expected = torch.tensor([[1.0, 2 / 10], [2 / 10, 1.0]])
    torch.testing.assert_close(intersection_over_union(maps, masks), expected)


# methods that learn one subject

ONE_PHOTO = {"dreambooth": {"batch": 1, "prior_weight": 0.0, "flips": False, "ground_weight": 0.0}}
ONE_PHOTO["textual_inversion"] = {"batch": 1, "flips": False}


def prepared(
    method_id: str, backbone: Backbone, workdir: Path, photos: PhotoSet, **settings: object
) -> Method:
    """Return a method that is ready for its first step on photos, with settings of one's own."""
    method = METHODS[method_id]
    values = method.card().parse({**ONE_PHOTO[method_id], **settings})
    made = method(backbone, Subject("<lily>", "cat"), method.own(values), torch.Generator().manual_seed(0))
    list(made.prepare(photos, workdir))
    return made


def masks_of(made: Method) -> torch.Tensor | None:
    """Return the weights of latents, of shape (photos, 1, height, width)."""
    return getattr(made, "photos", made).latents.masks


def denoising(method: Method) -> float:
    return loss_terms(method)["denoising"].item()


@pytest.mark.parametrize("method_id", ONE_PHOTO)
def test_what_is_outside_a_mask_does_not_count(
    method_id: str, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learning = partial(prepared, method_id, backbone, tmp_path)
    masked, whole = learning(tiny.pair()), learning(tiny.pair(), masks=False)
    assert masks_of(whole) is None and masks_of(masked)[0, 0].sum(0).tolist() == [8, 8, 8, *[0] * 5]
    unmasked = denoising(whole)
    assert denoising(learning(PhotoSet(tiny.pair().squares))) == unmasked
    predict, before = backbone.predict, denoising(masked)
    for inside, same in ((0, True), (1, False)):
        where = masks_of(masked) == inside
        monkeypatch.setattr(backbone, "predict", lambda *a, where=where: predict(*a) + 3.0 * where)
        assert (denoising(masked) == before) is same and denoising(whole) != unmasked
        monkeypatch.setattr(backbone, "predict", predict)
    some = learning(PhotoSet(tiny.photos(2).squares, {"<lily>": (tiny.LEFT, None)}))
    assert torch.equal(masks_of(some)[1], torch.ones(1, 8, 8))


@pytest.mark.parametrize("method_id", ONE_PHOTO)
def test_the_ground_counts_as_much_as_its_weight_says(
    method_id: str, backbone: Backbone, tmp_path: Path
) -> None:
    masked = prepared(method_id, backbone, tmp_path, tiny.pair())
    weighted = prepared(method_id, backbone, tmp_path, tiny.pair(), ground_weight=0.25)
    assert torch.equal(masks_of(weighted), masks_of(masked).clamp_min(0.25))


# from the command line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A photo that is wider than high, with a mask of the half to the left and one of the right."""
    wide = Image.new("RGB", (96, 64), (60, 120, 200))
    for name, left, colour in (("lily", 8, (250, 180, 20)), ("tom", 56, (30, 160, 60))):
        box = (left, 8, left + 32, 56)
        wide.paste(colour, box)
        mask = Image.new("L", wide.size)
        mask.paste(255, box)
        masks = tmp_path / "photos" / "masks" / name
        masks.mkdir(parents=True)
        mask.save(masks / "both.png")
    wide.save(tmp_path / "photos" / "both.jpg")
    return tmp_path / "photos"


def learn(folder: Path, *flags: str) -> int:
    names = ["--name", "lily", "--noun", "cat", "--beside", "tom=dog", "--workspace", str(folder.parent)]
    quick = ["--steps", "2", "--class-pictures", "1", "--class-steps", "1", "--rank", "1"]
    return training.main(["break_a_scene", str(folder), *names, *quick, *flags])


def test_masks_are_read_from_beside_their_photos_and_follow_the_crop(folder: Path) -> None:
    (photo,), _ = open_masked([folder / "both.jpg"], HANDLES)
    assert set(photo.masks) == {0, 1}
    masks = PhotoSet.of([photo], HANDLES).masks  # the square in the middle: 16 to 80 of 96
    (lily,), (tom,) = masks["<lily>"], masks["<tom>"]
    assert lily.getbbox() == (0, 8, 24, 56) and tom.getbbox() == (40, 8, 64, 56)


def test_two_subjects_are_learned_by_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, backbone: Backbone
) -> None:
    monkeypatch.setattr(opening, "open_backbone", lambda base, **options: backbone)
    assert learn(folder) == 0
    header = read_header(folder.parent / "concepts" / "lily.safetensors")
    assert header.handles == {"<lily>": "cat", "<tom>": "dog"} and header.photos == 1


def test_unusable_masks_are_refused_in_one_sentence(folder: Path, capsys: pytest.CaptureFixture) -> None:
    mask = folder / "masks" / "tom" / "both.png"
    for spoil, message in (
        (lambda: mask.write_bytes(b"no picture"), "cannot be used: it is not a picture"),
        (lambda: Image.new("L", (64, 64), 255).save(mask), "has another shape than its photo"),
        (mask.unlink, "There is no mask of <tom>. "),
    ):
        spoil()
        assert learn(folder) == 2
        error = capsys.readouterr().err
        assert message in error and "Traceback" not in error
    assert learn(folder, "--beside", "tom") == 2
    assert "'tom' is not understood" in capsys.readouterr().err
    assert learn(folder, "--beside", "tom=dog") == 2
    assert "Two things are called <tom>" in capsys.readouterr().err


def test_a_mask_preview_dims_what_is_not_masked() -> None:
    white = Image.new("RGB", (40, 40), "white")
    masks = torch.zeros(7, 8, 8)
    masks[1] = 1
    row = mask_preview([white] * 7, masks)
    assert row.size == (MAX_PHOTOS * SIDE, SIDE)
    assert row.getpixel((SIDE // 2, 5)) == (255 // DIM_FACTOR,) * 3
    assert row.getpixel((SIDE + SIDE // 2, 5)) == (255,) * 3
