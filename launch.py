"""Sets up and opens the studio; the only file outside `trainers` that imports it.

    python3 launch.py           set up when needed, then open the studio in the browser
    python3 launch.py setup     only set up: a `.venv` beside this file with everything in it
    python3 launch.py check-base PATH    train, save and paint a little on a base, and print a table
    python3 launch.py test      set up what the tests need and run them; more arguments go to pytest

Importing it needs nothing but the standard library, and older Pythons than it asks for can read it, so that
each of them gets to say what is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import StudioError, disk_trouble
from studio.files import exists
from studio.launcher.credentials import forget_variable, read_credentials
from studio.launcher.installation import HERE, PYTHON, VENV, is_installed, last_line, plan, python_of, set_up
from studio.launcher.options import check_flags, check_port, host_of, parser
from studio.launcher.window import open_window
from studio.output import allow_any_letter
from studio.stop_signals import on_stop
from studio.words import tr

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from studio.workspace.catalogue import Catalogue
    from studio.workspace.workspace import Workspace

OLDEST_PYTHON = (3, 11)
OFFLINE_BY_US = "LIKENESS_OFFLINE"  # set where the user has not asked to be offline


def read_catalogue(workspace: Workspace) -> Catalogue:
    """Return the cards of all methods, refinements and families of base models.

    Reading a method means importing torch, which the page never does: another process writes the cards to
    `catalogue.json` in the workspace, and they hold until the source they came from changes. Raises
    StudioError if they cannot be read.
    """
    from studio.files import write_atomic
    from studio.workspace.catalogue import Catalogue

    described = [
        HERE / "studio" / f"{name}.py" for name in ("method", "method_card", "regularizer", "settings")
    ]
    folders = (HERE / "trainers", HERE / "studio" / "generation", HERE / "studio" / "models")
    files = (path for folder in folders for path in sorted(folder.rglob("*.py")))
    sources = [*described, *_plugins(), *files]
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()
    kept = workspace.folder / "catalogue.json"
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["sources"] == digest:
            return Catalogue.from_json(known)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    print(tr("Reading the training methods ..."), flush=True)
    command = [sys.executable, "-m", "trainers", "catalogue"]
    reading = subprocess.run(command, cwd=HERE, capture_output=True, text=True, errors="replace")
    if reading.returncode:
        message = "The training methods cannot be read: {reason}."
        raise StudioError(
            message,
            "The file in trainers/ that was changed last is the likely cause.",
            reason=last_line(reading.stderr),
        )
    known = json.loads(reading.stdout)
    write_atomic(kept, json.dumps({"sources": digest, **known}).encode("utf-8"))
    return Catalogue.from_json(known)


def _plugins() -> list[Path]:
    """Return the files in the user's own folder of methods and refinements, if there is one."""
    root = os.environ.get("LIKENESS_PLUGINS")
    return sorted(Path(root).rglob("*.py")) if root else []


def claim(workspace: Workspace) -> sqlite3.Connection:
    """Hold the workspace while the result is open. Raises StudioError when another studio holds it."""
    file = workspace.folder / "open.sqlite"
    if file.is_file() and file.stat().st_size:  # nothing is ever written in it, so this is something else
        file.unlink()
    holder = sqlite3.connect(file, timeout=0, isolation_level=None)
    try:
        holder.execute("begin exclusive")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            hint = "See whether its disk is full or read-only, or choose another with --workspace DIR."
            raise StudioError(
                "The workspace {folder} cannot be used: {error}.", hint, folder=workspace.folder, error=error
            ) from error
        hint = "Close that one, or choose another with --workspace DIR."
        raise StudioError(
            "Another studio has the workspace {folder} open.", hint, folder=workspace.folder
        ) from None
    return holder


