"""Command-line flags of launch.py, and checks that run before anything is installed or loaded.

Needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import socket
import sys
import urllib.request
from pathlib import Path
from typing import NoReturn

from studio.errors import StudioError
from studio.files import exists, writable_folder
from studio.launcher.credentials import VARIABLE, read_credentials
from studio.user_folder import user_folder
from studio.words import tr

MACHINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
PROXY = re.compile(r"(https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?)?(/[A-Za-z0-9._~-]+)*/?")
DEVICE = re.compile(r"cpu|\d{1,3}")

MEMORY = ("auto", "all", "least")  # those of `studio.models.memory_plan`


class Parser(argparse.ArgumentParser):
    """Raises StudioError for wrong flags, in place of printing a usage message."""

    def error(self, message: str) -> NoReturn:
        """Raise StudioError."""
        sentence = f"{message[:1].upper()}{message[1:]}."
        raise StudioError(sentence, tr("See {command} --help.", command=self.prog))


def parser() -> Parser:
    """Return the parser of the command line; what follows `test` goes to pytest."""
    python = "py" if os.name == "nt" else "python3"  # what Python's installer for Windows puts on the PATH
    prog = f"{python} launch.py" if Path(sys.argv[0]).name == "launch.py" else "likeness"
    about = (
        "Opens the studio in the browser. More commands: setup only sets it up, check-base PATH tries every "
        "method on a base, test runs the tests."
    )
    usage = "%(prog)s [setup | check-base PATH | test] [options]"
    flags = Parser(prog=prog, usage=usage, description=about, allow_abbrev=False)
    kinds = ("open", "setup", "test", "check-base", "worker")
    flags.add_argument("command", nargs="?", choices=kinds, default="open", help=argparse.SUPPRESS)
    flags.add_argument("--port", type=int, default=7860, help="of the page (default %(default)s)")
    folder = "where concepts and pictures are kept (default %(default)s)"
    flags.add_argument("--workspace", type=Path, metavar="DIR", default=user_folder(), help=folder)
    model = "the model to work with: a diffusers folder, a .safetensors checkpoint or a name on the hub"
    usual = "or the word starter (default: the one that was used last, at first the starter)"
    flags.add_argument("--base", metavar="NAME_OR_PATH", default="", help=f"{model}, {usual}")
    predicts = "what the base predicts, where its file does not say so: epsilon or v_prediction"
    flags.add_argument("--prediction", metavar="KIND", default="", help=predicts)
    several = "what to work on, a worker on each: 0,1 for two cards, cpu,cpu for two on the CPU"
    usual_device = "(default: one worker, on a card if there is one)"
    devices = f"{several} {usual_device}"
    flags.add_argument("--devices", type=_devices, metavar="LIST", default=("",), help=devices)
    flags.add_argument("--worker-number", type=int, default=0, help=argparse.SUPPRESS)
    fits = "auto fits the base to the device, all keeps everything on it, least as little as can be"
    flags.add_argument("--memory", choices=MEMORY, default="auto", help=f"{fits} (default %(default)s)")
    folders = "folders with checkpoints, from which the page lets you choose"
    flags.add_argument("--bases", nargs="+", metavar="DIR", default=[], help=folders)
    fetches = "hf download facebook/sam-vit-base --local-dir sam"
    outlines = f"a folder with a Segment Anything model, to find masks by a click; `{fetches}` fetches one"
    flags.add_argument("--segmenter", metavar="DIR", default="", help=outlines)
    flags.add_argument("--no-browser", action="store_true", help="do not open the browser")
    own = "open the page in a window of its own, by the app mode of Chromium, Chrome, Edge or Brave"
    flags.add_argument("--window", action="store_true", help=own)
    let_in = "let other machines in, at this machine's name and address and the NAMEs; needs a password"
    flags.add_argument("--listen", nargs="*", metavar="NAME", help=let_in)
    visible = "ask visitors for this user and password; other users of this machine can read it here"
    flags.add_argument("--auth", metavar="USER:PASSWORD", help=visible)
    in_file = f"a file with USER:PASSWORD on its first line; so may be the environment variable {VARIABLE}"
    flags.add_argument("--auth-file", type=Path, metavar="FILE", help=in_file)
    proxy = "the address at which a reverse proxy serves the page, such as https://example.org/studio"
    flags.add_argument("--root-path", metavar="URL", default="", help=proxy)
    return flags


def _devices(text: str) -> tuple[str, ...]:
    """Return ("0", "1") for "0,1": the devices of a list, "cpu" or the number of a card each."""
    names = tuple(name.strip().lower().removeprefix("cuda:") for name in text.split(","))
    if not all(DEVICE.fullmatch(name) for name in names):
        sentence = tr("{written!r} is no list of devices such as 0,1 or cpu,cpu", written=text[:80])
        raise argparse.ArgumentTypeError(sentence)
    return names


def check_flags(options: argparse.Namespace) -> None:
    """Raise StudioError for flags that could only fail later."""
    if not 1 <= options.port <= 65535:
        raise StudioError("{port} is not a port.", "Give --port a number from 1 to 65535.", port=options.port)
    if options.window and options.no_browser:
        raise StudioError("--window opens the page, and --no-browser does not.", "Leave one of them out.")
    credentials = read_credentials(options)
    if options.listen is not None and not credentials:
        hint = "Add --auth-file FILE or --auth USER:PASSWORD, or leave --listen out."
        raise StudioError("--listen would let anybody on the network in.", hint)
    for name in options.listen or ():
        if not is_machine(name):
            hint = "Name a machine or an address, without a port: --listen studio.local 192.168.1.5"
            raise StudioError("{name!r} is not the name of a machine.", hint, name=name[:80])
    if options.root_path and not PROXY.fullmatch(options.root_path):
        hint = "Write an address such as --root-path https://example.org/studio"
        raise StudioError("{address!r} is not the address of a page.", hint, address=options.root_path[:80])
    is_path = options.base.startswith((".", "~")) or Path(options.base).is_absolute()
    if is_path and options.command != "setup" and not exists(Path(options.base).expanduser()):
        hint = "Give --base the folder of a diffusers model, a checkpoint file, or a name on the hub."
        raise StudioError("There is no base model at {base}.", hint, base=options.base)
    for folder in options.bases:
        if not Path(folder).expanduser().is_dir():
            raise StudioError(
                "There is no folder {folder}.", "Give --bases folders with checkpoints.", folder=folder[:200]
            )
    if options.segmenter and not (Path(options.segmenter).expanduser() / "config.json").is_file():
        hint = "Give --segmenter the folder of a SAM or SAM 2 model in transformers' layout, or leave it out."
        raise StudioError("There is no segmenter in {folder}.", hint, folder=options.segmenter)
    writable_folder(options.workspace.expanduser(), tr("Choose another with --workspace DIR."))


def is_machine(name: str) -> bool:
    """Return whether a text is the name of a machine or its address, without a port."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return MACHINE.fullmatch(name) is not None
    return True


def check_port(host: str, port: int) -> None:
    """Raise StudioError when a program already listens on `port`."""
    with socket.socket() as probe:
        if os.name == "posix":  # elsewhere this option would let two servers share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            return
        except PermissionError:
            raise StudioError(
                "Port {port} is reserved.", "Choose one above 1023 with --port.", port=port
            ) from None
        except OSError:
            pass
    address = f"http://127.0.0.1:{port}"
    other = port + 1 if port < 65535 else 7860
    try:
        is_studio = b"Likeness" in urllib.request.urlopen(address, timeout=2).read()
    except (OSError, ValueError):
        is_studio = False
    if is_studio:
        raise StudioError(
            "A studio is already open at {address}.",
            "Use that one, or choose another port: --port {other}.",
            address=address,
            other=other,
        )
    hint = "Choose another port: --port {other}."
    raise StudioError("Port {port} is taken by another program.", hint, port=port, other=other)


def host_of(options: argparse.Namespace) -> str:
    """The address to serve on: this machine only, unless others were let in."""
    return "127.0.0.1" if options.listen is None else "0.0.0.0"
