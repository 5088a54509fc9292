"""Make sure that the tests have a browser, or fail with what to do."""

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
    if has_browser():
        return 0
    for install in (install_with_apt, install_with_playwright):
        install()
        if has_browser():
            return 0
    sys.stderr.write(ADVICE + "\n")
    return 1


def has_browser() -> bool:
    """Whether the tests would find a browser now."""
    return bool(chromium_of_the_system() or chromium_of_playwright())


def install_with_apt() -> None:
    """Install Debian's Chromium and a font. Needs root and apt-get, else does nothing."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    attempt(["apt-get", "update", "-qq"])
    attempt(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"])


def install_with_playwright() -> None:
    """Download the build of Chromium that belongs to the installed Playwright."""
    attempt([sys.executable, "-m", "playwright", "install", "chromium"])


def attempt(command: Sequence[str]) -> None:
    """Run a command that is allowed to fail: whether there is a browser now is asked afterwards."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, check=False, env=environment, stdout=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