def open_studio(options: argparse.Namespace) -> None:
    """Serve the page, with a worker for each device beside it, until Ctrl-C or a polite kill."""
    from studio.bases.known_bases import Base, KnownBases
    from studio.files import sweep_partials
    from studio.ui.doors import Door
    from studio.workspace.crew import Crew
    from studio.workspace.workspace import Workspace

    credentials = read_credentials(options)
    forget_variable()
    chosen = {"prediction": options.prediction, "memory": options.memory}
    workspace = Workspace(options.workspace, options.base, options.segmenter, **chosen)
    holder = claim(workspace)
    sweep_partials(workspace.folder)
    workspace.add_demo_concept()
    keep_gradio_to(workspace.cache / "uploads")
    catalogue = read_catalogue(workspace)
    workspace.refinements = catalogue.refinements
    folders = [Path(folder) for folder in options.bases]
    workspace.bases = KnownBases(workspace.folder, folders, catalogue.families)
    if not getattr(options, "is_standing_in", False):  # for a base that may come back
        workspace.bases.remember(Base(options.base, options.prediction))
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    has_screen = sys.platform != "linux" or any(os.environ.get(name) for name in screens)
    with Crew(workspace, options.devices, partial(worker_command, workspace)) as crew:
        from studio.ui.serving import serve  # takes seconds, in which the workers load their base

        serve(
            workspace,
            catalogue.methods,
            restart_worker=crew.switch,
            port=options.port,
            host=host_of(options),
            auth=credentials,
            door=Door.of(options.listen, options.root_path),
            root_path=options.root_path.rstrip("/"),
            open_browser=has_screen and not options.no_browser and not options.window,
            open_window=open_window if has_screen and options.window else None,
        )
    holder.close()


def worker_command(workspace: Workspace, number: int = 0, device: str = "") -> list[str]:
    """Return the command that starts a worker on the base of a workspace.

    Args:
        number: of the worker, from 0.
        device: that it works on; empty lets it choose.
    """
    command = [sys.executable, str(HERE / "launch.py"), "worker", "--workspace", str(workspace.folder)]
    for flag in ("base", "prediction", "memory", "segmenter"):
        value = getattr(workspace, flag)
        command += [f"--{flag}", value] if value else []
    command += ["--devices", device] if device else []
    return command + (["--worker-number", str(number)] if number else [])


