"""The wheel serves from anywhere: in a clean environment, in a folder that has an `app` of its own."""

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import servers
from tests.fixtures import running
from tests.servers import RunningServer, without_our_settings

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / "scripts" / "uv"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout as a release is."""
    folder = tmp_path_factory.mktemp("dist")
    run([UV, "build", "--wheel", "--out-dir", folder, "--quiet", ROOT], folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def light_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the SDK alone."""
    return install(str(wheel), tmp_path_factory.mktemp("light"))


@pytest.fixture(scope="session")
def server_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the server."""
    return install(f"{wheel}[server]", tmp_path_factory.mktemp("server"))


@pytest.fixture
def somebodys_project(tmp_path: Path) -> Path:
    """A folder with a package called `app`, which is not ours."""
    package = tmp_path / "app"
    package.mkdir()
    for name in ("__init__", "cli", "asgi"):
        (package / f"{name}.py").write_text("raise RuntimeError('somebody else is here')\n")
    return tmp_path


def test_the_wheel_puts_nothing_but_waitpoint_into_site_packages(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"waitpoint"}
    assert {"waitpoint/py.typed", "waitpoint/server/__init__.py"} <= set(names)
    assert any(name.startswith("waitpoint/server/_data/templates/") for name in names)
    assert any(name.startswith("waitpoint/server/_data/static/") for name in names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_sdk_alone_is_light(light_environment: Path, somebodys_project: Path) -> None:
    """It imports in a program without the server's packages, and its command says what is missing."""
    python, waitpoint = light_environment / "python", light_environment / "waitpoint"

    run([python, "-c", "import waitpoint, sys; assert 'litestar' not in sys.modules"], somebodys_project)
    assert "tokens" in run([waitpoint, "--help"], somebodys_project)
    refused = subprocess.run(
        [waitpoint, "serve"], cwd=somebodys_project, env=environment(), capture_output=True, text=True, check=False
    )

    assert refused.returncode != 0
    assert "waitpoint[server]" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_server_serves_from_anywhere(
    server_environment: Path, somebodys_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "WAITPOINT", server_environment / "waitpoint")
    database = f"sqlite:///{somebodys_project / 'waitpoint.sqlite3'}"

    with running(RunningServer(database, somebodys_project)) as server:
        page = what_strangers_see(f"{server.url}/")
        addresses = re.findall(r'(?:src|href)="(/static/[^"]+\.(?:js|css))"', page)
        files = [get(server.url + address) for address in addresses]

    assert "<!doctype html>" in page.lower()
    assert files
    assert all(files)


def install(requirement: str, folder: Path) -> Path:
    """Make a virtual environment, install into it, and return the folder of its programs."""
    run([UV, "venv", "--quiet", "--python", sys.executable, folder / "venv"], folder)
    programs = folder / "venv" / "bin"
    run([UV, "pip", "install", "--quiet", "--python", programs / "python", requirement], folder)
    return programs


def run(command: Sequence[str | Path], folder: Path) -> str:
    """Run a command in a folder and return what it printed; a failure shows all of it."""
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment() -> dict[str, str]:
    """What a stranger's shell says: nothing about this checkout."""
    hidden = {"VIRTUAL_ENV", "PYTHONPATH"}
    return {name: value for name, value in without_our_settings(os.environ).items() if name not in hidden}


def what_strangers_see(url: str) -> str:
    """The page that asks to sign in, which is answered as an error."""
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        get(url)
    return str(refused.value.read().decode())


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
