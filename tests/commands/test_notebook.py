"""The Python in the README trains and paints as it is written, and the file that it saves is a concept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from studio.edits.concept import Concept
from studio.errors import StudioError
from tests import tiny
from trainers.commands import notebook
from trainers.dreambooth import DreamBooth
from trainers.textual_inversion import TextualInversion

ROOT = Path(__file__).resolve().parents[2]
MARK = "from trainers.commands.notebook import Notebook"
MAX_LINES = 10


def lines_of_readme() -> str:
    """Return the block of the README that has the mark."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (found,) = (block for block in blocks if MARK in block)
    return found


@pytest.mark.usefixtures("short_verdict", "one_preview")
def test_the_lines_of_the_readme_train_and_paint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = lines_of_readme()
    assert len(text.splitlines()) <= MAX_LINES
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    names: dict[str, object] = {}
    exec(compile(text, "README.md", "exec"), names)
    picture = names["picture"]
    with Image.open("lily.png") as kept:
        assert kept.size == (128, 128) and kept.tobytes() == picture.tobytes()
    header = Concept.open(Path("lily.safetensors")).header
    assert header.handles == {"<lily>": "dog"} and header.steps == 40
    plain = names["notebook"].paint("a dog on the beach at night", seed=7)
    assert plain.tobytes() != picture.tobytes()


def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "open_backbone", lambda base, device, cache: tiny.backbone())
    opened = notebook.Notebook(workspace=tmp_path)
    photos = tmp_path / "photos"
    tiny.photos(2).save(photos)
    with pytest.raises(StudioError, match="no setting called 'speed'"):
        opened.train(TextualInversion, photos, "lily", "dog", speed=1)
    with pytest.raises(StudioError, match="no concept called <lily>"):
        opened.paint("<lily> in a box", steps=1)


@pytest.mark.usefixtures("short_verdict", "one_preview")
def test_concepts_of_a_notebook_share_a_basis_without_meeting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook, "open_backbone", lambda base, device, cache: tiny.backbone())
    opened, photos = notebook.Notebook(workspace=tmp_path), tmp_path / "photos"
    tiny.photos(2).save(photos)
    settings = {"steps": 1, "batch": 1, "basis": "shared", "prior_weight": 0.0, "find_subject": False}
    names = {"lily": 4, "tom": 2}
    learned = [opened.train(DreamBooth, photos, name, "dog", rank=names[name], **settings) for name in names]
    assert [concept.header.settings["block"] for concept in learned] == [0, 2]
