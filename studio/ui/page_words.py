"""The words that the page's own scripts say, in the person's language."""

from __future__ import annotations

import json
import re
from string import Template

from studio.ui.parts.page_files import SCRIPTS, page_script
from studio.words import LANGUAGE, WORDS

SAID = re.compile(r"""\btr\(\s*'((?:[^'\\]|\\.)*)'""")  # in a script: tr('Copied')


def script_texts() -> set[str]:
    """Return every English text that a script of the page says."""
    scripts = (path.read_text(encoding="utf-8") for path in SCRIPTS.glob("*.js"))
    return {text.replace("\\'", "'") for script in scripts for text in SAID.findall(script)}


def words_script() -> str:
    """Return the element of the page's head that gives its scripts their words and the page its language."""
    words = {text: WORDS[text] for text in sorted(script_texts()) if text in WORDS}
    script = Template(page_script("words"))
    said = json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")  # no text may end the element
    return f"<script>{script.substitute(WORDS=said, LANGUAGE=json.dumps(LANGUAGE))}</script>"
