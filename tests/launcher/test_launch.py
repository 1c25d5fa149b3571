"""The launcher: what it refuses and how it says so, and when it sets up. Nothing is installed here."""

from __future__ import annotations

import ast
import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import launch
from studio.errors import StudioError
from studio.launcher import credentials, options
from studio.user_folder import user_folder
from studio.workspace.workspace import Workspace
from tests.free_port import free_port

CARD = {
    "id": "sketch",
    "title": "Sketch",
    "summary": "",
    "paper": "",
    "needs": {"min_photos": 1, "max_photos": 3, "max_subjects": 1, "masks": False, "sorted": False},
    "fields": [],
    "quick_settings": {},
    "suits": ("thing",),
    "recommended": 0,
    "example": None,
}


@pytest.fixture
def ready(monkeypatch, tmp_path):
    """Everything is installed and nothing is run: returns the options that got as far as `run`."""
    ran = []
    monkeypatch.setattr(launch, "is_installed", lambda extras: True)
    monkeypatch.setattr(launch, "run", ran.append)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(launch.signal, "signal", lambda *_: None)
    return ran


@contextlib.contextmanager
def page(body: bytes):
    """A server that answers everything with `body`; yields its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--listen"], "--listen would let anybody on the network in. Add --auth-file FILE or --auth USER"),
        (["--listen", "studio.home"], "--listen would let anybody on the network in. Add"),
        (
            ["--listen", "http://x", "--auth", "a:b"],
            "'http://x' is not the name of a machine. Name a machine",
        ),
        (["--listen", "x:80", "--auth", "a:b"], "'x:80' is not the name of a machine. Name a machine"),
        (["--root-path", "studio"], "'studio' is not the address of a page. Write an address such as"),
        (["--root-path", "ftp://x/y"], "'ftp://x/y' is not the address of a page."),
        (["--auth", "a:b", "--auth-file", "x"], "There are two passwords: --auth and --auth-file. Leave one"),
        (["--auth-file", "./none"], "The password file none cannot be read: No such file or directory."),
        (["--listen", "--auth", "lily"], "--auth needs a user and a password."),
        (["--auth", "lily:"], "--auth needs a user and a password."),
        (["--port", "0"], "0 is not a port."),
        (["--port", "70000"], "70000 is not a port."),
        (["--port", "here"], "Argument --port: invalid int value: 'here'. See "),
        (["--base", "./no-such-model"], "There is no base model at ./no-such-model. Give --base"),
        (["--segmenter", "./nothing"], "There is no segmenter in ./nothing. Give --segmenter the folder"),
        (["--frobnicate"], "Unrecognized arguments: --frobnicate. See "),
        (["dance"], "Argument command: invalid choice: 'dance'"),
    ],
)
def test_a_bad_argument_is_one_sentence_and_a_remedy(ready, capsys, arguments, complaint):
    assert launch.main(arguments) == 2
    said = capsys.readouterr()
    assert complaint in said.err and "Traceback" not in said.err and not said.out
    assert len(said.err.strip().splitlines()) == 1
    assert not ready


@pytest.mark.parametrize(
    ("flags", "address"),
    [
        ([], "127.0.0.1"),
        (["--auth", "a:b"], "127.0.0.1"),
        (["--root-path", "https://example.org/x"], "127.0.0.1"),
        (["--auth", "a:b", "--root-path", "/x"], "127.0.0.1"),
        (["--listen"], "0.0.0.0"),
        (["--listen", "--auth", "a:b"], "0.0.0.0"),
        (["--listen", "studio.home", "10.0.0.5", "[fe80::1]", "--auth", "a:b"], "0.0.0.0"),
    ],
)
def test_only_listen_opens_the_network(flags, address):
    assert options.host_of(options.parser().parse_args(flags)) == address


def credentials_of(flags, monkeypatch, variable=None):
    """Return what is asked for with these flags and this value of the environment variable."""
    monkeypatch.delenv(credentials.VARIABLE, raising=False)
    if variable is not None:
        monkeypatch.setenv(credentials.VARIABLE, variable)
    return credentials.read_credentials(options.parser().parse_args(flags))


def test_a_password_comes_from_a_flag_a_file_or_the_environment(monkeypatch, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("lily:a:b \nmore\n", encoding="utf-8")
    assert credentials_of([], monkeypatch) is None
    assert credentials_of(["--auth", "lily:c"], monkeypatch, "x:y") == ("lily", "c")
    assert credentials_of(["--auth-file", str(secret)], monkeypatch, "x:y") == ("lily", "a:b ")
    assert credentials_of([], monkeypatch, "x:y") == ("x", "y")
    credentials.forget_variable()
    assert credentials.VARIABLE not in os.environ


@pytest.mark.parametrize("content", [b"", b"lily", b":secret", b"lily:\nmore", b"\n", b"\xff\xfe"])
def test_a_useless_password_file_is_refused(content, monkeypatch, tmp_path):
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(StudioError, match="--auth-file needs a user|cannot be read: it is no text"):
        credentials_of(["--auth-file", str(tmp_path / "secret")], monkeypatch)
    with pytest.raises(StudioError, match="LIKENESS_AUTH needs a user and a password. Set LIKENESS_AUTH"):
        credentials_of([], monkeypatch, "lily")


def test_a_workspace_that_cannot_be_written_is_refused(ready, capsys, tmp_path):
    (tmp_path / "file").touch()
    assert launch.main(["--workspace", str(tmp_path / "file" / "deep")]) == 2
    assert "cannot be written to" in capsys.readouterr().err
    assert not ready


def test_the_defaults_reach_the_studio(ready, tmp_path):
    port = free_port()
    assert launch.main(["--port", str(port)]) == 0
    (asked,) = ready
    assert asked.command == "open" and asked.port == port and asked.listen is None
    assert asked.base == ""  # the one that was used last, which `run` looks up
    assert asked.workspace == user_folder() and list(asked.workspace.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [(b"<title>Likeness</title>", "A studio is already open at"), (b"hello", "taken by another program")],
)
def test_a_taken_port_says_by_whom(ready, capsys, body, complaint):
    with page(body) as port:
        assert launch.main(["--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert complaint in said and f"--port {port + 1}" in said
    assert not ready


def test_a_workspace_is_open_only_once(tmp_path):
    workspace = Workspace(tmp_path)
    holder = launch.claim(workspace)
    with pytest.raises(StudioError, match="Another studio has the workspace"):
        launch.claim(workspace)
    holder.close()
    launch.claim(workspace).close()


def test_an_old_python_is_told_so(ready, capsys, monkeypatch):
    monkeypatch.setattr(launch, "OLDEST_PYTHON", (99, 0))
    assert launch.main([]) == 2
    assert "Likeness needs Python 99.0 or newer; this one is" in capsys.readouterr().err


def test_an_old_python_can_read_the_launcher():
    needed = (
        "__init__",
        "errors",
        "files",
        "launcher/__init__",
        "launcher/credentials",
        "launcher/installation",
        "launcher/options",
        "output",
        "starter",
        "words",
    )
    for name in ("launch.py", *(f"studio/{part}.py" for part in needed)):
        ast.parse((launch.HERE / name).read_text(encoding="utf-8"), feature_version=(3, 7))


def test_importing_the_launcher_needs_nothing_installed():
    code = "import launch, sys; print(*{name.split('.')[0] for name in sys.modules})"
    bare = [sys.executable, "-S", "-c", code]
    names = subprocess.check_output(bare, cwd=launch.HERE, text=True).split()
    assert set(names) - set(sys.stdlib_module_names) <= {"__main__", "launch", "studio"}


def test_the_catalogue_is_read_once_per_source(tmp_path, monkeypatch):
    for folder in ("trainers", "studio"):
        (tmp_path / folder).mkdir()
    contracts = ("method", "method_card", "regularizer", "settings")
    described = [tmp_path / "studio" / f"{name}.py" for name in contracts]
    for source in described:
        source.touch()
    method = tmp_path / "trainers" / "__main__.py"
    lines = ["import json, pathlib", "runs = pathlib.Path('runs')", "runs.open('a').write('x')"]
    catalogue = json.dumps(json.dumps({"methods": [CARD], "refinements": [], "families": []}))
    method.write_text("\n".join([*lines, f"print({catalogue})"]))
    monkeypatch.setattr(launch, "HERE", tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")
    workspace = Workspace(tmp_path / "workspace")
    for _ in range(2):
        found = launch.read_catalogue(workspace)
        (card,) = found.methods
        assert card.to_json() == {**CARD, "fields": ()} and found.refinements == () == found.families
    assert (tmp_path / "runs").read_text() == "x"
    for number, source in enumerate((method, *described), 2):
        source.write_text(source.read_text() + "\n")
        launch.read_catalogue(workspace)
        assert (tmp_path / "runs").read_text() == number * "x"
    method.write_text("raise ImportError('no such thing.')")
    with pytest.raises(StudioError, match="cannot be read: ImportError: no such thing"):
        launch.read_catalogue(workspace)


def test_a_fault_of_ours_is_kept_for_the_report(ready, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(launch, "run", lambda options: {}["missing"])
    monkeypatch.setattr(launch.tempfile, "tempdir", str(tmp_path))
    assert launch.main(["setup"]) == 1
    said = capsys.readouterr().err
    (log,) = tmp_path.glob("likeness-*.log")
    assert "KeyError('missing')" in said and str(log) in said and "Traceback" not in said
    assert "Traceback" in log.read_text()


def test_gradio_starts_in_an_empty_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {})
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "old.png").touch()
    launch.keep_gradio_to(tmp_path / "uploads")
    assert Path.cwd() == tmp_path / "uploads" and not list(Path.cwd().iterdir())
    assert os.environ == {"GRADIO_TEMP_DIR": str(Path.cwd()), "GRADIO_ANALYTICS_ENABLED": "False"}
    monkeypatch.setattr(launch.shutil, "rmtree", lambda *_, **named: None)  # Windows, while a file is open
    launch.keep_gradio_to(tmp_path / "uploads")


def test_a_local_base_forbids_the_network_and_a_hub_name_does_not(monkeypatch, tmp_path, capsys):
    for base, offline in ((str(tmp_path), "1"), ("someone/some-model", None)):
        monkeypatch.setattr(os, "environ", {})
        monkeypatch.setattr(launch, "open_studio", lambda options: None)
        launch.run(launch.parser().parse_args(["--base", base]))
        assert os.environ.get("HF_HUB_OFFLINE") == offline
    assert "someone/some-model will be fetched" in capsys.readouterr().out


def test_the_password_is_not_left_in_the_environment_of_the_worker(monkeypatch, tmp_path):
    def refuse(workspace):
        raise StudioError("Another studio has it open.")

    monkeypatch.setenv(credentials.VARIABLE, "lily:secret")
    monkeypatch.setattr(launch, "claim", refuse)
    with pytest.raises(StudioError, match="has it open"):
        launch.open_studio(launch.parser().parse_args(["--workspace", str(tmp_path)]))
    assert credentials.VARIABLE not in os.environ
