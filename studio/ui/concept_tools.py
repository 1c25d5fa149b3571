"""What stands above the concepts: the search, the order, and the switch for starred ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.ui.parts.html_blocks import button_block
from studio.ui.parts.search_field import MAX_SEARCH_LETTERS, nothing_found_card, search_field, starred_switch
from studio.words import tr
from studio.workspace.concept_search import NAME, NEWEST, SCORE, ConceptFilter

ORDERS = [(tr("Newest"), NEWEST), (tr("Name"), NAME), (tr("Score"), SCORE)]


@dataclass
class ConceptTools:
    """The components; `starred` is the State of whether only starred concepts are shown."""

    search: gr.Textbox
    order: gr.Dropdown
    bar: gr.HTML
    starred: gr.State

    @property
    def states(self) -> dict[str, Any]:
        """What `wanted_concepts` gets."""
        return {"text": self.search, "order": self.order, "starred": self.starred}

    def all_shown(self) -> dict[Any, Any]:
        """Return the changes after which every concept is shown."""
        return {self.search: "", self.starred: False, self.bar: starred_switch(False)}


def concept_tools() -> ConceptTools:
    """Build the search field, the order and the switch."""
    with gr.Row(elem_id="concept-tools", elem_classes="tight"):
        search = search_field(tr("the concepts"), tr("a name, noun, method, note"), "concept-search", scale=3)
        order = gr.Dropdown(
            ORDERS,
            value=NEWEST,
            label=tr("Order"),
            show_label=False,
            filterable=False,
            elem_id="concept-order",
            min_width=110,
            scale=1,
        )
        bar = button_block("concept-bar", starred_switch(False))
    return ConceptTools(search, order, bar, gr.State(False))


def wanted_concepts(text: str = "", order: str = NEWEST, starred: bool = False) -> ConceptFilter:
    """Return the filter that the tools say."""
    return ConceptFilter(text[:MAX_SEARCH_LETTERS], starred, order)


def no_concept_found(wanted: ConceptFilter) -> str:
    """Return what stands in place of the cards when no concept is wanted."""
    return nothing_found_card(
        wanted.words,
        wanted.starred,
        title=tr("No concept found"),
        hint=tr("None has all of these words in its names, nouns, method, base or note. Try fewer."),
        starred_hint=tr(
            "Among the starred concepts none has all of these words "
            "in its names, nouns, method, base or note. Try fewer."
        ),
        no_stars=tr("Open a concept and press its star: it is kept here."),
        show_all=tr("Show all concepts"),
    )
