"""The page of a method: when to choose it, what its picture shows, and its settings with bounds and sources.

All of it comes from the card, which comes from the method's own file.
"""

from __future__ import annotations

from html import escape

from studio.method_card import SUITS, MethodCard, Needs
from studio.settings import Field
from studio.ui.parts.forms import value_text
from studio.ui.parts.markup import counted


def about_method(card: MethodCard) -> str:
    """Return the page, folded away under "About NAME"."""
    return (
        f'<details class="about-method"><summary>About {escape(card.title)}</summary>'
        f"<h3>When to choose it</h3>{_choosing(card)}{_example(card)}"
        f"<h3>Settings</h3>{settings_table(card.fields)}</details>"
    )


def _choosing(card: MethodCard) -> str:
    suits = "".join(f"<li>{escape(SUITS[suit])}</li>" for suit in card.suits)
    return (
        f"<p>{escape(card.summary)}</p><p>You have:</p><ul>{suits}</ul>"
        f"<p>{escape(needs_sentence(card.needs))}</p><p>After <cite>{escape(card.paper)}</cite>.</p>"
    )


def needs_sentence(needs: Needs) -> str:
    """Return what a method asks for before it can start, in a sentence or two."""
    if needs.min_photos == needs.max_photos:
        photos = counted(needs.min_photos, "photo")
    else:
        photos = f"{needs.min_photos} to {counted(needs.max_photos, 'photo')}"
    sentences = [f"It learns from {photos}."]
    if needs.max_subjects > 1:
        sentences.append(f"Up to {needs.max_subjects} things are learned together from the same photos.")
    if needs.masks:
        sentences.append("Every thing needs a mask in at least one photo.")
    if needs.sorted:
        sentences.append("The caption of each photo is the kind that it belongs to.")
    return " ".join(sentences)


def _example(card: MethodCard) -> str:
    """Return what the method's picture was painted from; empty for a method without one."""
    if card.example is None:
        return ""
    prompts = "".join(f"<li>{escape(picture.prompt)}</li>" for picture in card.example.pictures)
    return f"<h3>What its picture shows</h3><p>The prompts, {{}} for the name:</p><ol>{prompts}</ol>"


def settings_table(fields: tuple[Field, ...]) -> str:
    """Return a table of settings: name and help, the value as it comes, bounds, and where it comes from."""
    rows = "".join(
        f'<tr><th scope="row">{escape(field.title)}<small>{escape(field.help)}</small></th>'
        f"<td>{escape(value_text(field.default))}</td><td>{escape(_bounds(field))}</td>"
        f"<td>{escape(field.source)}</td></tr>"
        for field in fields
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Setting", "As it comes", "Range", "Source"))
    return (
        '<div class="about-settings" role="group" tabindex="0" aria-label="Settings of the method">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _bounds(field: Field) -> str:
    if field.choices:
        return " or ".join(field.choices)
    return f"{field.bounds} {field.unit}".strip()
