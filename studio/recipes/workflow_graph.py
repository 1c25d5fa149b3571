"""A workflow of ComfyUI as a graph: its nodes, and what they take from each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MAX_LINKS = 64  # that are followed from the node that samples


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

    def inputs(self, name: str) -> dict[str, Any]:
        """Return the inputs of a node: values, and links to the nodes that give them."""
        inputs: dict[str, Any] = self.nodes[name]["inputs"]
        return inputs

    def linked(self, name: str, key: str) -> str:
        """Return the name of the node that an input comes from, "" where it comes from none."""
        link = self.inputs(name).get(key)
        first = (
            str(link[0])[:200] if isinstance(link, list) and link and isinstance(link[0], str | int) else ""
        )
        return first if first in self.nodes else ""

    def is_main_output(self, name: str, key: str) -> bool:
        """Return whether a link goes to the first output of its node, which is what the node is there for."""
        return self.inputs(name)[key][1:2] in ([], [0])

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
            inputs = self.inputs(node)
            waiting += [self.linked(node, one) for one in ([key] if key in inputs else [*inputs][:MAX_LINKS])]

    def value(self, name: str, key: str) -> Any:
        """Return the value of an input, "" where there is none; where another node gives it, that node's.

        This is its input of the same name, or its "value"; where it has neither, its first number or text,
        which says nothing of its further outputs.
        """
        for _ in range(MAX_LINKS):
            value = self.inputs(name).get(key, "")
            source = self.linked(name, key)
            if not isinstance(value, list) or not source:
                break
            self.used.add(source)
            given = self.inputs(source)
            named = next((one for one in (key, "value") if given.get(one) not in (None, "")), "")
            if not named:
                plain = (one for one in given.values() if isinstance(one, int | float | str))
                return next(plain, "") if self.is_main_output(name, key) else ""
            name, key = source, named
        return "" if isinstance(value, list) else value

    def first(self, name: str, key: str, *inputs: str) -> Any:
        """Return the first of these inputs that a node upstream of `key` has, "" where none has."""
        for node in self.upstream(name, key):
            for one in inputs:
                found = self.value(node, one)
                if found not in (None, "") and not isinstance(found, dict):
                    self.used.add(node)
                    return found
        return ""
