"""Finds or installs the browser of the journeys: one that is there, else Debian's, else Playwright's own."""

import os
import shutil
import subprocess
from pathlib import Path

from launcher.say import Refusal, line

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
# Where macOS keeps them.
BUNDLES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
ASK_PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""
NO_BROWSER = (
    "There is no browser for the journeys and none could be installed: install Chromium or Chrome (Debian: "
    "`apt install chromium`) or name one in BEKAL_CHROMIUM, or run `python3 dev test --no-browser`."
)


def find() -> str | None:
    """The path of a Chromium or Chrome that answers, or None; BEKAL_CHROMIUM names one outright."""
    named = os.environ.get("BEKAL_CHROMIUM")
    if named:
        if not answers(named):
            raise Refusal(f"BEKAL_CHROMIUM is {named}, which does not start: name a Chromium or Chrome, or unset it.")
        return named
    found = (shutil.which(name) for name in NAMES)
    return next((path for path in (*found, *BUNDLES) if path and answers(path)), None)


def answers(path: str) -> bool:
    """Whether the program starts; on some systems `chromium-browser` is a script that only tells of another store."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() != ""


def ensure(python: Path) -> str:
    """The path of a browser, installed if need be; raises Refusal with what to install."""
    path = find() or _from_debian() or _from_playwright(python)
    if path is None:
        raise Refusal(NO_BROWSER)
    return path


def _from_debian() -> str | None:
    """Debian's chromium, where this is root on such a system (Ubuntu's is only a pointer and does not answer)."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    line("   installing Debian's chromium (once on this machine)")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium", "fonts-dejavu-core"]
    for command in (["apt-get", "update", "-q"], install):
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        line(f"   apt-get could not: {done.stderr.decode(errors='replace').strip().splitlines()[-1:]}")
    return find()


def _from_playwright(python: Path) -> str | None:
    """Playwright's own build, in its cache of this user."""
    line("   fetching Playwright's chromium (once for this user)")
    done = subprocess.run([python, "-m", "playwright", "install", "chromium"], capture_output=True, check=False)
    asked = subprocess.run([python, "-c", ASK_PLAYWRIGHT], capture_output=True, text=True, check=False)
    path = asked.stdout.strip()
    return path if done.returncode == 0 and path and answers(path) else None
