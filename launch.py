"""Sets up and opens the studio; the only file that knows both `studio` and `trainers`.

    python3 launch.py           set up when needed, then open the studio in the browser
    python3 launch.py setup     only set up: a `.venv` beside this file with everything in it
    python3 launch.py test      set up what the tests need and run them; more arguments go to pytest

Importing it needs nothing but the standard library, and older Pythons than it asks for can read it, so that
each of them gets to say what is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import traceback
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from studio.errors import StudioError
from studio.installation import HERE, PYTHON, VENV, is_installed, last_line, plan, python_of, set_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studio.method import MethodCard
    from studio.workspace import Workspace

STARTER = HERE / "assets" / "starter"
OLDEST_PYTHON = (3, 11)


# what was asked for


class Parser(argparse.ArgumentParser):
    """Complains in the studio's own way."""

    def error(self, message: str) -> NoReturn:
        """Raises StudioError in place of a usage message."""
        raise StudioError(f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")


def parser() -> Parser:
    """The command line, except for what `test` hands on to pytest."""
    prog = "python3 launch.py" if Path(sys.argv[0]).name == "launch.py" else "likeness"
    about = "Opens the studio in the browser. Two more commands: setup only sets it up, test runs its tests."
    usage = "%(prog)s [setup | test] [options]"
    flags = Parser(prog=prog, usage=usage, description=about, allow_abbrev=False)
    kinds = ("open", "setup", "test", "worker")
    flags.add_argument("command", nargs="?", choices=kinds, default="open", help=argparse.SUPPRESS)
    flags.add_argument("--port", type=int, default=7860, help="of the page (default %(default)s)")
    place = "where concepts and pictures are kept (default %(default)s)"
    flags.add_argument("--workspace", type=Path, metavar="DIR", default=user_folder(), help=place)
    model = "the model to work with: a diffusers folder or a hub name (default: the starter)"
    flags.add_argument("--base", metavar="NAME_OR_PATH", default=str(STARTER), help=model)
    outlines = "a folder with a Segment Anything model, to find masks by a click (default: none is needed)"
    flags.add_argument("--segmenter", metavar="DIR", default="", help=outlines)
    flags.add_argument("--no-browser", action="store_true", help="do not open the browser")
    flags.add_argument("--listen", action="store_true", help="let other machines in; needs --auth")
    flags.add_argument("--auth", metavar="USER:PASSWORD", help="ask visitors for this user and password")
    return flags


def user_folder() -> Path:
    """Where this system keeps a program's data for one user."""
    home = Path.home()
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "Likeness"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "Likeness"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "likeness"


def check(options: argparse.Namespace) -> None:
    """Refuse at once what could only fail later. Raises StudioError."""
    if not 1 <= options.port <= 65535:
        raise StudioError(f"{options.port} is not a port.", "Give --port a number from 1 to 65535.")
    user, _, password = (options.auth or "").partition(":")
    if options.auth is not None and not (user and password):
        raise StudioError("--auth needs a user and a password.", "Write --auth USER:PASSWORD.")
    if options.listen and not options.auth:
        hint = "Add --auth USER:PASSWORD, or leave --listen out."
        raise StudioError("--listen would let anybody on the network in.", hint)
    is_path = options.base.startswith((".", "~")) or Path(options.base).is_absolute()
    if is_path and options.command != "setup" and not Path(options.base).expanduser().exists():
        hint = "Give --base the folder of a diffusers model, a checkpoint file, or a name on the hub."
        raise StudioError(f"There is no base model at {options.base}.", hint)
    if options.segmenter and not (Path(options.segmenter).expanduser() / "config.json").is_file():
        hint = "Give --segmenter the folder of a SAM or SAM 2 model in transformers' layout, or leave it out."
        raise StudioError(f"There is no segmenter in {options.segmenter}.", hint)
    probe = options.workspace.expanduser() / f".{os.getpid()}"
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        message = f"The workspace {probe.parent} cannot be written to ({error.strerror})."
        raise StudioError(message, "Choose another folder with --workspace DIR.") from None


def check_port(host: str, port: int) -> None:
    """Raises StudioError when something listens on `port` already."""
    with socket.socket() as probe:
        if os.name == "posix":  # elsewhere this option would let two servers share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            return
        except PermissionError:
            raise StudioError(f"Port {port} is reserved.", "Choose one above 1023 with --port.") from None
        except OSError:
            pass
    address = f"http://127.0.0.1:{port}"
    other = f"another port: --port {port + 1 if port < 65535 else 7860}."
    try:
        is_studio = b"Likeness" in urllib.request.urlopen(address, timeout=2).read()
    except (OSError, ValueError):
        is_studio = False
    if is_studio:
        raise StudioError(f"A studio is already open at {address}.", f"Use that one, or choose {other}")
    raise StudioError(f"Port {port} is taken by another program.", f"Choose {other}")


# what happens once everything is installed


def method_catalogue(workspace: Workspace) -> list[MethodCard]:
    """The methods there are, as cards. Raises StudioError when they cannot be read.

    Reading a method means importing torch, which the page never does: another process writes the cards to
    `methods.json` in the workspace, and they hold until the source they came from changes.
    """
    from studio.method import MethodCard

    sources = [*sorted((HERE / "trainers").rglob("*.py")), HERE / "studio" / "method.py"]
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()
    kept = workspace.folder / "methods.json"
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["sources"] == digest:
            return [MethodCard.from_json(card) for card in known["methods"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    print("Reading the training methods ...", flush=True)
    command = [sys.executable, "-m", "trainers", "catalogue"]
    reading = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    if reading.returncode:
        message = f"The training methods cannot be read: {last_line(reading.stderr)}."
        raise StudioError(message, "The file in trainers/ that was changed last is the likely cause.")
    cards = json.loads(reading.stdout)
    kept.write_text(json.dumps({"sources": digest, "methods": cards}), encoding="utf-8")
    return [MethodCard.from_json(card) for card in cards]


def claim(workspace: Workspace) -> sqlite3.Connection:
    """Hold the workspace while the result is open. Raises StudioError when another studio holds it."""
    holder = sqlite3.connect(workspace.folder / "open.sqlite", timeout=0, isolation_level=None)
    try:
        holder.execute("begin exclusive")
    except sqlite3.OperationalError:
        hint = "Close that one, or choose another with --workspace DIR."
        raise StudioError(f"Another studio has the workspace {workspace.folder} open.", hint) from None
    return holder


def open_studio(options: argparse.Namespace) -> None:
    """Serve the page, with a worker beside it, until Ctrl-C or a polite kill."""
    from studio.supervisor import Supervisor
    from studio.workspace import Workspace

    workspace = Workspace(options.workspace, options.base, options.segmenter)
    holder = claim(workspace)
    workspace.welcome()
    keep_gradio_to(workspace.cache / "uploads")
    from studio.ui.app import serve

    catalogue = method_catalogue(workspace)
    command = [sys.executable, str(HERE / "launch.py"), "worker", "--base", options.base]
    command += ["--segmenter", options.segmenter] if options.segmenter else []
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    has_screen = sys.platform != "linux" or any(os.environ.get(name) for name in screens)
    with Supervisor(workspace, command=[*command, "--workspace", str(workspace.folder)]):
        serve(
            workspace,
            catalogue,
            port=options.port,
            host=host_of(options),
            auth=tuple(options.auth.split(":", 1)) if options.auth else None,
            open_browser=has_screen and not options.no_browser,
        )
    holder.close()


def keep_gradio_to(folder: Path) -> None:
    """Before gradio is imported: its files go to `folder`, emptied first, and so does its idea of "here".

    It may hand out what lies in the directory it was started in, and leaves uploads where all users of a
    machine can read them.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.chdir(folder)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"


def host_of(options: argparse.Namespace) -> str:
    """The address to serve on: this machine only, unless others were let in."""
    return "0.0.0.0" if options.listen else "127.0.0.1"


def work(options: argparse.Namespace) -> None:
    """The other process: trains and paints what the page queued."""
    from studio import worker
    from studio.workspace import Workspace
    from trainers import METHODS, train

    worker.work(Workspace(options.workspace, options.base, options.segmenter), METHODS, train)


def run(options: argparse.Namespace) -> None:
    """Carry out a command in an environment that has everything."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if options.segmenter:
        options.segmenter = str(Path(options.segmenter).expanduser().resolve())
    if Path(options.base).expanduser().exists():
        options.base = str(Path(options.base).expanduser().resolve())
        os.environ["HF_HUB_OFFLINE"] = "1"
    elif options.command == "open":
        print(f"{options.base} will be fetched from the Hugging Face hub, unless it was before.")
    if options.command == "worker":
        work(options)
    elif options.command == "open":
        open_studio(options)
    else:
        from studio.workspace import Workspace

        method_catalogue(Workspace(options.workspace, base=options.base))
        print(f"Everything is in place. To open the studio: {parser().prog}")


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
        hint = f"Install a newer one and run it by name: python{needed} launch.py"
        raise StudioError(f"Likeness needs Python {needed} or newer; this one is {PYTHON}.", hint)
    is_test = arguments[:1] == ["test"]
    if is_test and not (HERE / "tests").is_dir():
        raise StudioError("The tests are not part of the installed program.", "Run them in a clone of it.")
    options = parser().parse_args(arguments[:1] if is_test else arguments)
    if not is_test:
        check(options)
    if options.command == "open":
        check_port(host_of(options), options.port)
    extras = {"test"} if is_test else set()
    if not is_installed(extras):
        if plan(VENV, extras) != "nothing":
            set_up(extras)
        return hand_over(arguments)
    if is_test:
        return subprocess.call([sys.executable, "-m", "tests", *arguments[1:]], cwd=HERE)
    run(options)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The whole program; returns the exit status.

    What a user can mend is one sentence and what to do, with status 2; a fault of ours is a sentence and
    the file that has its traceback, with status 1.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return dispatch(list(sys.argv[1:] if arguments is None else arguments))
    except StudioError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except Exception as error:
        with tempfile.NamedTemporaryFile("w", prefix="likeness-", suffix=".log", delete=False) as log:
            traceback.print_exc(file=log)
        print(f"\nLikeness has a fault: {error!r}. Please report it with {log.name}.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
