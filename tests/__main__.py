"""Run everything that has to hold before a change is good: `python -m tests [--quick] [pytest arguments]`.

Ruff, the type checker and pytest. The browser tests get a Chromium first, unless there is one. With `--quick`
only the tests that need neither a browser nor a training run. `launch.py test` calls this once what it needs
is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from studio.output import allow_any_letter

ROOT = Path(__file__).resolve().parent.parent
HEADLESS = "chromium-headless-shell"  # loads a page with a quarter less work than the whole browser
BROWSERS = (HEADLESS, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIDE_BY_SIDE = ("-n", "logical", "--maxprocesses", "4", "--dist", "loadfile")
CHECKS = (("ruff", "check", "--quiet", "."), ("ruff", "format", "--check", "--quiet", "."), ("mypy",))
SLOW = (
    "benchmarks",
    "browser",
    "commands/test_headless.py",
    "devices",
    "end_to_end",
    "plugins",
    "starter",
    "trainers",
)


def find_chromium() -> str | None:
    """Return the path of a Chromium: named in the environment, on the PATH, or Playwright's; None without."""
    named = os.environ.get("LIKENESS_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if named:
        return named
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install_chromium() -> None:
    """Install the system's package where this is Debian and we may, Playwright's own elsewhere."""
    debian = shutil.which("apt-get") and "ID=debian" in Path("/etc/os-release").read_text(encoding="utf-8")
    if debian and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"]
        subprocess.run(["apt-get", "update", "--quiet"], env=quiet, stdout=subprocess.DEVNULL)
        for package in (HEADLESS, "chromium"):  # an older Debian may have only the second
            subprocess.run([*install, package], env=quiet, stdout=subprocess.DEVNULL)
            if any(map(shutil.which, BROWSERS)):
                return
    if not any(map(shutil.which, BROWSERS)):
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])


def chromium_or_none() -> str | None:
    """Return the path of a Chromium, installed if need be; None if there is none to be had."""
    chromium = find_chromium()
    if chromium is None:
        print("Getting a Chromium for the browser tests ...", flush=True)
        install_chromium()
        chromium = find_chromium()
    return chromium


def main(arguments: list[str]) -> int:
    """Run the checks; returns 0 when all of them passed."""
    allow_any_letter()
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes would compile the source again
    is_quick = "--quick" in arguments
    arguments = [argument for argument in arguments if argument != "--quick"]
    if is_quick:
        arguments = [*(f"--ignore=tests/{slow}" for slow in SLOW), *arguments]
    else:
        chromium = chromium_or_none()
        if chromium is None:
            message = "There is no Chromium for the browser tests. Install one and run this again."
            print(message, file=sys.stderr)
            return 2
        environment["LIKENESS_CHROMIUM"] = chromium
    failed = 0
    for check in CHECKS:
        failed |= subprocess.call([sys.executable, "-m", *check], cwd=ROOT)
    command = [sys.executable, "-m", "pytest", *SIDE_BY_SIDE, *arguments]
    return subprocess.call(command, cwd=ROOT, env=environment) or failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
