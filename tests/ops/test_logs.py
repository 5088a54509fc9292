"""Everything is done once with marked secrets; afterwards no mark is found where it does not belong."""

import contextlib
import json
import re
import socket
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from app.logs import Discretion
from tests.cast import ADAS_KEY, CLEOS_KEY, NOBODYS_KEY, headers_of
from tests.databases import DatabaseMaker, path_of
from tests.fixtures import KINDS
from tests.ops.conftest import typed
from tests.servers import RunningServer

TOKENS = "/api/v1/waitpoints/tokens"
BODY = "canary-body-4711"
SHELL_PATH = "canary-path-4712"


@pytest.fixture(scope="module", params=KINDS)
def story(
    request: pytest.FixtureRequest, make_database: DatabaseMaker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningServer, dict[str, str]]]:
    """A server after a busy day, with its secrets by name."""
    with make_database(request.param) as url:
        server = RunningServer(url, tmp_path_factory.mktemp("story"), {"WAITPOINT_LOG_REQUESTS": "true"})
        server.start()
        try:
            yield server, busy_day(server)
        finally:
            server.stop()


def busy_day(server: RunningServer) -> dict[str, str]:
    """Use every door, rightly and wrongly, and tell the secrets that were used."""
    ada = httpx.Client(base_url=server.url, headers=headers_of(ADAS_KEY))
    created = ada.post(TOKENS, json={"tags": [BODY], "timeout": "1h"}).json()
    token, access, callback = created["id"], created["publicAccessToken"], httpx.URL(created["url"])

    ada.post(f"{TOKENS}/{token}/complete", content=f'{{"data": "{BODY}"')
    ada.post(f"{TOKENS}/{token}/complete", json={"wrong": BODY})
    ada.get(f"{TOKENS}?filter[status]={BODY}")
    httpx.get(f"{server.url}{TOKENS}", headers=headers_of(NOBODYS_KEY))
    httpx.get(f"{server.url}{TOKENS}?api_key={ADAS_KEY}")
    httpx.get(f"{server.url}/approve/{token}", params={"token": access}, follow_redirects=True)
    httpx.post(f"{server.url}{TOKENS}/{token}/complete", headers=headers_of(access), json={"data": BODY})
    httpx.get(server.url + callback.path)
    httpx.post(server.url + callback.path, content=BODY)
    ada.post("/api/v1/auth/public-tokens", json={"scopes": [BODY]})
    httpx.get(f"{server.url}/{SHELL_PATH}")
    for path in (f"/api/v1/realtime?token={access}", f"/{SHELL_PATH}", f"/approve/{token}/live?token={access}"):
        with (
            contextlib.suppress(WebSocketException, OSError, TimeoutError),
            connect(
                server.url.replace("http", "ws") + path, additional_headers=headers_of(ADAS_KEY), open_timeout=5
            ) as line,
        ):
            line.send(json.dumps({"type": "auth", "token": access}))
            line.recv(timeout=0.3)
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(f"GET /{SHELL_PATH} HTTP/9.9\r\n\r\n".encode())
        raw.recv(1000)
    link, cookie = sign_in(server)
    new_key = json.loads(typed("keys", "new", "--name", "x", "--json", database_url=server.database_url).stdout)["key"]
    ada.close()
    return {
        "Ada's key": ADAS_KEY,
        "Cleo's key": CLEOS_KEY,
        "a wrong key": NOBODYS_KEY,
        "a new key": new_key,
        "a public access token": access,
        "its signature": access.rpartition(".")[2],
        "a callback hash": callback.path.rpartition("/")[2],
        "a sign-in link": link,
        "a cookie": cookie,
    }


