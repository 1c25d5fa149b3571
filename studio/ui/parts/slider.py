"""Two pictures, one over the other, with a slider that moves the line between them."""

from __future__ import annotations

from html import escape
from pathlib import Path

from studio.ui.parts.markup import file_url
from studio.words import tr

# of the block that it stands in, which keeps the line where it is when it is drawn again
SLIDER_SCRIPT = """
element.addEventListener('input', event => {
  if (!event.target.closest('.before-after')) return;
  element.dataset.split = event.target.value;
  element.style.setProperty('--split', event.target.value + '%');
});
new MutationObserver(() => {
  const line = element.querySelector('.before-after input'), {split} = element.dataset;
  if (line && split && line.value !== split) line.value = split;
}).observe(element, {childList: true, subtree: true});
"""


def slider(left: Path, right: Path, left_words: str, right_words: str) -> str:
    """Return two pictures, one over the other, with a range input that moves the line between them."""
    right_alt, label = tr("Right: {picture}", picture=right_words), tr("How much of the left picture shows")
    return (
        '<figure class="before-after">'
        f'<img src="{escape(file_url(right))}" alt="{escape(right_alt)}">'
        f'<img class="over" src="{escape(file_url(left))}" alt="{escape(_left_alt(left_words))}">'
        '<i aria-hidden="true"></i><input type="range" min="0" max="100" value="50" step="0.5"'
        f' aria-label="{escape(label)}"></figure>'
        f'<div class="row ends"><span>{escape(left_words)}</span><span>{escape(right_words)}</span></div>'
    )


def _left_alt(words: str) -> str:
    return tr("Left: {picture}", picture=words)


def waiting_slider(left: Path, left_words: str) -> str:
    """Return the space of a `slider` whose right picture is still to come."""
    return (
        '<figure class="before-after waiting">'
        f'<img src="{escape(file_url(left))}" alt="{escape(_left_alt(left_words))}"></figure>'
        f'<div class="row ends"><span>{escape(left_words)}</span>'
        f"<span>{escape(tr('is being painted …'))}</span></div>"
    )
