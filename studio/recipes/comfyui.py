"""The recipe in a picture of ComfyUI: its workflow is a graph, of which the node that samples is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from studio.documents import parse_object
from studio.errors import StudioError
from studio.recipes.foreign_settings import ForeignSettings, shown
from studio.recipes.recipe import Recipe
from studio.words import tr

SAMPLERS = ("KSampler", "KSamplerAdvanced")
TEXTS = ("text", "text_g", "text_l", "clip_l", "t5xxl", "string", "value")  # inputs that hold words
MODELS = ("ckpt_name", "unet_name", "model_name")
SILENT = ("VAEDecode", "SaveImage", "PreviewImage", "VAELoader", "CLIPLoader")  # they change no recipe
MAX_LINKS = 64  # that are followed from the node that samples
HINT = tr("Write its prompt into the form by hand.")


@dataclass
class Graph:
    """The nodes of a workflow by their names.

    Args:
        used: the names of those that were read.
    """

    nodes: dict[str, dict[str, Any]]
    used: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Graph:
        """Return the graph in a `prompt` of ComfyUI; what is no node in it is left out."""
        nodes = {name: node for name, node in values.items() if isinstance(node, dict)}
        return cls({name: node for name, node in nodes.items() if isinstance(node.get("inputs"), dict)})

    def kind(self, name: str) -> str:
        """Return what kind of node this is."""
        kind = self.nodes[name].get("class_type")
        return kind if isinstance(kind, str) else ""

    def linked(self, name: str, key: str) -> str:
        """Return the name of the node that an input comes from, "" where it comes from none."""
        link = self.nodes[name]["inputs"].get(key)
        first = (
            str(link[0])[:200] if isinstance(link, list) and link and isinstance(link[0], str | int) else ""
        )
        return first if first in self.nodes else ""

    def upstream(self, name: str, key: str) -> Iterator[str]:
        """Yield the nodes that an input comes from, the nearest first, each once.

        A node that has an input of the same name only passes it on: a ControlNet takes both prompts.
        """
        waiting, seen = [self.linked(name, key)], {name}
        while waiting and len(seen) < MAX_LINKS:
            node = waiting.pop(0)
            if not node or node in seen:
                continue
            seen.add(node)
            yield node
            inputs = self.nodes[node]["inputs"]
            waiting += [self.linked(node, one) for one in ([key] if key in inputs else [*inputs][:MAX_LINKS])]

    def value(self, name: str, key: str) -> Any:
        """Return the value of an input; where another node gives it, that node's first number or text."""
        value = self.nodes[name]["inputs"].get(key, "")
        if not isinstance(value, list):
            return value
        source = self.linked(name, key)
        plain = self.nodes[source]["inputs"].values() if source else ()
        self.used.add(source)
        return next((one for one in plain if isinstance(one, int | float | str)), "")

    def first(self, name: str, key: str, *inputs: str) -> Any:
        """Return the first of these inputs that a node upstream of `key` has, "" where none has."""
        for node in self.upstream(name, key):
            for one in inputs:
                found = self.nodes[node]["inputs"].get(one)
                if found not in (None, "") and not isinstance(found, list | dict):
                    self.used.add(node)
                    return found
        return ""


def from_comfyui(text: str) -> tuple[Recipe, list[str]]:
    """Return the recipe in a `prompt` of ComfyUI, and sentences about it: see `from_parameters`.

    Read are the node that samples, the texts it points to, the size of its latents and its model.

    Raises:
        StudioError: no node samples; the hint has the texts that were found.
        ValueError, RecursionError: the text is no JSON object.
    """
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
    inputs = graph.nodes[node]["inputs"]
    rest = {name: value for name, value in inputs.items() if not isinstance(value, list)}
    values = {**rest, **{name: graph.value(node, name) for name in names if name in inputs}}
    prompt, negative = (graph.first(node, key, *TEXTS) for key in ("positive", "negative"))
    size = (graph.first(node, "latent_image", "width"), graph.first(node, "latent_image", "height"))
    model = graph.first(node, "model", *MODELS)
    skip = graph.first(node, "positive", "stop_at_clip_layer")
    if isinstance(skip, int) and skip < 0:
        values["clip skip"] = -skip
    unused = (name for name in graph.nodes if name not in graph.used)
    values |= {tr("node {number}", number=name): _name(graph, name) for name in unused}
    values["texts"] = [text for text in _texts(graph) if text not in (prompt, negative)]
    settings = ForeignSettings("ComfyUI", values)
    if settings.take("denoise") not in ("", 1, 1.0):
        settings.add_note(tr("It began with another picture, and here it begins with noise."))
    width, height = settings.size(*size)
    recipe = Recipe(
        prompt=str(prompt),
        negative=str(negative),
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


def _name(graph: Graph, name: str) -> str:
    """Return a node in the list of what was not used, with its file; empty for one that changes nothing."""
    kind = graph.kind(name)
    if kind in SILENT:
        return ""
    inputs = graph.nodes[name]["inputs"].items()
    files = [value for key, value in inputs if key.endswith("_name") and isinstance(value, str)]
    return f"{kind[:60] or tr('a node')} {shown(files[0])}" if files else kind[:60]


def _spoken(graph: Graph) -> list[str]:
    """Return a sentence with the texts of a workflow, if it has any."""
    texts = [f"“{shown(text)}”" for text in _texts(graph)]
    return [tr("It says {texts}.", texts=", ".join(texts[:4]))] if texts else []


def _texts(graph: Graph) -> list[str]:
    """Return all texts of a workflow, each once."""
    found = [node["inputs"].get(key) for node in graph.nodes.values() for key in TEXTS]
    return list(dict.fromkeys(text for text in found if isinstance(text, str) and text.strip()))
