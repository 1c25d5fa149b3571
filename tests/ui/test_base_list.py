"""The list of base models says which methods work on each, before it is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from launch import HERE
from studio.bases.base_files import BaseFiles
from studio.bases.family_card import FamilyCard, family_of
from studio.bases.known_bases import Base, KnownBase, KnownBases
from studio.ui.base_picker import learning
from tests.browser.stage import catalogue
from tests.workspace.test_known_bases import checkpoint

PIPELINES = {  # that a folder's index names
    "Flux2KleinPipeline": "flux2_klein",
    "StableDiffusionPipeline": "stable_diffusion",
    "StableDiffusionXLPipeline": "stable_diffusion_xl",
    "ZImagePipeline": "z_image",
}
ALONE, DISTILLED = "no layer reads it alone", "it was distilled; train on another"
FLOW = FamilyCard("flow", ("flow",), DISTILLED, {"dreambooth": ALONE, "of_a_plugin": "it is too old"})


def known(name: str, family: FamilyCard | None, **index: object) -> KnownBase:
    files = BaseFiles(Path(name), name, {"_class_name": "FlowPipeline", **index})
    return KnownBase(Base(name), name, files, family=family)


def test_it_names_the_methods_that_do_not_work_and_why() -> None:
    assert learning(known("new", FLOW), catalogue()) == f"not DreamBooth: {ALONE}"


@pytest.mark.parametrize(("name", "index"), [("Flow-Turbo", {}), ("flow", {"is_distilled": True})])
def test_a_distilled_base_only_paints(name: str, index: dict[str, object]) -> None:
    assert learning(known(name, FLOW, **index), catalogue()) == f"paints only: {DISTILLED}"


def test_where_distilled_bases_learn_too_nothing_is_refused() -> None:
    family = FamilyCard("unet", ("flow",))
    assert learning(known("DreamTurbo", family), catalogue()) == "every method works"


def test_what_is_not_known_is_not_said() -> None:
    assert learning(known("new", None), catalogue()) == ""


def test_a_base_of_no_family_cannot_be_chosen(tmp_path: Path) -> None:
    checkpoint(tmp_path / "dream.safetensors")
    *_, unknown = KnownBases(tmp_path, [tmp_path], [FLOW]).all()
    assert unknown.reason == "It is a Stable Diffusion 1, which cannot be opened here."
    *_, unasked = KnownBases(tmp_path, [tmp_path]).all()
    assert not unasked.reason and unasked.family is None


@pytest.mark.slow
def test_the_catalogue_knows_what_each_family_refuses(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trainers", "catalogue"]
    printed = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True).stdout
    families = {card["family"]: FamilyCard.from_json(card) for card in json.loads(printed)["families"]}
    assert set(families) >= {"stable_diffusion", "stable_diffusion_xl", "z_image", "flux2_klein"}
    assert families["stable_diffusion"].refusals == {} == families["stable_diffusion_xl"].refusals
    assert "reads the prompt alone" in families["z_image"].refusals["perfusion"]
    assert "train on Z-Image itself" in families["z_image"].distilled
    for pipeline, family in PIPELINES.items():
        card = family_of(BaseFiles(Path(), "", {"_class_name": pipeline}), list(families.values()))
        assert card is not None and card.family == family
    inpainting = BaseFiles(Path(), "", {"_class_name": "StableDiffusionXLInpaintPipeline"})
    assert family_of(inpainting, list(families.values())) is None
    assert inpainting.title == "Stable Diffusion XL Inpaint"
