"""What exists is documented, and what is documented exists."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.admin.doctor import CHECKS
from app.cli import COMMANDS
from app.ops.metrics import METRICS
from app.settings import Settings, load
from tests.cast import ADAS_KEY, headers_of
from tests.ops.conftest import typed
from tests.servers import RunningServer, without_our_settings

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
TOKENS = "/api/v1/waitpoints/tokens"

# Forms, and files as they are: documented, and no part of the description of the JSON API.
NOT_JSON = {
    ("GET", f"{TOKENS}/{{token_id}}/form"),
    ("POST", f"{TOKENS}/{{token_id}}/form"),
    ("POST", f"{TOKENS}/{{token_id}}/files"),
    ("GET", f"{TOKENS}/{{token_id}}/files/{{file_id}}"),
}


def rows(text: str) -> dict[str, list[str]]:
    """The rows of tables whose first cell is code, by that code."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
        if re.fullmatch(r"`[^`]+`", cells[0]):
            found[cells[0].strip("`")] = cells[1:]
    return found


def written(default: Any) -> str:
    match default:
        case None | () | {}:
            return ""
        case bool():
            return str(default).lower()
        case _:
            return str(default)


SETTINGS = {
    f"WAITPOINT_{name.upper()}": (written(field.get_default(call_default_factory=True)), str(field.description))
    for name, field in Settings.model_fields.items()
}


def test_every_setting_is_documented_as_it_is() -> None:
    table = rows((REFERENCE / "settings.md").read_text())

    assert {name: (f"`{default}`" if default else "not set", says) for name, (default, says) in SETTINGS.items()} == {
        name: tuple(cells) for name, cells in table.items()
    }


def test_every_setting_is_in_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its sentence and its default; taken as it is, it changes nothing."""
    text = (ROOT / ".env.example").read_text()
    found = re.findall(r"^# (.+)\n# (WAITPOINT_\w+)=(.*)$", text, re.MULTILINE)
    assert SETTINGS == {name: (default, says) for says, name, default in found}

    for _, name, default in found:
        if default:
            monkeypatch.setenv(name, default)

    assert load() == Settings()


def test_every_metric_is_documented_as_it_is() -> None:
    table = {name: cells for name, cells in rows((REFERENCE / "metrics.md").read_text()).items() if "_" in name}

    assert METRICS == {name: cells[1] for name, cells in table.items()}


def test_every_command_is_documented() -> None:
    headings = re.findall(r"^## waitpoint (\w+)$", (REFERENCE / "commands.md").read_text(), re.MULTILINE)

    assert {*COMMANDS, "tokens", "runs"} == set(headings)
    assert len(headings) == len(set(headings))


def test_every_check_of_the_doctor_is_documented() -> None:
    section = (REFERENCE / "commands.md").read_text().partition("## waitpoint doctor")[2].partition("\n## ")[0]

    assert {*CHECKS, "database"} == set(rows(section))


@pytest.mark.parametrize("name", [*COMMANDS, "tokens", "runs"])
def test_every_example_of_a_command_is_understood(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Actions and options that the page shows are those that the command's own help shows."""
    text = (REFERENCE / "commands.md").read_text()
    for example in re.findall(rf"^waitpoint {name}\b(.*)$", text, re.MULTILINE):
        words = example.partition("#")[0].split()
        action = [words[0]] if words and re.fullmatch(r"[a-z]+", words[0]) and name not in {"backup", "serve"} else []
        help_text = typed(name, *action, "--help").stdout
        for option in re.findall(r"--[a-z-]+", example.partition("#")[0]):
            assert option in help_text, f"waitpoint {name}{example}"


def test_every_path_is_documented(shared_server: RunningServer) -> None:
    document = httpx.get(f"{shared_server.url}/schema/openapi.json").json()
    headings = re.findall(r"^## ([A-Z]+) (/\S+)$", (REFERENCE / "rest-api.md").read_text(), re.MULTILINE)

    described = {(m.upper(), path) for path, methods in document["paths"].items() for m in methods}
    assert described | NOT_JSON == set(headings)


def test_every_parameter_and_field_that_is_documented_exists(shared_server: RunningServer) -> None:
    document = httpx.get(f"{shared_server.url}/schema/openapi.json").text
    text = (REFERENCE / "rest-api.md").read_text()
    tables = [line for line in text.splitlines() if line.startswith("| `")]

    for line in tables:
        for name in re.findall(r"`([^`]+)`", line.split(" | ")[0]):
            assert name.partition(":")[0] in document


def test_every_request_of_the_page_works(shared_server: RunningServer) -> None:
    """Pasted into a shell, one after the other, each for a fresh token."""
    blocks = re.findall(r"```sh\n(.*?)```", (REFERENCE / "rest-api.md").read_text(), re.DOTALL)
    assert 14 == len(blocks)
    for block in blocks:
        token = httpx.post(f"{shared_server.url}{TOKENS}", headers=headers_of(ADAS_KEY), json={}).json()
        shell = without_our_settings(os.environ) | {
            "WAITPOINT_URL": shared_server.url,
            "WAITPOINT_SECRET_KEY": ADAS_KEY,
            "TOKEN": token["id"],
            "CALLBACK_URL": token["url"],
        }
        script = 'curl() { command curl --silent --show-error --fail "$@"; }\n' + block

        done = subprocess.run(["sh", "-c", script], env=shell, capture_output=True, text=True, check=False, timeout=20)

        assert 0 == done.returncode, f"{block}{done.stderr}"
        assert done.stdout.startswith("{")


def test_links_between_pages_lead_somewhere() -> None:
    pages = [REFERENCE / f"{name}.md" for name in ("settings", "commands", "metrics", "rest-api")]
    pages += [ROOT / "docs" / "how-to" / f"{name}.md" for name in ("self-host", "upgrade", "back-up")]
    for page in pages:
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([\w-]+))?\)", page.read_text()):
            there = (page.parent / target).resolve() if target else page
            assert there.exists(), f"{page.name}: {target}"
            if anchor:
                titles = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
                assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, anchor
