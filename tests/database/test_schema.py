"""The schema: migrations lead to what the models say, from anywhere, and never twice."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from app import models as _models  # noqa: F401 - every table must be known
from app.database import migrating, schema
from app.database.engines import parse_url, writing_engine
from app.database.schema import WrongSchema
from tests.databases import DatabaseMaker, path_of
from tests.servers import WAITPOINT, without_our_settings


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = writing_engine(parse_url(url))
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    """The engine of a database without a single table."""
    with engine_of(empty_database_url) as engine:
        yield engine


def test_a_migrated_database_is_what_the_models_say(engine: Engine) -> None:
    """Nobody can change a model without a migration, or a migration without a model."""
    schema.migrate(engine)

    with engine.connect() as connection:
        assert [] == migrating.differences(connection)
    schema.check(engine)


def test_a_difference_would_be_seen(engine: Engine) -> None:
    """The control of the claim above."""
    schema.migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE tokens ADD COLUMN forgotten TEXT"))
        connection.execute(text("DROP INDEX ix_token_tags_status"))

    with engine.connect() as connection:
        kinds = {str(difference[0]) for difference in migrating.differences(connection)}  # type: ignore[index]
    assert {"remove_column", "add_index"} <= kinds


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    """`waitpoint migrate` may be run as often as one likes."""
    schema.migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE log_head SET seq = 7"))

    schema.migrate(engine)

    with engine.connect() as connection:
        assert 7 == connection.execute(text("SELECT seq FROM log_head")).scalar_one()


def test_every_migration_can_be_taken_back_and_done_again(engine: Engine) -> None:
    """Down to nothing, step by step, and up again to the same schema."""
    schema.migrate(engine)
    with engine.begin() as connection:
        for _ in schema.revisions():
            command.downgrade(migrating.config(connection), "-1")
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}

    schema.migrate(engine)

    with engine.connect() as connection:
        assert [] == migrating.differences(connection)


def test_migrations_are_one_line(engine: Engine) -> None:
    """No two migrations follow the same one, and their files are numbered as they follow each other."""
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(migrating.config(connection))

    assert [*schema.revisions()] == [each.revision for each in script.walk_revisions()][::-1]
    assert [schema.revisions()[-1]] == script.get_heads()


def test_a_start_on_the_own_version_needs_no_alembic(database_url: str) -> None:
    """Importing it takes longer than everything else that a start does with the database."""
    program = "import sys; from app.opening import *; from app.settings import Settings; "
    program += f"open_database(Settings(database_url={database_url!r})); print('alembic' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)

    assert "False\n" == done.stdout


def test_a_migration_that_fails_leaves_nothing_behind(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both databases take table definitions back with the transaction, so the next attempt begins cleanly."""
    upgrade = command.upgrade

    def fails_at_the_end(config: object, revision: str) -> None:
        upgrade(config, revision)  # type: ignore[arg-type]
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", fails_at_the_end)
        with pytest.raises(ZeroDivisionError):
            schema.migrate(engine)
    with engine.connect() as connection:
        assert [] == inspect(connection).get_table_names()

    schema.migrate(engine)


def test_an_older_schema_is_named_with_the_command_that_mends_it(engine: Engine) -> None:
    """PostgreSQL is not migrated behind the back of the other servers."""
    with pytest.raises(WrongSchema, match="older schema: run `waitpoint migrate` first"):
        schema.check(engine)


def test_a_newer_schema_is_refused(engine: Engine) -> None:
    """A server that does not know it does not touch it."""
    schema.migrate(engine)
    _pretend_to_be_newer(engine)

    with pytest.raises(WrongSchema, match="newer schema"):
        schema.check(engine)
    with pytest.raises(WrongSchema, match="newer schema"):
        schema.migrate(engine)


def _pretend_to_be_newer(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))