def sign_in(server: RunningServer) -> tuple[str, str]:
    url = json.loads(typed("people", "link", "--json", database_url=server.database_url).stdout)["url"]
    path = httpx.URL(url).path
    with httpx.Client(base_url=server.url) as browser:
        browser.get(path)
        answer = browser.post(path, headers={"origin": server.url, "sec-fetch-site": "same-origin"})
        browser.get("/tokens")
        cookie = next(
            value for name, value in [*answer.cookies.items(), *browser.cookies.items()] if "waitpoint" in name
        )
        browser.post("/sign-out", headers={"origin": server.url, "sec-fetch-site": "same-origin"})
    return path.rpartition("/")[2], cookie


def test_no_secret_is_in_the_log(story: tuple[RunningServer, dict[str, str]]) -> None:
    """Keys, tokens, hashes, links, cookies, bodies, and paths that may hold any of them."""
    server, secrets = story

    found = [
        name for name, secret in (secrets | {"a body": BODY, "a path": SHELL_PATH}).items() if secret in server.log
    ]

    assert [] == found
    assert 15 < server.log.count('"event": "request"')
    assert f"{TOKENS}/{{token_id}}/callback/{{digest}}" in server.log


def test_every_line_of_the_log_can_be_read_by_a_machine(story: tuple[RunningServer, dict[str, str]]) -> None:
    server, _ = story
    lines = [line for line in server.log.splitlines() if line.startswith("{")]

    assert all({"event", "level", "timestamp"} <= json.loads(line).keys() for line in lines)


def test_the_database_holds_hashes_only(story: tuple[RunningServer, dict[str, str]]) -> None:
    """What signs (the secrets of public access tokens, sessions and callback URLs) lives there, nothing that was signed."""
    server, secrets = story

    everything = everything_in(server.database_url)

    assert [] == [name for name, secret in secrets.items() if secret.encode() in everything]
    assert BODY.encode() in everything


def test_no_secret_is_in_a_backup_or_in_the_metrics(
    story: tuple[RunningServer, dict[str, str]], tmp_path: Path
) -> None:
    server, secrets = story
    texts = httpx.get(f"{server.url}/metrics").content
    if server.database_url.startswith("sqlite"):
        assert 0 == typed("backup", str(tmp_path / "b.db"), database_url=server.database_url).returncode
        texts += (tmp_path / "b.db").read_bytes()

    assert [] == [name for name, secret in secrets.items() if secret.encode() in texts]


def test_an_exception_does_not_speak_for_itself() -> None:
    """Its own words, and the variables around it, may be what somebody sent."""
    line = logged(Discretion(quotes=False))

    assert "builtins.ValueError" in line
    assert "test_logs.py" in line
    assert "hunter2" not in line


def test_a_developer_may_hear_it() -> None:
    assert "hunter2" in logged(Discretion(quotes=True))


def logged(discretion: Discretion) -> str:
    secret = "hunter2"
    try:
        try:
            raise KeyError(secret)
        except KeyError:
            raise ValueError(f"cannot use {secret}")  # noqa: B904 - the chain is the point
    except ValueError:
        return str(discretion(None, "error", {"event": "x", "exc_info": sys.exc_info()})["exception"])


def everything_in(url: str) -> bytes:
    if url.startswith("sqlite"):
        path = path_of(url)
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            rows = "\n".join(database.iterdump()).encode()
        files = [path, *path.parent.glob(f"{path.name}-*")]
        return rows + b"".join(file.read_bytes() for file in files)
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows_of = [
            connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))) for (name,) in tables
        ]
        return "\n".join(str(row) for result in rows_of for row in result).encode()


def test_the_marks_would_be_found(story: tuple[RunningServer, dict[str, str]]) -> None:
    """A test that looks for nothing finds nothing: the secrets are what they should be."""
    _, secrets = story

    assert re.fullmatch(r"[0-9a-f]{64}", secrets["a callback hash"])
    assert 3 == len(secrets["a public access token"].split("."))
    assert 3 == len(secrets["a cookie"].split("."))
    assert 40 < len(secrets["a sign-in link"])
    assert all(len(secret) > 20 for secret in secrets.values())
