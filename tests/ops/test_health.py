"""`/healthz` says that the process lives, `/readyz` that it can do its work."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import httpx
import psycopg
from psycopg import sql

from tests.cast import ADAS_KEY, headers_of
from tests.databases import path_of
from tests.servers import RunningServer

TOKENS = "/api/v1/waitpoints/tokens"


def test_all_is_well(shared_server: RunningServer) -> None:
    alive, ready = httpx.get(f"{shared_server.url}/healthz"), httpx.get(f"{shared_server.url}/readyz")

    assert (200, {"status": "ok"}) == (alive.status_code, alive.json())
    assert (200, {"status": "ready"}) == (ready.status_code, ready.json())


def test_load_balancers_ask_under_whatever_name(shared_server: RunningServer) -> None:
    """A probe names the address of a container; nothing in the answer depends on it."""
    stranger = {"Host": "10.1.2.3:8000"}

    statuses = [
        httpx.get(f"{shared_server.url}{path}", headers=stranger).status_code for path in ("/healthz", "/readyz")
    ]
    page = httpx.get(f"{shared_server.url}/sign-in", headers=stranger)

    assert ([200, 200], 400) == (statuses, page.status_code)


def test_a_database_that_is_gone_and_comes_back(server: RunningServer) -> None:
    """Not ready within seconds, alive all the time, ready again without a restart; nothing hangs."""
    with gone(server.database_url):
        refused = httpx.post(f"{server.url}{TOKENS}", headers=headers_of(ADAS_KEY), json={}, timeout=10)
        ready = eventually(lambda: httpx.get(f"{server.url}/readyz", timeout=10), 503)
        alive = httpx.get(f"{server.url}/healthz", timeout=10)
        metrics = httpx.get(f"{server.url}/metrics", timeout=10)
    again = eventually(lambda: httpx.get(f"{server.url}/readyz", timeout=10), 200)
    created = httpx.post(f"{server.url}{TOKENS}", headers=headers_of(ADAS_KEY), json={}, timeout=10)

    assert 503 == refused.status_code
    assert "Retry-After" in refused.headers
    assert "application/problem+json" == ready.headers["content-type"]
    assert (503, 200, 200) == (ready.status_code, alive.status_code, metrics.status_code)
    assert "waitpoint_database_failed 1.0" in metrics.text
    assert (200, 200) == (again.status_code, created.status_code)


@contextmanager
def gone(url: str) -> Iterator[None]:
    """SQLite: another program holds the file. PostgreSQL: nobody may connect, and whoever was there is thrown out."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(path_of(url), isolation_level=None)) as other:
            other.execute("PRAGMA busy_timeout = 5000")
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url, dbname="postgres", autocommit=True) as admin:
        database = sql.Identifier(str(name))
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(database))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(database))


def eventually(ask: Callable[[], httpx.Response], status: int) -> httpx.Response:
    """The first answer of this status, or the last one within ten seconds."""
    deadline = time.monotonic() + 10
    while (answer := ask()).status_code != status and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer
