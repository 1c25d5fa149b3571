"""Pictures of ComfyUI, InvokeAI, Fooocus and SwarmUI: named for what they are, and nothing silently lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.errors import StudioError
from studio.recipes.png import read_recipe_and_notes
from studio.recipes.recipe import Recipe

WORKFLOW: dict[str, Any] = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "plain.safetensors"}},
    "2": {"class_type": "LoraLoader", "inputs": {"lora_name": "paint.safetensors", "model": ["1", 0]}},
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 9,
            "steps": 15,
            "cfg": 6.5,
            "sampler_name": "euler_ancestral",
            "scheduler": "normal",
            "denoise": 1.0,
            "model": ["2", 0],
            "positive": ["8", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 96, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red boat", "clip": ["1", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "fog", "clip": ["1", 1]}},
    "8": {"class_type": "ConditioningSetArea", "inputs": {"conditioning": ["6", 0]}},
    "9": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0]}},
}
BOAT = Recipe(
    "a red boat",
    "fog",
    seed=9,
    steps=15,
    guidance=6.5,
    width=64,
    height=96,
    sampler="Euler a",
    composing="sum",
)


def png(path: Path, **texts: Any) -> Path:
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name.replace("_", "-") if name == "sd_metadata" else name, as_text(text))
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    return path


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def based(recipe: Recipe, base: str) -> Recipe:
    return Recipe(**{**recipe.to_json(), "base": base})


def changed(node: str, **inputs: Any) -> dict[str, Any]:
    """Return the workflow with other inputs of a node."""
    return WORKFLOW | {node: {**WORKFLOW[node], "inputs": {**WORKFLOW[node]["inputs"], **inputs}}}


def test_the_sampling_node_of_a_workflow_is_read_and_the_other_nodes_are_listed(tmp_path: Path) -> None:
    recipe, notes = read_recipe_and_notes(png(tmp_path / "a.png", prompt=WORKFLOW, workflow="{}"))
    assert recipe == based(BOAT, "plain.safetensors")
    assert notes == [
        "It was painted by ComfyUI.",
        "Not used here: node 2: LoraLoader paint.safetensors; node 8: ConditioningSetArea.",
    ]


def test_a_workflow_in_the_exif_of_a_webp_is_read(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = f"prompt:{json.dumps(WORKFLOW)}"
    Image.new("RGB", (16, 16)).save(tmp_path / "a.webp", exif=exif)
    assert read_recipe_and_notes(tmp_path / "a.webp")[0].prompt == "a red boat"


def test_values_that_come_from_other_nodes_are_followed(tmp_path: Path) -> None:
    linked = changed("3", seed=["20", 0]) | {"20": {"class_type": "Seed", "inputs": {"seed": 5}}}
    assert read_recipe_and_notes(png(tmp_path / "a.png", prompt=linked))[0].seed == 5
    spoken = changed("6", text=["21", 0]) | {"21": {"class_type": "Text", "inputs": {"string": "a hut"}}}
    assert read_recipe_and_notes(png(tmp_path / "b.png", prompt=spoken))[0].prompt == "a hut"


def test_a_node_that_takes_both_prompts_passes_each_on(tmp_path: Path) -> None:
    both = {"class_type": "ControlNetApplyAdvanced", "inputs": {"positive": ["8", 0], "negative": ["7", 0]}}
    graph = changed("3", positive=["30", 0], negative=["30", 1]) | {"30": both}
    recipe = read_recipe_and_notes(png(tmp_path / "a.png", prompt=graph))[0]
    assert (recipe.prompt, recipe.negative) == ("a red boat", "fog")


def test_a_zeroed_negative_is_an_empty_one(tmp_path: Path) -> None:
    zeroed = {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["6", 0]}}
    graph = changed("3", negative=["31", 0]) | {"31": zeroed}
    recipe, notes = read_recipe_and_notes(png(tmp_path / "a.png", prompt=graph))
    assert (recipe.prompt, recipe.negative) == ("a red boat", "")
    assert "ZeroOut" not in notes[-1]


LORAS = {"class_type": "Lora Loader (LoraManager)", "inputs": {"text": "<lora:paint:0.8>", "model": ["1", 0]}}


def test_no_prompt_is_looked_for_behind_the_text_encoder(tmp_path: Path) -> None:
    graph = changed("7", text="", clip=["32", 1]) | {"32": LORAS}
    recipe, notes = read_recipe_and_notes(png(tmp_path / "a.png", prompt=graph))
    assert (recipe.prompt, recipe.negative) == ("a red boat", "")
    assert 'node 32: Lora Loader (LoraManager); texts: ["<lora:paint:0.8>"].' in notes[-1]
    assert "CLIPTextEncode" not in notes[-1]  # one that says nothing was read too


@pytest.mark.parametrize(
    ("kind", "inputs", "prompt"),
    [
        ("StringConcatenate", {"string_a": "a red", "string_b": ["42", 0], "delimiter": " "}, "a red boat"),
        ("StringConcatenate", {"string_a": ["42", 0], "string_b": ["42", 0]}, "boatboat"),
        ("StringConcatenate", {"string_a": ["43", 0], "string_b": ["42", 0], "delimiter": ", "}, "boat"),
        ("ImpactWildcardProcessor", {"wildcard_text": "a {b|c}", "populated_text": "a b", "seed": 3}, "a b"),
        ("CR Prompt Text", {"prompt": "a hut"}, "a hut"),
        ("ShowText|pysssss", {"text": ["42", 0], "text_0": "boat"}, "boat"),
    ],
)
def test_a_prompt_that_other_nodes_hold_is_read_from_them(
    tmp_path: Path, kind: str, inputs: dict[str, Any], prompt: str
) -> None:
    graph = changed("6", text=["41", 0], clip=["32", 1]) | {
        "32": LORAS,
        "41": {"class_type": kind, "inputs": inputs},
        "42": {"class_type": "PrimitiveString", "inputs": {"value": "boat"}},
        "43": {"class_type": "OllamaGenerate", "inputs": {"prompt": "write of a boat", "seed": 3}},
    }
    recipe, notes = read_recipe_and_notes(png(tmp_path / "a.png", prompt=graph))
    assert (recipe.prompt, recipe.negative) == (prompt, "fog")
    partly = ["Its prompt takes words from node 43 (OllamaGenerate), which is not read here."]
    assert notes[1:-1] == (partly if ["43", 0] in inputs.values() else [])


@pytest.mark.parametrize(
    ("link", "node"),
    [(["43", 0], "node 43 (OllamaGenerate)"), (["32", 2], "node 32 (Lora Loader (LoraManager))")],
)
def test_a_prompt_that_no_node_holds_leaves_the_rest_of_the_recipe(
    tmp_path: Path, link: list[Any], node: str
) -> None:
    graph = changed("6", text=link) | {
        "32": LORAS,
        "43": {"class_type": "OllamaGenerate", "inputs": {"prompt": "write of a boat", "seed": 3}},
    }
    unread = f"Its prompt takes words from {node}, which is not read here."
    recipe, notes = read_recipe_and_notes(png(tmp_path / "a.png", prompt=graph))
    assert recipe == Recipe(**{**BOAT.to_json(), "prompt": "", "base": "plain.safetensors"})
    assert notes[1] == unread and "write of a boat" in notes[2]
    assert notes[3] == "No prompt was read from it, only a negative one: write what you want to see."
    graph["3"] = changed("3", negative=["6", 0])["3"]
    recipe, notes = read_recipe_and_notes(png(tmp_path / "b.png", prompt=graph))
    assert (recipe.prompt, recipe.negative, recipe.seed) == ("", "", 9)
    assert notes[1:3] == [unread, unread.replace("prompt", "negative prompt")]
    assert notes[-1] == "No prompt was read from it: write what you want to see."


def test_a_node_that_encodes_in_a_way_of_its_own_is_named(tmp_path: Path) -> None:
    graph = WORKFLOW | {"6": {"class_type": "TagsEncode", "inputs": {"tags": "boat", "clip": ["1", 1]}}}
    notes = read_recipe_and_notes(png(tmp_path / "a.png", prompt=graph))[1]
    assert notes[1] == "Its prompt takes words from node 6 (TagsEncode), which is not read here."


def test_a_prompt_that_a_node_may_have_changed_is_read_and_it_is_said(tmp_path: Path) -> None:
    graph = changed("6", text=["44", 0]) | {
        "44": {"class_type": "RegexReplace", "inputs": {"string": "a red boat", "pattern": "red"}}
    }
    recipe, notes = read_recipe_and_notes(png(tmp_path / "a.png", prompt=graph))
    assert recipe.prompt == "a red boat"
    assert notes[1] == "Its prompt comes through node 44 (RegexReplace), which may have changed it."


def test_width_and_height_follow_their_links(tmp_path: Path) -> None:
    graph = changed("5", width=["50", 0], height=["51", 0]) | {
        "50": {"class_type": "PrimitiveInt", "inputs": {"control": "fixed", "value": 128}},
        "51": {"class_type": "Sides", "inputs": {"width": 32, "height": 192}},
    }
    recipe, notes = read_recipe_and_notes(png(tmp_path / "a.png", prompt=graph))
    assert (recipe.width, recipe.height) == (128, 192) and "PrimitiveInt" not in notes[-1]
    unknown = changed("5", width=["52", 0], height=["52", 1]) | {
        "52": {"class_type": "GetImageSize", "inputs": {"side": 128}}
    }
    recipe, notes = read_recipe_and_notes(png(tmp_path / "b.png", prompt=unknown))
    assert (recipe.width, recipe.height) == (0, 0) and "size of 128 x ? is not understood" in notes[1]


def test_texts_that_join_themselves_again_and_again_are_refused(tmp_path: Path) -> None:
    graph = changed("6", text=["100", 0])
    for number in range(100, 150):
        link = [str(number + 1), 0]
        graph[str(number)] = {
            "class_type": "StringConcatenate",
            "inputs": {"string_a": link, "string_b": link},
        }
    graph["150"] = {"class_type": "PrimitiveString", "inputs": {"value": "boat"}}
    with pytest.raises(StudioError, match="a text that is too long"):
        read_recipe_and_notes(png(tmp_path / "a.png", prompt=graph))


def test_a_text_that_is_not_the_prompt_is_listed(tmp_path: Path) -> None:
    spare = {"class_type": "CLIPTextEncode", "inputs": {"text": "a second boat"}}
    notes = read_recipe_and_notes(png(tmp_path / "a.png", prompt=WORKFLOW | {"40": spare}))[1]
    assert 'node 40: CLIPTextEncode; texts: ["a second boat"].' in notes[-1]


def test_of_two_sampling_nodes_the_one_that_begins_is_read(tmp_path: Path) -> None:
    first = {**WORKFLOW["3"]["inputs"], "latent_image": ["3", 0], "steps": 4, "denoise": 0.5}
    twice = {"0": {"class_type": "KSampler", "inputs": first}, **WORKFLOW}
    recipe, notes = read_recipe_and_notes(png(tmp_path / "a.png", prompt=twice))
    assert recipe.steps == 15 and "KSampler" in notes[-1]


@pytest.mark.parametrize(
    "workflow",
    [
        {},
        {"1": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red boat"}}},
        {"1": {"class_type": "KSampler", "inputs": []}},
        {"1": 3, "2": {"inputs": {"text": 4}}},
    ],
)
def test_a_workflow_without_a_sampling_node_is_named_with_its_texts(tmp_path: Path, workflow: Any) -> None:
    with pytest.raises(StudioError, match="painted by ComfyUI") as refusal:
        read_recipe_and_notes(png(tmp_path / "a.png", prompt=workflow))
    assert ("a red boat" in refusal.value.hint) == ("a red boat" in json.dumps(workflow))


@pytest.mark.parametrize(
    ("name", "program"), [("workflow", "ComfyUI"), ("invokeai_graph", "InvokeAI"), ("other", "no recipe")]
)
def test_a_picture_with_only_an_editor_s_workflow_is_named(tmp_path: Path, name: str, program: str) -> None:
    with pytest.raises(StudioError, match=program):
        read_recipe_and_notes(png(tmp_path / "a.png", **{name: '{"nodes": []}'}))


@pytest.mark.parametrize(
    ("name", "text", "base"),
    [
        (
            "invokeai_metadata",
            {
                "positive_prompt": "a red boat",
                "negative_prompt": "fog",
                **{"seed": 9, "steps": 15, "cfg_scale": 6.5, "width": 64, "height": 96, "clip_skip": 0},
                **{"scheduler": "euler_a", "model": {"name": "plain", "key": "k"}, "app_version": "4.2.9"},
                "loras": [{"model": {"name": "paint"}, "weight": 0.7}],
            },
            "plain",
        ),
        (
            "sd_metadata",
            {
                **{"model_weights": "plain", "app_version": "v2.3.5", "app_id": "invoke-ai/InvokeAI"},
                "image": {
                    "prompt": [{"prompt": "a red boat [fog]", "weight": 1}],
                    **{"seed": 9, "steps": 15, "cfg_scale": 6.5, "width": 64, "height": 96},
                    **{"sampler": "k_euler_a", "loras": "paint"},
                },
            },
            "plain",
        ),
        ("dream", '"a red boat [fog]" -s 15 -S9 -W 64 -H 96 -C 6.5 -A k_euler_a --loras paint', ""),
    ],
)
def test_the_ways_of_invokeai_say_the_same(tmp_path: Path, name: str, text: Any, base: str) -> None:
    recipe, notes = read_recipe_and_notes(png(tmp_path / "a.png", **{name: text}))
    assert recipe == based(BOAT, base)
    assert "painted by InvokeAI" in notes[0] and "paint" in notes[-1] and len(notes) == 2


FOOOCUS = {
    **{"prompt": "a red boat", "negative_prompt": "fog", "seed": "9", "steps": 15, "guidance_scale": 6.5},
    **{"resolution": "(64, 96)", "sampler": "euler_ancestral", "scheduler": "normal", "base_model": "plain"},
    **{"styles": "['Sharp']", "loras": [["paint.safetensors", 0.5, "ab"]], "version": "Fooocus v2.5.5"},
    "metadata_scheme": "fooocus",
}


def write_exif(path: Path, place: Callable[[Image.Exif], Any]) -> Path:
    exif = Image.Exif()
    place(exif)[0x9286] = json.dumps(FOOOCUS)
    Image.new("RGB", (16, 16)).save(path, exif=exif)
    return path


def test_the_scheme_of_fooocus_is_read_in_every_format(tmp_path: Path) -> None:
    paths = [
        png(tmp_path / "a.png", parameters=FOOOCUS, fooocus_scheme="fooocus"),
        write_exif(tmp_path / "a.jpg", lambda exif: exif),
        write_exif(tmp_path / "a.webp", lambda exif: exif.get_ifd(0x8769)),
    ]
    for path in paths:
        recipe, (program, unused) = read_recipe_and_notes(path)
        assert recipe == based(BOAT, "plain")
        assert program == "It was painted by Fooocus v2.5.5." and "styles: ['Sharp']; loras: [[" in unused


SWARMUI = {
    "sui_image_params": {
        **{"prompt": "a red boat", "negativeprompt": "fog", "model": "SD/plain", "seed": 9, "steps": 15},
        **{"cfgscale": 6.5, "aspectratio": "2:3", "width": 64, "height": 96, "swarm_version": "0.9.3.1"},
        **{"sampler": "euler_ancestral", "scheduler": "normal", "clipstopatlayer": -2, "loras": ["paint"]},
    },
    "sui_extra_data": {"original_prompt": "a <random:red,blue> boat"},
    "sui_models": [{"name": "plain.safetensors", "param": "model", "hash": "0x12"}],
}


def test_the_parameters_of_swarmui_are_read(tmp_path: Path) -> None:
    expected = Recipe(**{**BOAT.to_json(), "base": "SD/plain", "clip_skip": 2})
    recipe, (program, unused) = read_recipe_and_notes(png(tmp_path / "a.png", parameters=SWARMUI))
    assert recipe == expected and program == "It was painted by SwarmUI 0.9.3.1."
    assert 'loras: ["paint"]; original_prompt: a <random:red,blue> boat; sui_models: [' in unused
    texts = {name: str(value) for name, value in SWARMUI["sui_image_params"].items() if name != "loras"}
    early = {f"comfyui{name}": texts.pop(name) for name in ("sampler", "scheduler")}
    path = png(tmp_path / "b.png", parameters={"sui_image_params": {**texts, **early}})
    assert read_recipe_and_notes(path) == (expected, [program])
    recipe, notes = read_recipe_and_notes(png(tmp_path / "c.png", parameters={"sui_image_params": []}))
    assert recipe.prompt == "" and notes[-1].startswith("No prompt was read from it")


def test_json_of_a_program_that_is_not_known_is_not_called_one_of_fooocus(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", parameters={"prompt": "a red boat", "seed": 9, "tiles": 4})
    recipe, notes = read_recipe_and_notes(path)
    assert (recipe.prompt, recipe.seed) == ("a red boat", 9)
    assert notes[0] == "It was painted by a program that is not known." and "tiles: 4" in notes[-1]
    path = png(tmp_path / "b.png", parameters={"text": "a red {boat}", "sampler": "euler"})
    with pytest.raises(StudioError, match="a JSON text of a program that is not known") as refusal:
        read_recipe_and_notes(path)
    assert '“{"text": "a red {boat}", "sampler": "euler"}”' in refusal.value.hint


@pytest.mark.parametrize("text", ["a red {boat}", "{a|the} red boat", '["a red boat"]', '"a red boat"'])
def test_a_plain_text_for_a_workflow_is_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(StudioError, match="a plain text for its prompt") as refusal:
        read_recipe_and_notes(png(tmp_path / "a.png", prompt=text))
    assert f"“{text}”" in refusal.value.hint
    with pytest.raises(StudioError, match="damaged"):
        read_recipe_and_notes(png(tmp_path / "b.png", prompt=json.dumps(WORKFLOW)[:-9]))


def test_a_text_of_another_program_beside_it_is_said(tmp_path: Path) -> None:
    text = "a boat\nSteps: 5, Seed: 1, CFG scale: 4"
    notes = read_recipe_and_notes(png(tmp_path / "a.png", parameters=text, Comment="drawn at sea"))[1]
    assert notes[-1] == "Not read beside it: Comment: drawn at sea."


DEEP = "[" * 100_000 + "]" * 100_000
LETTERS = '{"1": {"class_type": "KSampler", "inputs": {"positive": ["1", 0], "seed": %s}}}'


@pytest.mark.parametrize("name", ["parameters", "invokeai_metadata", "sd_metadata", "dream", "prompt"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '"',
        DEEP,
        f'{{"seed": {DEEP}}}',
        f'{{"seed": {"9" * 6000}}}',
        '{"seed": 1e400, "steps": -5, "cfg_scale": NaN, "width": 1e300, "height": [], "prompt": {}}',
        '{"positive_prompt": 4, "image": {"prompt": [3]}, "seed": {}, "steps": [], "model": []}',
        LETTERS % ("9" * 4000),
        LETTERS % '{"a": []}',
        "a" * 900_000,
    ],
)
def test_hostile_texts_are_read_or_refused_in_a_sentence(tmp_path: Path, name: str, text: str) -> None:
    try:
        recipe, notes = read_recipe_and_notes(png(tmp_path / "a.png", **{name: text}))
    except StudioError as error:
        assert len(str(error)) < 500
    else:
        assert Recipe.from_json(recipe.to_json()) == recipe and sum(map(len, notes)) < 3000
