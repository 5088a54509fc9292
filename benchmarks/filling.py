"""Databases that are already full: a million tokens, written in bulk through the app's own tables.

A filled SQLite file is kept for the day in `benchmarks/.cache` (git-ignored); every measurement gets a copy.
Tokens are written without their history in the event log, which no list reads.
"""

import random
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, create_engine, insert, text

from app import ids
from app.clock import from_milliseconds, to_milliseconds
from app.database.tables import Table
from app.tokens.models import COMPLETED, TIMED_OUT, WAITING, Token, hash_of
from tests.runs.crowds import Waiting, multiply, waiting_of

from . import machine, servers

COMMON_TAG = "moderation"  # on every third token
RARE_TAG = "recall"  # on thirty tokens, however many there are
PERIOD = timedelta(days=90)  # over which the tokens were created, evenly

_CACHE = machine.ROOT / "benchmarks" / ".cache"
_RARE = 30
_HELD = 10_000  # runs of one worker
_CHUNK = 20_000  # rows of one statement
_TOPICS = ("invoice", "refund", "onboarding", "deploy", "newsletter", "contract", "translation")


@contextmanager
def mixed(count: int) -> Iterator[str]:
    """A database of so many tokens as months of use leave them: one in ten waiting, most of them completed."""
    with _filled("mixed", count) as url:
        yield url


@contextmanager
def waiting(count: int) -> Iterator[str]:
    """A database of so many tokens that all wait, for another week and more."""
    with _filled("waiting", count) as url:
        yield url


@contextmanager
def waiting_runs(count: int) -> Iterator[tuple[str, list[Waiting]]]:
    """A database of so many waiting runs, copies of one that came to wait at a real worker; and those runs.

    Every ten thousand of them belong to one worker: `holder_of` its first says to which.
    """
    with servers.sqlite() as url:
        with servers.waitpoint(url) as server, servers.worker(server, "benchmarks.moderation"):
            run_id = _one_waiting_run(server)
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA synchronous = OFF")
            original = waiting_of(connection, run_id)
            runs = [original, *multiply(connection, run_id, count - 1)]
            for first in range(0, count, _HELD):
                held = [{"run": run.run_id, "owner": holder_of(first)} for run in runs[first : first + _HELD]]
                connection.execute(text("UPDATE runs SET owner = :owner WHERE id = :run"), held)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        yield url, runs


def holder_of(first: int) -> str:
    """The name of the worker that holds the runs from this number on."""
    return f"holder-{first // _HELD}"


def _one_waiting_run(server: servers.Server) -> str:
    _, answer = server.ask("POST", "/api/v1/tasks/moderation/trigger", {"payload": {"content": "Hello"}})
    run_id = str(msgspec.json.decode(answer)["id"])
    for _ in range(600):
        if msgspec.json.decode(server.ask("GET", f"/api/v3/runs/{run_id}")[1])["status"] == "WAITING":
            return run_id
        time.sleep(0.1)
    raise RuntimeError("the run did not come to wait")


@contextmanager
def _filled(kind: str, count: int) -> Iterator[str]:
    cached = _CACHE / f"{kind}-{count}-{datetime.now(UTC):%Y-%m-%d}-{_version()}.db"
    with servers.sqlite() as url:
        path = Path(url.removeprefix("sqlite:///"))
        if cached.exists():
            shutil.copyfile(cached, path)
        else:
            with servers.waitpoint(url):
                """It makes the tables and the default environment."""
            _fill(url, kind, count)
            _remember(path, cached, f"{kind}-{count}-*.db")
        yield url


def _version() -> str:
    """Changes with every migration, so that a cached file is never of another schema."""
    migrations = machine.ROOT / "app" / "database" / "migrations"
    return f"{zlib.crc32(b''.join(path.read_bytes() for path in sorted(migrations.rglob('*.py')))):08x}"


def _remember(path: Path, cached: Path, replaced: str) -> None:
    _CACHE.mkdir(exist_ok=True)
    for old in _CACHE.glob(replaced):
        old.unlink()
    unfinished = cached.with_suffix(".unfinished")
    shutil.copyfile(path, unfinished)
    unfinished.rename(cached)


def _fill(url: str, kind: str, count: int) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA synchronous = OFF")
        connection.exec_driver_sql("PRAGMA cache_size = -500000")
        environment_id = connection.execute(text("SELECT id FROM environments LIMIT 1")).scalar_one()
        for first in range(0, count, _CHUNK):
            tokens = [_token(kind, environment_id, n, count) for n in range(first, min(first + _CHUNK, count))]
            _insert(connection, tokens)
            connection.commit()
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


def _token(kind: str, environment_id: str, number: int, count: int) -> Token:
    """Token `number` of `count`, the oldest first. The same number always gives the same kind of token."""
    chance = random.Random(number)
    age = PERIOD * (1 - number / count)
    created_at = from_milliseconds(to_milliseconds(datetime.now(UTC) - age))
    status = WAITING if kind == "waiting" else chance.choices((WAITING, COMPLETED, TIMED_OUT), (10, 80, 10))[0]
    tags = [chance.choice(_TOPICS), f"customer-{chance.randrange(2_000)}"]
    if chance.random() < 1 / 3:
        tags.append(COMMON_TAG)
    if number % max(1, count // _RARE) == 0:
        tags.append(RARE_TAG)
    ends_after = timedelta(seconds=chance.randrange(1, 600))
    return Token(
        id=ids.new_id(ids.TOKEN_PREFIX, created_at),
        environment_id=environment_id,
        status=status,
        tags=tuple(tags),
        created_at=created_at,
        timeout_at=created_at + (ends_after if status == TIMED_OUT else PERIOD + timedelta(days=8)),
        completed_at=None if status == WAITING else created_at + ends_after,
        idempotency_key=key_of(number) if number % 10 == 0 else None,
        idempotency_key_expires_at=created_at + timedelta(hours=1) if number % 10 == 0 else None,
        output=_OUTPUTS[status],
        output_is_error=status == TIMED_OUT,
    )


def key_of(number: int) -> str:
    """The idempotency key of every tenth token."""
    return f"order-{number}"


_OUTPUTS = {
    WAITING: None,
    COMPLETED: '{"approved":true,"comment":"Looks good to me."}',
    TIMED_OUT: '{"code":"TRIGGER_WAITPOINT_TIMEOUT","message":"Waitpoint timed out"}',
}


def _insert(connection: Connection, tokens: list[Token]) -> None:
    token_table, tag_table = (Table.metadata.tables[name] for name in ("tokens", "token_tags"))
    connection.execute(insert(token_table), [_row(token) for token in tokens])
    tagged = [
        {"environment_id": token.environment_id, "tag": tag, "token_id": token.id, "status": token.status}
        for token in tokens
        for tag in token.tags
    ]
    connection.execute(insert(tag_table), tagged)


def _row(token: Token) -> dict[str, Any]:
    return msgspec.structs.asdict(token) | {
        "tags": msgspec.json.encode(token.tags).decode(),
        "idempotency_hash": None if token.idempotency_key is None else hash_of(token.idempotency_key),
    }
