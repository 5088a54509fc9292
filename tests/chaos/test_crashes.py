"""What was acknowledged is there after a crash, unaltered. `CRASH_CYCLES=50` for more than a glimpse."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.crashrun import ANSWER_LIMIT, Report, run, victim_on
from tests.chaos.journal import Journal, judge
from tests.database.worlds import complete as answer
from tests.database.worlds import create, environment_in, opened
from tests.databases import path_of

SQLITE_CYCLES = int(os.environ.get("CRASH_CYCLES", "6"))
POSTGRESQL_CYCLES = max(3, SQLITE_CYCLES // 5)
LEAST_PER_CYCLE = 20  # acknowledged completions: fewer, and the run proves nothing


@pytest.mark.slow
@pytest.mark.timeout(300 + 15 * SQLITE_CYCLES)
def test_nothing_acknowledged_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    """Thirty-two clients create and complete; the server is killed, and started again, and again."""
    with victim_on("sqlite", tmp_path) as victim:
        report = run(victim, SQLITE_CYCLES, tmp_path, seed=22)

    _holds(report, SQLITE_CYCLES)


@pytest.mark.slow
@pytest.mark.timeout(300 + 15 * POSTGRESQL_CYCLES)
def test_nothing_acknowledged_is_lost_when_postgresql_is_stopped_at_once(tmp_path: Path) -> None:
    """The server goes on; it answers every request in time meanwhile, and writes again without a restart."""
    with victim_on("postgresql", tmp_path) as victim:
        report = run(victim, POSTGRESQL_CYCLES, tmp_path, seed=22)

    _holds(report, POSTGRESQL_CYCLES)
    assert report.slowest_answer <= ANSWER_LIMIT
    assert max(report.seconds_to_recover) <= 10


def _holds(report: Report, cycles: int) -> None:
    print(report)
    assert report.verdict.is_good, report.verdict
    assert cycles == report.cycles
    assert report.completed >= LEAST_PER_CYCLE * cycles


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        ("DELETE FROM token_tags; DELETE FROM tokens", "lost"),
        ("UPDATE tokens SET status = 'WAITING', output = NULL", "lost"),
        ("UPDATE tokens SET output = '\"other\"'", "altered"),
        ("UPDATE tokens SET tags = '[\"other\"]'", "altered"),
        ("DELETE FROM events WHERE kind = 'token.completed'", "impossible"),
        ("UPDATE events SET seq = seq + 10 WHERE seq = (SELECT max(seq) FROM events)", "impossible"),
        ("INSERT INTO token_tags VALUES ('waitpoint_nobody', 'tag', 'environment', 'WAITING')", "impossible"),
    ],
)
async def test_the_judge_sees_every_harm(sqlite_url: str, tmp_path: Path, harm: str, finding: str) -> None:
    """The control of the runs above: a database that did lose or alter something is found out."""
    journal = Journal(tmp_path / "journal")
    async with opened(sqlite_url) as database:
        environment_id = await environment_in(database)
        token = (await create(database, environment_id, tags=("tag",))).token
        journal.was_created(token.id, ["tag"])
        journal.about_to_complete(token.id, "yes")
        await answer(database, environment_id, token.id, '"yes"')
        journal.was_completed(token.id, "yes")
    assert judge(journal, sqlite_url).is_good

    with closing(sqlite3.connect(path_of(sqlite_url))) as connection:
        connection.executescript(harm)

    assert getattr(judge(journal, sqlite_url), finding)
    journal.close()
