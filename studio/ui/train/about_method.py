"""The page of a method: when to choose it, what its picture shows, and its settings with bounds and sources.

All of it comes from the card, which comes from the method's own file.
"""

from __future__ import annotations

from html import escape

from studio.method_card import SUITS, MethodCard, Needs
from studio.settings import Field
from studio.ui.parts.forms import setting_text
from studio.words import one_of, tr, trn


def about_method(card: MethodCard) -> str:
    """Return the page, folded away under "About NAME"."""
    about = tr("About {method}", method=tr(card.title))
    return (
        f'<details class="about-method"><summary>{escape(about)}</summary>'
        f"<h3>{escape(tr('When to choose it'))}</h3>{_choosing(card)}{_example(card)}"
        f"<h3>{escape(tr('Settings'))}</h3>{settings_table(card.fields)}</details>"
    )


def _choosing(card: MethodCard) -> str:
    suits = "".join(f"<li>{escape(SUITS[suit])}</li>" for suit in card.suits)
    paper = tr("After <cite>{paper}</cite>.", paper=escape(card.paper))
    return (
        f"<p>{escape(tr(card.summary))}</p><p>{escape(tr('You have:'))}</p><ul>{suits}</ul>"
        f"<p>{escape(needs_sentence(card.needs))}</p><p>{paper}</p>"
    )


def needs_sentence(needs: Needs) -> str:
    """Return what a method asks for before it can start, in a sentence or two."""
    if needs.min_photos == needs.max_photos:
        count = needs.min_photos
        sentences = [trn("It learns from {count} photo.", "It learns from {count:,} photos.", count)]
    else:
        span = {"low": needs.min_photos, "high": needs.max_photos}
        sentences = [tr("It learns from {low} to {high:,} photos.", **span)]
    if needs.max_subjects > 1:
        together = "Up to {count} things are learned together from the same photos."
        sentences.append(tr(together, count=needs.max_subjects))
    if needs.masks:
        sentences.append(tr("Every thing needs a mask in at least one photo."))
    if needs.sorted:
        sentences.append(tr("The caption of each photo is the kind that it belongs to."))
    return " ".join(sentences)


def _example(card: MethodCard) -> str:
    """Return what the method's picture was painted from; empty for a method without one."""
    if card.example is None:
        return ""
    prompts = "".join(f"<li>{escape(picture.prompt)}</li>" for picture in card.example.pictures)
    title, words = escape(tr("What its picture shows")), escape(tr("The prompts, {} for the name:"))
    return f"<h3>{title}</h3><p>{words}</p><ol>{prompts}</ol>"


def settings_table(fields: tuple[Field, ...]) -> str:
    """Return a table of settings: name and help, the value as it comes, bounds, and where it comes from."""
    rows = "".join(
        f'<tr><th scope="row">{escape(tr(field.title))}<small>{escape(tr(field.help))}</small></th>'
        f"<td>{escape(setting_text(field, field.default))}</td><td>{escape(_bounds(field))}</td>"
        f"<td>{escape(tr(field.source))}</td></tr>"
        for field in fields
    )
    names = (tr("Setting"), tr("As it comes"), tr("Range"), tr("Source"))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    label = tr("Settings of the method")
    return (
        f'<div class="about-settings" role="group" tabindex="0" aria-label="{escape(label)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _bounds(field: Field) -> str:
    if field.choices:
        return one_of(map(tr, field.choices))
    return f"{field.bounds} {tr(field.unit)}".strip()
