"""Files of other programs with shapes that no factor and no word has: each ends in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from studio.errors import StudioError
from studio.importing import foreign_concept
from studio.importing.foreign_concept import import_concept
from studio.interop.foreign_file import look_at
from studio.limits import MB
from studio.models.backbone import Backbone
from tests import tiny
from tests.interop.test_importing import CONV, PROJ, QUERY, TEXT, factors, kohya

NAMES = {"down": "lora_down.weight", "up": "lora_up.weight", "mid": "lora_mid.weight", "alpha": "alpha"}
Shapes = dict[str, tuple[int, ...]]


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def imported(folder: Path, backbone: Backbone, shapes: Shapes) -> None:
    """Import a file of ones with these shapes."""
    path = folder / "odd.safetensors"
    save_file({name: torch.ones(shape) for name, shape in shapes.items()}, path)
    import_concept(look_at(path), backbone, "<lily>", "cat")


def of_layer(site: str, shapes: Shapes) -> Shapes:
    return {f"{kohya(site)}.{NAMES[part]}": shape for part, shape in shapes.items()}


@pytest.mark.parametrize(
    ("site", "changes"),
    [
        (CONV, {"mid": (2, 2, 3)}),
        (CONV, {"mid": (2, 3, 3, 3)}),
        (CONV, {"mid": (3, 2, 3, 3)}),
        (CONV, {"mid": (2, 2, 3, 3), "down": (2,)}),
        (CONV, {"mid": ()}),
        (CONV, {"mid": (300_000, 1, 1, 1), "down": (1, 300_000)}),
        (PROJ, {"mid": (300_000, 1, 1, 1), "down": (1, 300_000)}),
        (QUERY, {"alpha": (0,)}),
        (QUERY, {"down": ()}),
        (QUERY, {"up": ()}),
        (QUERY, {"down": (), "up": ()}),
        (QUERY, {"down": (0, 32), "up": (32, 0), "alpha": ()}),
        (QUERY, {"down": (0, 32), "alpha": ()}),
        (TEXT, {"up": (2, 32)}),
    ],
)
def test_what_is_no_factor_of_the_layer_is_refused_before_it_is_loaded(
    site: str, changes: Shapes, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_concept, "safe_open", lambda *_, **__: pytest.fail("it was loaded"))
    down, up = (tuple(tensor.shape) for tensor in factors(backbone, site, 2))
    with pytest.raises(StudioError, match=f"does not fit this base at {kohya(site)}"):
        imported(tmp_path, backbone, of_layer(site, {"down": down, "up": up, **changes}))


def test_what_would_be_too_large_for_a_concept_is_refused_before_it_is_loaded(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three small factors multiply to a large kernel."""
    monkeypatch.setattr(foreign_concept, "safe_open", lambda *_, **__: pytest.fail("it was loaded"))
    monkeypatch.setattr(foreign_concept, "MAX_CONCEPT_BYTES", MB)
    out, into, height, width = backbone.sites[CONV].weight.shape
    rank = MB // (2 * (out + into * height * width)) + 1
    shapes = {"down": (1, into, 1, 1), "mid": (rank, 1, height, width), "up": (out, rank, 1, 1)}
    with pytest.raises(StudioError, match="would be larger than 1 MB as a concept"):
        imported(tmp_path, backbone, of_layer(CONV, shapes))


@pytest.mark.parametrize(
    "shapes",
    [
        {"emb_params": (0,)},
        {"emb_params": (5, 0)},
        {"*": (0, 32)},
        {"clip_l": (), "clip_g": ()},
        {"clip_l": (2, 32), "clip_g": ()},
        {"clip_l": (1, 2, 32), "clip_g": (1, 2, 64)},
        {"clip_l": (0, 32), "clip_g": (0, 64)},
    ],
)
def test_what_is_no_vector_of_a_word_is_refused(shapes: Shapes, backbone: Backbone, tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="holds no vectors of a word"):
        imported(tmp_path, backbone, shapes)


def test_numbers_that_a_concept_cannot_hold_are_refused(backbone: Backbone, tmp_path: Path) -> None:
    down, up = factors(backbone, QUERY, 2)
    tensors = {f"{QUERY}.lora_A.weight": down, f"{QUERY}.lora_B.weight": up}
    path = tmp_path / "a.safetensors"
    for alpha in (1e30, float("inf")):
        config = json.dumps({"unet.r": 2, "unet.lora_alpha": alpha})
        save_file(tensors, path, {"lora_adapter_metadata": config})
        with pytest.raises(StudioError, match="holds values that are no numbers"):
            import_concept(look_at(path), backbone, "<lily>", "cat")
    below = {"unet.r": -3, "unet.lora_alpha": 3, "unet.use_rslora": True}
    for values in ({"unet.lora_alpha": 10**400}, below):
        save_file(tensors, path, {"lora_adapter_metadata": json.dumps(values)})
        import_concept(look_at(path), backbone, "<lily>", "cat")


sides = st.lists(st.sampled_from([0, 1, 2, 3, 8, 16, 32, 64]), max_size=4).map(tuple)
of_layers = st.builds(
    of_layer, st.sampled_from([CONV, PROJ, QUERY, TEXT]), st.dictionaries(st.sampled_from([*NAMES]), sides)
)
of_words = st.dictionaries(st.sampled_from(["emb_params", "*", "clip_l", "clip_g"]), sides)


def test_nothing_but_a_sentence_comes_of_any_shape(backbone: Backbone, tmp_path: Path) -> None:
    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(of_layers | of_words)
    def read(shapes: Shapes) -> None:
        try:
            imported(tmp_path, backbone, shapes)
        except StudioError as error:
            assert "odd.safetensors" in str(error)

    torch.set_flush_denormal(False)  # hypothesis refuses what opening a base sets
    read()
