"""Opens the page in a window of its own, by the app mode of a browser that is on this machine.

Chromium, Chrome, Edge, Brave and Vivaldi show an address without tabs and address bar when they are started
with `--app=ADDRESS`. They use their ordinary profile, so that the page finds what it kept there. It needs
nothing but the standard library.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path

from studio.words import tr

COMMANDS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    *("microsoft-edge", "microsoft-edge-stable", "msedge", "brave-browser", "brave", "vivaldi"),
)
MAC_APPS = ("Google Chrome", "Chromium", "Microsoft Edge", "Brave Browser", "Vivaldi")
WINDOWS_PROGRAMS = (
    r"Google\Chrome\Application\chrome.exe",
    r"Chromium\Application\chrome.exe",
    r"Microsoft\Edge\Application\msedge.exe",
    r"BraveSoftware\Brave-Browser\Application\brave.exe",
    r"Vivaldi\Application\vivaldi.exe",
)
WINDOWS_FOLDERS = ("ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA")
WAIT_SECONDS = 3.0  # in which a browser that cannot start has ended
NONE_FOUND = tr("There is no Chromium, Chrome, Edge, Brave or Vivaldi for a window of its own.")
NOT_STARTED = "{browser} does not open a window."
USUAL = tr("The page opens in your usual browser.")


def app_browsers() -> list[str]:
    """Return the paths of the browsers of this machine that have an app mode."""
    found = [shutil.which(name) for name in COMMANDS]
    if sys.platform == "darwin":
        roots = (Path("/Applications"), Path.home() / "Applications")
        places = [root / f"{app}.app" / "Contents" / "MacOS" / app for root in roots for app in MAC_APPS]
    elif os.name == "nt":
        folders = (os.environ.get(name) for name in WINDOWS_FOLDERS)
        places = [Path(folder) / program for folder in folders if folder for program in WINDOWS_PROGRAMS]
    else:
        places = []
    return [path for path in [*found, *(str(place) for place in places if place.is_file())] if path]


def open_window(address: str) -> None:
    """Show an address in a window of its own; without a browser that can, say so and show it as usual."""
    browsers = app_browsers()
    if not browsers:
        print(f"{NONE_FOUND} {USUAL}", flush=True)
    elif starts(browsers[0], address):
        return
    else:
        print(f"{tr(NOT_STARTED, browser=Path(browsers[0]).stem)} {USUAL}", flush=True)
    webbrowser.open(address)


def starts(browser: str, address: str) -> bool:
    """Start a browser on an address; returns whether it runs, or handed over to one that does."""
    nowhere = subprocess.DEVNULL
    try:
        # a session of its own: Ctrl-C in this terminal ends the studio, not the person's browser
        process = subprocess.Popen(
            [browser, f"--app={address}"],
            stdin=nowhere,
            stdout=nowhere,
            stderr=nowhere,
            start_new_session=True,
        )
    except OSError:
        return False
    try:
        return process.wait(WAIT_SECONDS) == 0
    except subprocess.TimeoutExpired:
        return True
