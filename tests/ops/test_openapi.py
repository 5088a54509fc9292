"""The description of the API is true: for the program that tries it out, and for the people who read it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.asgi import create_app
from app.opening import unopened_database
from app.ops.openapi import document
from app.settings import Settings
from tests.cast import ADAS_KEY
from tests.ops.test_reference import NOT_JSON
from tests.servers import RunningServer

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# A long poll for what still goes on would take its whole minute.
CONFIGURATION = """
[[operations]]
include-operation-id = "wait_for_token"
parameters = { "query.timeout" = "1s" }

[[operations]]
include-operation-id = "list_run_events"
parameters = { "query.timeout" = "1s" }
"""

# What no schema can say, so that a request may follow it and still be refused: a lifetime beside no key,
# an end before its beginning, a deadline beyond five years, NUL in a text.
BEYOND_A_SCHEMA = "positive_data_acceptance"


@pytest.mark.slow
def test_whatever_is_sent_the_answer_is_documented(shared_server: RunningServer, tmp_path: Path) -> None:
    """No 5xx, no status, header or shape that is not described, on both databases."""
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    command = [
        *(SCHEMATHESIS, "--config-file", tmp_path / "schemathesis.toml"),
        *("run", f"{shared_server.url}/schema/openapi.json", "--header", f"Authorization: Bearer {ADAS_KEY}"),
        *("--max-examples", "8", "--seed", "1", "--request-timeout", "20", "--no-color"),
        *("--exclude-checks", BEYOND_A_SCHEMA),
    ]

    done = subprocess.run(
        [str(word) for word in command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=230
    )

    assert 0 == done.returncode, done.stdout[-6000:]
    tried = re.search(r"(\d+) generated", done.stdout)
    assert tried is not None
    assert 300 < int(tried[1])


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The document, without a server."""
    return document(framework(tmp_path_factory.mktemp("described")), "https://wait.example.com")


def framework(folder: Path) -> Any:
    settings = Settings(database_url=f"sqlite:///{folder / 'w.db'}")
    edge = create_app(settings, unopened_database(settings), "https://wait.example.com")
    return edge._app._framework  # type: ignore[attr-defined]  # what stands behind the edge


def test_every_route_of_the_api_is_described(described: Any, tmp_path: Path) -> None:
    """A route that programs can ask and that nobody describes is a mistake. Forms and files are no JSON."""
    routes = {
        (method, route.path_format)
        for route in framework(tmp_path).routes
        if route.path.startswith(("/api/", "/engine/")) and hasattr(route, "route_handlers")
        for handler in route.route_handlers
        if not handler.opt.get("only_explains")
        for method in handler.http_methods
        if method in METHODS
    }
    in_document = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}

    assert routes - NOT_JSON == in_document


def test_every_reference_leads_somewhere(described: Any) -> None:
    for reference in set(re.findall(r"'\$ref': '#/([^']+)'", str(described))):
        place = described
        for part in reference.split("/"):
            place = place[part]


def test_every_operation_says_who_may_and_what_can_go_wrong(described: Any) -> None:
    for methods in described["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["security"] or operation["operationId"] == "call_back"
            assert {"200", "400", "401", "429", "503"} <= operation["responses"].keys()


def test_every_answer_counts_the_requests_that_are_left(described: Any, shared_server: RunningServer) -> None:
    """Documented headers are there."""
    answer = httpx.get(f"{shared_server.url}/api/v1/waitpoints/tokens", headers={"Authorization": f"Bearer {ADAS_KEY}"})
    promised = described["paths"]["/api/v1/waitpoints/tokens"]["get"]["responses"]["200"]["headers"]

    assert 3 == len(promised)
    assert promised.keys() <= answer.headers.keys()


def test_absent_is_never_null(described: Any) -> None:
    """What the SDK would turn into 1970."""
    schemas = described["components"]["schemas"]

    for name in ("ShownToken", "CompletedToken", "CreatedToken", "Pagination"):
        assert "null" not in str(schemas[name]["properties"])


def test_the_page_has_everything_and_needs_no_script(described: Any, shared_server: RunningServer) -> None:
    """It works offline, under the policy of all our pages."""
    page = httpx.get(f"{shared_server.url}/docs", follow_redirects=True)

    assert 200 == page.status_code
    assert "/docs/api" == page.url.path
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path, methods in described["paths"].items():
        assert path in page.text
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page.text
            for parameter in operation["parameters"]:
                assert f"<code>{parameter['name']}</code>" in page.text
    for shape in ("Spec", "Decision", "OnTimeout", "Step", "Diff"):
        assert f'id="shape_{shape}"' in page.text
        assert f'href="#shape_{shape}"' in page.text
    assert not re.search(
        r"<script(?![^>]*\bsrc=\"/static/)|<style|style=|\bon\w+=|https?://(?!127\.0\.0\.1)", page.text
    )


def test_the_document_is_the_same_for_everybody(shared_server: RunningServer) -> None:
    document = httpx.get(f"{shared_server.url}/schema/openapi.json").json()

    assert "3.1.0" == document["openapi"]
    assert [{"url": shared_server.url}] == document["servers"]