def keep_gradio_to(folder: Path) -> None:
    """Before gradio is imported: its files go to `folder`, emptied first, and so does its idea of "here".

    It may hand out what lies in the directory it was started in, and leaves uploads where all users of a
    machine can read them.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)  # what is still open stays on Windows, and the folder with it
    os.chdir(folder)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"


def work(options: argparse.Namespace) -> None:
    """The other process: trains and paints what the page queued."""
    from studio.generation.refinements import REFINEMENTS
    from studio.worker import process
    from studio.workspace.workspace import Workspace
    from trainers import METHODS, train

    cards = [refinement.card() for refinement in REFINEMENTS.values()]
    chosen = {"prediction": options.prediction, "memory": options.memory}
    workspace = Workspace(options.workspace, options.base, options.segmenter, cards, **chosen)
    process.work(workspace, METHODS, train, options.worker_number, options.devices[0])


def choose_base(options: argparse.Namespace) -> None:
    """Put the base to work with into the options: the one that is named, or that was used last."""
    from studio.bases.known_bases import STARTER_WORD, KnownBases
    from studio.starter import STARTER

    if not options.base and options.command == "open":
        last = KnownBases(options.workspace.expanduser()).last()
        name = last.base.path
        if last.reason:
            text = "The base of the last time, {name}, cannot be used: {reason} The starter is."
            print(tr(text, name=name, reason=last.reason), flush=True)
            options.base, options.is_standing_in = str(STARTER), True
            return
        options.base, options.prediction = name, options.prediction or last.base.prediction
        if name != str(STARTER):
            text = "The base is {name}, as the last time. Another: --base, or in the page."
            print(tr(text, name=name), flush=True)
    elif options.base in ("", STARTER_WORD):
        options.base = str(STARTER)


def run(options: argparse.Namespace) -> None:
    """Carry out a command in an environment that has everything."""
    from studio.files import keep_private

    keep_private()
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if options.segmenter:
        options.segmenter = str(Path(options.segmenter).expanduser().resolve())
    options.bases = [str(Path(folder).expanduser().resolve()) for folder in options.bases]
    choose_base(options)
    if exists(Path(options.base).expanduser()):
        options.base = str(Path(options.base).expanduser().resolve())
        if "HF_HUB_OFFLINE" not in os.environ:
            os.environ["HF_HUB_OFFLINE"] = os.environ[OFFLINE_BY_US] = "1"
    elif os.environ.get(OFFLINE_BY_US):  # by the page, whose base was another when it was opened
        del os.environ["HF_HUB_OFFLINE"]
    elif options.command == "open":
        text = "{base} will be fetched from the Hugging Face hub, unless it was before."
        print(tr(text, base=options.base))
    if options.command == "worker":
        work(options)
    elif options.command == "open":
        open_studio(options)
    else:
        from studio.workspace.workspace import Workspace

        read_catalogue(Workspace(options.workspace, base=options.base))
        print(tr("Everything is in place. To open the studio: {command}", command=parser().prog))


def hand_over(arguments: Sequence[str]) -> int:
    """Go on inside `.venv`; returns the exit status."""
    command = [str(python_of(VENV)), str(HERE / "launch.py"), *arguments]
    if os.name == "posix":
        os.execv(command[0], command)
    return subprocess.call(command)


def dispatch(arguments: list[str]) -> int:
    """Set up if needed and do what was asked; returns the exit status. Raises StudioError."""
    if sys.version_info[:2] < OLDEST_PYTHON:
        needed = ".".join(map(str, OLDEST_PYTHON))
        hint = "Install a newer one and run it by name: python{needed} launch.py"
        raise StudioError(
            "Likeness needs Python {needed} or newer; this one is {python}.",
            hint,
            needed=needed,
            python=PYTHON,
        )
    is_test = arguments[:1] == ["test"]
    if is_test and not (HERE / "tests").is_dir():
        raise StudioError("The tests are not part of the installed program.", "Run them in a clone of it.")
    is_check = arguments[:1] == ["check-base"]
    options = parser().parse_args(arguments[:1] if is_test or is_check else arguments)
    if not is_test and not is_check:
        check_flags(options)
    if options.command == "open":
        check_port(host_of(options), options.port)
    extras = {"test"} if is_test else set()
    if not is_installed(extras):
        if plan(VENV, extras) != "nothing":
            set_up(extras)
        return hand_over(arguments)
    if is_test:
        return subprocess.call([sys.executable, "-m", "tests", *arguments[1:]], cwd=HERE)
    if is_check:
        path = str(HERE) + os.pathsep + os.environ.get("PYTHONPATH", "")
        return subprocess.call(
            [sys.executable, "-m", "trainers", *arguments], env={**os.environ, "PYTHONPATH": path}
        )
    run(options)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The whole program; returns the exit status.

    What a user can mend is one sentence and what to do, with status 2; a fault of ours is a sentence and
    the file that has its traceback, with status 1.
    """
    allow_any_letter()
    on_stop(signal.default_int_handler)
    try:
        return dispatch(list(sys.argv[1:] if arguments is None else arguments))
    except StudioError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{tr('Stopped.')}", file=sys.stderr)
        return 130
    except Exception as error:
        trouble = disk_trouble(error) if isinstance(error, OSError) else None
        if trouble is not None:
            print(f"\n{trouble}", file=sys.stderr)
            return 2
        with tempfile.NamedTemporaryFile(prefix="likeness-", suffix=".log", delete=False) as log:
            log.write(traceback.format_exc().encode("utf-8", "backslashreplace"))
        text = "Likeness has a fault: {error!r}. Please report it with {file}."
        print(f"\n{tr(text, error=error, file=log.name)}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
