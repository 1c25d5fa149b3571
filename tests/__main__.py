"""Everything that has to hold before a change is good: `python -m tests [pytest arguments]`.

Finds a Chromium for the browser tests, or gets one, then runs ruff and pytest. `launch.py test` calls this
once it has installed what it needs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIDE_BY_SIDE = ("-n", "logical", "--maxprocesses", "4", "--dist", "loadfile")


def find_chromium() -> str | None:
    """A Chromium that is here already: the one named in the environment, on the PATH, or Playwright's."""
    named = os.environ.get("LIKENESS_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if named:
        return named
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def get_chromium() -> None:
    """Install one: the system's package where this is Debian and we may, Playwright's own elsewhere."""
    debian = shutil.which("apt-get") and "ID=debian" in Path("/etc/os-release").read_text(encoding="utf-8")
    if debian and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium"]
        for command in (["apt-get", "update", "--quiet"], install):
            subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL)
    if not any(map(shutil.which, BROWSERS)):
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])


def main(arguments: list[str]) -> int:
    """Run the checks; returns 0 when all of them passed."""
    chromium = find_chromium()
    if chromium is None:
        print("Getting a Chromium for the browser tests ...", flush=True)
        get_chromium()
        chromium = find_chromium()
    if chromium is None:
        print("There is no Chromium for the browser tests. Install one and run this again.", file=sys.stderr)
        return 2
    environment = {**os.environ, "LIKENESS_CHROMIUM": chromium}
    style = subprocess.call([sys.executable, "-m", "ruff", "check", "--quiet", "."], cwd=ROOT)
    command = [sys.executable, "-m", "pytest", *SIDE_BY_SIDE, *arguments]
    tests = subprocess.call(command, cwd=ROOT, env=environment)
    return tests or style


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
