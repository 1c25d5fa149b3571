"""The flags of the launcher as a person reads them."""

from __future__ import annotations

import os
import types

import pytest

from studio.launcher import options


@pytest.mark.parametrize(("system", "python"), [("nt", "py"), ("posix", "python3")])
def test_the_command_is_what_the_system_calls_python(
    system: str, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "os", types.SimpleNamespace(name=system, environ=os.environ))
    monkeypatch.setattr(options.sys, "argv", ["somewhere/launch.py"])
    assert options.parser().prog == f"{python} launch.py"
