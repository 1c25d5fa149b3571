"""Makes the virtual environment beside launch.py and installs the project into it.

A stamp in the environment records what was done: a second run finds nothing to do, and a set-up that was
interrupted is noticed and done again. Needs nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from studio.errors import StudioError
from studio.launcher.setup_log import SetupLog, last_line, news
from studio.output import command_line
from studio.starter import ROOT
from studio.words import tr, trn

HERE = ROOT
VENV = HERE / ".venv"
PYTHON = ".".join(str(part) for part in sys.version_info[:2])
DISK_GIGABYTES = 9.0 if sys.platform == "linux" else 4.0  # torch for Linux brings CUDA along
LOG_LINES = 12


def python_of(venv: Path) -> Path:
    """Return the path of the interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def environment_stamp() -> str:
    """Return a hash of all that the installation depends on: the project file, the Python and the folder."""
    parts = ((HERE / "pyproject.toml").read_text(encoding="utf-8"), PYTHON, str(HERE))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def read_stamp(venv: Path) -> dict | None:
    """Return the stamp of an environment: None when set-up never touched it, {} when it did not finish."""
    try:
        return json.loads((venv / "likeness.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}


def write_stamp(venv: Path, stamp: dict) -> None:
    """Write the stamp for the next run to read."""
    (venv / "likeness.json").write_text(json.dumps(stamp), encoding="utf-8")


def plan(venv: Path, extras: set[str]) -> str:
    """Return what set-up has to do: "nothing", "install" into the existing environment, or "make" a new one.

    An environment without a stamp is the user's own: packages are added, it is never deleted. One that
    set-up left unfinished may hold half a package that pip takes for a whole one, so a new one is made.
    """
    stamp = read_stamp(venv)
    if not python_of(venv).exists():
        return "make"
    if stamp is None:
        return "install"
    if stamp.get("python") != PYTHON:
        return "make"
    is_current = stamp["project"] == environment_stamp() and extras <= set(stamp["extras"])
    return "nothing" if is_current else "install"


def is_installed(extras: set[str]) -> bool:
    """Return whether this interpreter can run the studio: pip has installed it, and is up to date."""
    if Path(sys.prefix).resolve() == VENV.resolve():
        return plan(VENV, extras) == "nothing"
    if extras and not all(importlib.util.find_spec(name) for name in ("playwright", "pytest", "ruff")):
        return False
    from importlib import metadata  # younger than the oldest Python that may read this file

    is_clone = (HERE / "pyproject.toml").exists()
    homes = [Path(str(found.locate_file(""))).resolve() for found in metadata.distributions(name="likeness")]
    return not is_clone or any(home != HERE for home in homes)


def set_up(extras: set[str]) -> None:
    """Make `.venv` and install the project into it, with its dependencies and the optional groups `extras`.

    Raises StudioError when Python, the disk or the network does not allow it.
    """
    todo = plan(VENV, extras)
    if todo == "make":
        check_possible()
    log = SetupLog()
    log.say(tr("Setting up Likeness, once. It takes a few minutes."))
    makes, uses = "Making the Python environment in {folder}", "Using the Python environment in {folder}"
    log.say(f"[1/3] {tr(makes if todo == 'make' else uses, folder=VENV.name)}")
    extras = extras | set((read_stamp(VENV) or {}).get("extras", ()))
    if todo == "make":
        make()
    write_stamp(VENV, {})
    install(f".[{','.join(sorted(extras))}]" if extras else ".", VENV / "likeness-setup.log", log)
    write_stamp(VENV, {"project": environment_stamp(), "python": PYTHON, "extras": sorted(extras)})
    log.say(tr("Set up."))


def make() -> None:
    """Make a new, empty environment in place of an existing one, stamped as unfinished."""
    try:
        shutil.rmtree(VENV, ignore_errors=True)
        VENV.mkdir(exist_ok=True)
        write_stamp(VENV, {})
    except OSError as error:
        hint = "Make its folder writable, or move the project."
        raise StudioError(
            "{folder} cannot be made ({reason}).", hint, folder=VENV, reason=error.strerror
        ) from None
    python = getattr(sys, "_base_executable", sys.executable)  # not the one that has just been deleted
    made = subprocess.run([python, "-m", "venv", VENV], capture_output=True, text=True)
    if made.returncode:
        raise StudioError(
            "{folder} could not be made: {reason}.",
            "Find out whether {python} -m venv works at all.",
            folder=VENV,
            reason=last_line(made.stdout + made.stderr),
            python=command_line([python]),
        )


def check_possible() -> None:
    """Raise StudioError when no environment can be made here."""
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        hint = "On Debian or Ubuntu: sudo apt install python{python}-venv. Then run this again."
        raise StudioError("This Python cannot make virtual environments.", hint, python=PYTHON)
    free = shutil.disk_usage(HERE).free / 1e9
    if free < DISK_GIGABYTES:
        message = "Setting up needs {gigabytes:.0f} GB of disk; {folder} has {free:.1f} GB free."
        raise StudioError(
            message,
            "Make room, or move this folder to a larger disk.",
            gigabytes=DISK_GIGABYTES,
            folder=HERE,
            free=free,
        )


def install(what: str, pip_log: Path, log: SetupLog) -> None:
    """Install the project with pip, reported in short lines. Raises StudioError when it fails.

    Args:
        what: for pip, such as ".[test]".
        pip_log: the file that gets all of pip's output.
    """
    log.say(f"[2/3] {tr('Fetching packages')}")
    command = [str(python_of(VENV)), "-m", "pip", "install", "--progress-bar=off", "--no-input", "-e", what]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    before, total, rest, is_running = count_packages(), 0, "", True
    with pip_log.open("w", encoding="utf-8") as out, pip_log.open(encoding="utf-8", errors="replace") as text:
        process = subprocess.Popen(command, cwd=HERE, stdout=out, stderr=subprocess.STDOUT, env=environment)
        try:
            while is_running:
                is_running = process.poll() is None
                *lines, rest = (rest + text.read()).split("\n")
                for line in lines:
                    if line.startswith("Installing collected packages:"):
                        total = line.count(",") + 1
                        log.say(
                            f"[3/3] {trn('Unpacking {count} package', 'Unpacking {count} packages', total)}"
                        )
                    elif news(line):
                        log.say(f"      {news(line)}")
                done = min(max(count_packages() - before, 0), total)
                unpacked = tr("{done} of {total} unpacked", done=done, total=total)
                log.tick(f"      {unpacked if total else tr('still fetching')}")
                time.sleep(0.5 if is_running else 0)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode:
        raise diagnosis(pip_log.read_text(encoding="utf-8", errors="replace"), pip_log)


def count_packages() -> int:
    """Return how many packages the environment holds."""
    libraries = VENV / ("Lib" if os.name == "nt" else f"lib/python{PYTHON}") / "site-packages"
    return sum(1 for _ in libraries.glob("*.dist-info"))


def diagnosis(log: str, path: Path) -> StudioError:
    """Return why pip failed, in plain words. `log` is the output of pip, `path` the file that holds it."""
    if "No space left on device" in log:
        return StudioError(
            "The disk is full.",
            "Make {gigabytes:.0f} GB of room and run this again.",
            gigabytes=DISK_GIGABYTES,
        )
    if "Retrying (Retry(" in log or "ReadTimeoutError" in log:
        hint = "Check the network connection and run this again."
        return StudioError("The package index cannot be reached.", hint)
    tail = "\n".join(f"    {line}" for line in log.strip().splitlines()[-LOG_LINES:])
    hint = "All of it is in {file}. Deleting {folder} and running this again starts afresh."
    return StudioError("Installing failed:\n{tail}\n", hint, tail=tail, file=path, folder=VENV.name)
