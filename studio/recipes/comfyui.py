"""The recipe in a picture of ComfyUI: its workflow is a graph, of which the node that samples is read."""

from __future__ import annotations

import re
from typing import Any

from studio.documents import parse_object
from studio.errors import StudioError
from studio.recipes.foreign_settings import MAX_SAID, ForeignSettings, shown
from studio.recipes.recipe import Recipe
from studio.recipes.workflow_graph import MAX_LINKS, Graph
from studio.recipes.workflow_prompt import WorkflowPrompt
from studio.words import tr

SAMPLERS = ("KSampler", "KSamplerAdvanced")
TEXTS = (  # inputs that may hold words, of any node
    *("text", "text_g", "text_l", "clip_l", "t5xxl", "prompt", "populated_text"),
    *("string", "string_a", "string_b", "value"),
)
MODELS = ("ckpt_name", "unet_name", "model_name")
SILENT = ("VAEDecode", "SaveImage", "PreviewImage", "VAELoader", "CLIPLoader")  # they change no recipe
OBJECT = re.compile(r'\s*\{\s*["}]')  # how a JSON object begins
HINT = tr("Write its prompt into the form by hand.")


def from_comfyui(text: str) -> tuple[Recipe, list[str]]:
    """Return the recipe in a `prompt` of ComfyUI, and sentences about it: see `from_parameters`.

    Read are the node that samples, the texts it points to, the size of its latents and its model. A text that
    the workflow does not hold is left empty, and a sentence says which node it comes from.

    Raises:
        StudioError: no node samples, or the text is a plain one; the hint has what it says.
        ValueError, RecursionError: the text is a damaged JSON object.
    """
    if text.strip() and not OBJECT.match(text):
        raise StudioError(
            "It has a plain text for its prompt, where only a workflow of ComfyUI is read.",
            "Copy it into the form: “{text}”.",
            text=shown(text, MAX_SAID),
        )
    graph = Graph.of(parse_object(text))
    samplers = [name for name in graph.nodes if graph.kind(name) in SAMPLERS][:MAX_LINKS]
    if not samplers:
        raise StudioError(
            "It was painted by ComfyUI, and its workflow has no KSampler, the only node that is read here.",
            " ".join([HINT, *_spoken(graph)]),
        )
    # one that continues on the picture of another is a refinement of it
    node = next((one for one in samplers if not _follows(graph, one, samplers)), samplers[0])
    graph.used.add(node)
    names = ("seed", "noise_seed", "steps", "cfg", "sampler_name", "scheduler")
    inputs = graph.inputs(node)
    rest = {name: value for name, value in inputs.items() if not isinstance(value, list)}
    values = {**rest, **{name: graph.value(node, name) for name in names if name in inputs}}
    positive = WorkflowPrompt(graph, node, "positive", tr("prompt"))
    negative = WorkflowPrompt(graph, node, "negative", tr("negative prompt"))
    size = _size(graph, node)
    model = graph.first(node, "model", *MODELS)
    skip = graph.first(node, "positive", "stop_at_clip_layer")
    if isinstance(skip, int) and skip < 0:
        values["clip skip"] = -skip
    unused = (name for name in graph.nodes if name not in graph.used)
    values |= {tr("node {number}", number=name): _name(graph, name) for name in unused}
    taken = positive.taken | negative.taken
    values["texts"] = [text for text in _texts(graph) if text not in taken]
    settings = ForeignSettings("ComfyUI", values)
    for note in (*positive.notes(), *negative.notes()):
        settings.add_note(note)
    if settings.take("denoise") not in ("", 1, 1.0):
        settings.add_note(tr("It began with another picture, and here it begins with noise."))
    width, height = settings.size(*size)
    recipe = Recipe(
        prompt=positive.text,
        negative=negative.text,
        seed=settings.seed("seed", "noise_seed"),
        steps=settings.steps("steps"),
        guidance=settings.guidance("cfg"),
        width=width,
        height=height,
        sampler=settings.sampler("sampler_name", "scheduler"),
        clip_skip=settings.clip_skip("clip skip"),
        composing="sum",
        base=str(model)[:200],
    )
    return recipe, settings.notes()


def _follows(graph: Graph, name: str, samplers: list[str]) -> bool:
    """Return whether a node samples on from what another has painted."""
    return any(node in samplers for node in graph.upstream(name, "latent_image"))


def _size(graph: Graph, name: str) -> tuple[Any, Any]:
    """Return width and height of the latents of a node, "?" for what another node gives that is not read."""
    latents = next((one for one in graph.upstream(name, "latent_image") if "width" in graph.inputs(one)), "")
    if not latents:
        return "", ""
    graph.used.add(latents)
    width, height = ("?" if (it := graph.value(latents, key)) == "" else it for key in ("width", "height"))
    return width, height


def _name(graph: Graph, name: str) -> str:
    """Return a node in the list of what was not used, with its file; empty for one that changes nothing."""
    kind = graph.kind(name)
    if kind in SILENT:
        return ""
    inputs = graph.inputs(name).items()
    files = [value for key, value in inputs if key.endswith("_name") and isinstance(value, str)]
    return f"{kind[:60] or tr('a node')} {shown(files[0])}" if files else kind[:60]


def _spoken(graph: Graph) -> list[str]:
    """Return a sentence with the texts of a workflow, if it has any."""
    texts = [f"“{shown(text)}”" for text in _texts(graph)]
    return [tr("It says {texts}.", texts=", ".join(texts[:4]))] if texts else []


def _texts(graph: Graph) -> list[str]:
    """Return all texts of a workflow, each once."""
    found = [graph.inputs(name).get(key) for name in graph.nodes for key in TEXTS]
    return list(dict.fromkeys(text for text in found if isinstance(text, str) and text.strip()))