class TestAsTyped:
    """The same, by the commands."""

    def test_two_processes_may_migrate_at_once(self, empty_database_url: str) -> None:
        """One waits for the other, or says who is at it; the schema comes out whole."""
        running = [waitpoint("migrate", empty_database_url) for _ in range(2)]
        said = [process.communicate(timeout=60)[0] for process in running]
        codes = [process.returncode for process in running]

        if empty_database_url.startswith("sqlite"):
            assert 0 in codes
            assert set(codes) <= {0, 2}
        else:
            assert {0} == set(codes), said
        with engine_of(empty_database_url) as engine, engine.connect() as connection:
            assert [] == migrating.differences(connection)

    def test_serve_refuses_a_newer_schema_with_a_sentence(self, database_url: str) -> None:
        """Exit code 2, one sentence, no traceback."""
        with engine_of(database_url) as engine:
            _pretend_to_be_newer(engine)

        process = waitpoint("serve", database_url, "--port", "0")

        output = process.communicate(timeout=60)[0]
        assert 2 == process.returncode
        assert "the database has a newer schema (9999): use a newer waitpoint" in output
        assert "Traceback" not in output

    def test_serve_on_postgresql_asks_for_the_migration(self, make_database: DatabaseMaker) -> None:
        """SQLite is migrated by the server that owns it; PostgreSQL by whoever says so."""
        with make_database("postgresql", migrated=False) as url:
            process = waitpoint("serve", url, "--port", "0")

            assert "run `waitpoint migrate` first" in process.communicate(timeout=60)[0]
            assert 2 == process.returncode


def waitpoint(command: str, url: str, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**without_our_settings(os.environ), "WAITPOINT_DATABASE_URL": url}
    return subprocess.Popen(
        [WAITPOINT, command, *arguments],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


class TestConnections:
    """What every connection is told, whatever the database's own settings are."""

    def test_sqlite_waits_for_the_disk(self, sqlite_url: str) -> None:
        """A commit that was acknowledged survives a power cut: WAL, and FULL."""
        with engine_of(sqlite_url) as engine, engine.connect() as connection:
            asked = {
                name: _ask(connection, f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")
            }
        assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1} == asked

    def test_postgresql_waits_for_the_disk_and_for_nobody_for_long(self, postgresql_url: str) -> None:
        """Even where a role or a database is set to be careless."""
        with psycopg.connect(postgresql_url, autocommit=True) as careless:
            careless.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
            careless.execute("ALTER ROLE CURRENT_USER SET default_transaction_isolation = 'serializable'")
        try:
            with engine_of(postgresql_url) as engine, engine.connect() as connection:
                asked = {
                    name: _ask(connection, f"SHOW {name}")
                    for name in ("synchronous_commit", "transaction_isolation", "lock_timeout", "statement_timeout")
                }
        finally:
            with psycopg.connect(postgresql_url, autocommit=True) as careless:
                careless.execute("ALTER ROLE CURRENT_USER RESET ALL")
        assert "on" == asked["synchronous_commit"]
        assert "read committed" == asked["transaction_isolation"]
        assert ("3s", "4s") == (asked["lock_timeout"], asked["statement_timeout"])

    def test_a_file_of_an_unknown_kind_is_not_written_to(self, sqlite_url: str) -> None:
        """A file that is no database is refused with a sentence, and left as it is."""
        path = path_of(sqlite_url)
        path.write_bytes(b"Dear diary, " * 1000)

        process = waitpoint("serve", sqlite_url, "--port", "0")

        output = process.communicate(timeout=60)[0]
        assert 2 == process.returncode
        assert "damaged" in output or "not a database" in output
        assert b"Dear diary, " * 1000 == path.read_bytes()


def _ask(connection: Connection, question: str) -> object:
    return connection.exec_driver_sql(question).scalar_one()


def test_the_journal_of_a_file_stays_small(sqlite_url: str) -> None:
    """The writer checkpoints; readers never do (a second one that did would meet the WAL-reset bug of SQLite)."""
    with closing(sqlite3.connect(path_of(sqlite_url))) as connection:
        assert ("wal",) == connection.execute("PRAGMA journal_mode").fetchone()
