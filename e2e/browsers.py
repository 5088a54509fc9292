"""Where the tests find their browser."""

import os
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Nothing but loopback is ever asked for, and nothing is drawn on a real screen.
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def launch_options() -> dict[str, object]:
    """How Playwright starts Chromium: the system's when there is one, else its own."""
    options: dict[str, object] = {"args": [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]}
    if path := chromium_of_the_system():
        options["executable_path"] = path
    return options


def chromium_of_the_system() -> str | None:
    """The path in $CHROMIUM, else the first Chromium on PATH."""
    if named := os.environ.get("CHROMIUM"):
        if not (path := shutil.which(named)):
            raise FileNotFoundError(f"CHROMIUM={named} is not a program. Give the path of one, or unset it.")
        return path
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def chromium_of_playwright() -> str | None:
    """The path of the browser that Playwright downloaded, if it did."""
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None
