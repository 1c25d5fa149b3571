"""A prompt in a workflow of ComfyUI: followed from the node that samples to the nodes that hold its words.

    KSampler <- ControlNetApply <- CLIPTextEncode <- StringConcatenate <- PrimitiveString

Up to the node that encodes the prompt every node passes on what it gets. From there on only the text itself
is followed. Where it comes from a node that writes or changes words by rules of its own, such as a language
model, the workflow does not hold it, and that is said.
"""

from __future__ import annotations

from studio.documents import LimitError
from studio.limits import MAX_PROMPT_LETTERS
from studio.recipes.foreign_settings import shown
from studio.recipes.workflow_graph import MAX_LINKS, Graph
from studio.words import all_of, tr, trn

# inputs of a node that encodes a prompt, and of one that holds a text
ENCODED = ("populated_text", "text", "text_g", "text_l", "clip_l", "t5xxl", "prompt", "string", "value")
TEXTS = ("text", "string", "value")
# by the kind of a node, its own input that holds the text, and those that it joins
HELD = {"ImpactWildcardProcessor": "populated_text", "CR Prompt Text": "prompt"}
JOINED = {"StringConcatenate": ("string_a", "string_b")}
EMPTY = ("ConditioningZeroOut",)  # whatever they get, they pass on an empty prompt
# inputs that no prompt comes through; a loader of LoRAs behind one may well have a text
NO_WORDS = (
    *("clip", "model", "vae", "control_net", "style_model", "clip_vision", "clip_vision_output"),
    *("image", "images", "mask", "pixels", "latent", "latent_image", "samples"),
)
MAX_NAMED = 4  # nodes in a sentence


class WorkflowPrompt:
    """The words that an input of a node is conditioned by: `text`, which is put together from `taken`.

    Args:
        name, key: the node and its input, such as "positive".
        what: the prompt in a sentence, translated.
    """

    def __init__(self, graph: Graph, name: str, key: str, what: str) -> None:
        self._graph, self._key, self._what = graph, key, what
        self.taken: set[str] = set()
        self._known: dict[str, str | None] = {}  # the words of nodes that were met
        self._unread: dict[str, None] = {}  # nodes that words come from, in order
        self._changing: dict[str, None] = {}  # nodes that words come through
        self._is_found = False  # whether a node that encodes words was
        self._dead_end = ""  # the first node that has none and passes nothing on
        self.text = self._conditioning(name)
        if not self._is_found and (source := self._dead_end or graph.linked(name, key)):
            self._leave_unread(source)

    def notes(self) -> list[str]:
        """Return sentences about words that are not known, or not for sure."""
        notes = []
        if self._unread:
            text = trn(
                "Its {prompt} takes words from {nodes}, which is not read here.",
                "Its {prompt} takes words from {nodes}, which are not read here.",
                len(self._unread),
                prompt=self._what,
                nodes=self._named(self._unread),
            )
            notes.append(text)
        if self._changing:
            text = "Its {prompt} comes through {nodes}, which may have changed it."
            notes.append(tr(text, prompt=self._what, nodes=self._named(self._changing)))
        return notes

    def _conditioning(self, name: str) -> str:
        """Return the words behind the input of a node that only passes its conditioning on."""
        graph, key = self._graph, self._key
        inputs = graph.inputs(name)
        passing = [key] if key in inputs else [one for one in inputs if one not in NO_WORDS][:MAX_LINKS]
        nodes = [*filter(None, dict.fromkeys(graph.linked(name, one) for one in passing))]
        if not nodes:
            self._dead_end = self._dead_end or name
        return next(filter(None, map(self._encoded, nodes)), "")

    def _encoded(self, node: str) -> str:
        """Return the words that a node encodes, or those behind it."""
        graph, key = self._graph, self._key
        if node in self._known or len(self._known) >= MAX_LINKS:
            return ""
        self._known[node] = ""
        inputs = graph.inputs(node)
        is_empty = graph.kind(node) in EMPTY
        if isinstance(inputs.get(key), str):  # a node that loads a model and encodes both prompts
            texts = [key]
        else:
            texts = [one for one in ENCODED if isinstance(inputs.get(one), str | list)]
        if not is_empty and (isinstance(inputs.get(key), list) or not texts):
            return self._conditioning(node)
        self._is_found = True
        graph.used.add(node)
        return "" if is_empty else next(filter(None, (self._words(node, one) for one in texts)), "")

    def _words(self, name: str, key: str) -> str | None:
        """Return the text that an input holds or is linked to; None where it is not known."""
        given = self._graph.inputs(name).get(key)
        if isinstance(given, str):
            self.taken.add(given)
            return given
        node = self._graph.linked(name, key)
        if not node:
            return ""
        if not self._graph.is_main_output(name, key):
            self._leave_unread(node)
            return None
        if node not in self._known:
            self._known[node] = None  # while it is followed
            self._known[node] = self._held(node)
        return self._known[node]

    def _leave_unread(self, node: str) -> None:
        """Remember that words come from this node, and are not known."""
        self._unread[node] = None
        self._graph.used.add(node)  # it is named, and needs no place in the list of what was not used

    def _held(self, node: str) -> str | None:
        """Return the text that a node holds or passes on; None where it is not known."""
        graph, kind = self._graph, self._graph.kind(node)
        inputs = graph.inputs(node)
        key = HELD.get(kind) or next((one for one in TEXTS if one in inputs), "")
        is_text = kind in JOINED or (key in inputs and not any(one in inputs for one in NO_WORDS))
        if not is_text or len(self._known) >= MAX_LINKS:
            self._leave_unread(node)
            return None
        graph.used.add(node)
        if kind in JOINED:
            return self._joined(node, JOINED[kind])
        if kind not in HELD and not all(one.startswith(key) for one in inputs):
            self._changing[node] = None
        return self._words(node, key)

    def _joined(self, node: str, keys: tuple[str, ...]) -> str | None:
        """Return the texts of some inputs as one, those that are known; None where none is."""
        parts = [self._words(node, key) for key in keys]
        known = [part for part in parts if part is not None]
        text = (self._words(node, "delimiter") or "").join(known)
        if len(text) > MAX_PROMPT_LETTERS:  # one that joins itself again and again would fill the memory
            raise LimitError(tr("it holds a text that is too long"))
        return text if known else None

    def _named(self, nodes: dict[str, None]) -> str:
        """Return nodes in a sentence, of very many only the first."""
        kinds = {node: shown(self._graph.kind(node)) or tr("a node") for node in [*nodes][:MAX_NAMED]}
        return all_of(f"{tr('node {number}', number=shown(node))} ({kind})" for node, kind in kinds.items())
