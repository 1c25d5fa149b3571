"""Whatever a method is told to learn with, the concept can be opened: each knob has its default in range."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.edits.kinds import KINDS
from studio.models.backbone import Backbone
from studio.models.joint_space import JointSpace
from tests import tiny, tiny_clip
from tests.trainers.battery import prepared
from trainers import METHODS
from trainers.kit import templates


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize("method_id", sorted(METHODS))
def test_the_knobs_hold_their_defaults_with_every_setting_at_its_end(
    method_id: str, end: str, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that are whole numbers say how much is done: they make no knob, and their most takes long."""
    monkeypatch.setattr(JointSpace, "beside", tiny_clip.joint_space)
    monkeypatch.setattr(templates, "STYLE", ("the {}",))  # the others are too long for this base
    fields = [field for field in METHODS[method_id].card().fields if field.kind == "float"]
    method = prepared(method_id, backbone, tmp_path, **{field.name: getattr(field, end) for field in fields})
    for edit in (edit for edit in method.edits() if edit.knobs()):
        tensors = {name: tensor.detach() for name, tensor in edit.tensors().items()}
        settings = vars(method.settings)
        again = KINDS[edit.kind].from_tensors(edit.handle, edit.noun, tensors, settings)  # rounded numbers
        for name, knob in [*edit.knobs().items(), *again.knobs().items()]:
            assert knob.low <= knob.default <= knob.high, name
