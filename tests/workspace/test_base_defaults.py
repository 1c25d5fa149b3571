"""How a base is painted with by itself: what its folder says, and what its name tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.method_card import MethodCard, Needs
from studio.workspace.workspace import Workspace

CARD = MethodCard("quick", "Quick", "For tests.", "none", Needs(min_photos=1, max_photos=3), ())


def test_a_base_may_say_how_it_likes_to_be_used(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text('{"nouns": {"cat": {}, "dog": {}}, "styles": {}}')
    (tmp_path / "likeness.json").write_text('{"steps": 9, "settings": {"quick": {}}, "prompts": ["a cat"]}')
    workspace = Workspace(tmp_path / "workspace", tmp_path)
    defaults = workspace.base_defaults()
    assert (defaults.steps, defaults.guidance) == (9, 7.5)
    assert defaults.nouns == ("cat", "dog") and defaults.prompts == ("a cat",)
    assert workspace.tuned(CARD) == CARD
    assert Workspace(tmp_path / "workspace", "somewhere/else").base_defaults().nouns == ()


@pytest.mark.parametrize(
    ("name", "index", "steps"),
    [
        ("Z-Image-Turbo", '{"_class_name": "ZImagePipeline"}', 9),
        ("Z-Image", '{"_class_name": "ZImagePipeline"}', 30),
        ("sdxl-turbo", '{"_class_name": "StableDiffusionXLPipeline"}', 4),
        ("FLUX.2-klein-4B", "", 4),  # a name on the hub, of which nothing can be read here
        ("FLUX.2-klein-base-4B", "", 30),
        ("FLUX.2-klein-base-4B", '{"is_distilled": false}', 30),
    ],
)
def test_a_base_of_few_steps_is_known_by_its_name(tmp_path: Path, name: str, index: str, steps: int) -> None:
    base = tmp_path / name
    if index:
        base.mkdir()
        (base / "model_index.json").write_text(index)
    defaults = Workspace(tmp_path / "workspace", base).base_defaults()
    assert (defaults.steps, defaults.guidance) == (steps, 7.5 if steps == 30 else 1.0)


@pytest.mark.parametrize(("said", "steps", "guidance"), [("true", 4, 1.0), ("false", 30, 7.5)])
def test_a_distilled_base_paints_in_few_steps_without_guidance(
    tmp_path: Path, said: str, steps: int, guidance: float
) -> None:
    (tmp_path / "model_index.json").write_text(f'{{"steps": 9, "is_distilled": {said}}}')
    defaults = Workspace(tmp_path / "workspace", tmp_path).base_defaults()
    assert (defaults.steps, defaults.guidance) == (steps, guidance)
