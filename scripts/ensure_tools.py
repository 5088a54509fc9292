"""Make sure that the tests have a browser, or fail with what to do; and strace, where it can be had."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from e2e.browsers import chromium_of_playwright, chromium_of_the_system

ADVICE = """\
The tests need Chromium and none could be found or installed.
Install it with your package manager, run `.venv/bin/playwright install chromium`,
or say where it is: CHROMIUM=/path/to/chromium make test"""


def main() -> int:
    """Take the system's browser, else the package manager's when root, else Playwright's own."""
    if not shutil.which("strace"):
        install_with_apt("strace")  # for tests of a failing disk, which are skipped without it
    if has_browser():
        return 0
    install_with_apt("chromium", "fonts-dejavu-core")
    if not has_browser():
        install_with_playwright()
    if has_browser():
        return 0
    sys.stderr.write(ADVICE + "\n")
    return 1


def has_browser() -> bool:
    """Whether the tests would find a browser now."""
    return bool(chromium_of_the_system() or chromium_of_playwright())


def install_with_apt(*packages: str) -> None:
    """Install packages of Debian. Needs root and apt-get, else does nothing."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    attempt(["apt-get", "update", "-qq"])
    attempt(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages])


def install_with_playwright() -> None:
    """Download the build of Chromium that belongs to the installed Playwright."""
    attempt([sys.executable, "-m", "playwright", "install", "chromium"])


def attempt(command: Sequence[str]) -> None:
    """Run a command that is allowed to fail: whether it did what it should is asked afterwards."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, check=False, env=environment, stdout=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
