"""Lists of runs are ranges of an index, on both databases, however many runs there are."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Select, event, text

from app.database.engines import parse_url, writing_engine
from app.runs import search
from app.runs.models import Run
from app.runs.search import Search
from tests.database.worlds import HandClock
from tests.runs.worlds import World

MANY = 20_000


@pytest.fixture
def crowd(database_url: str) -> Iterator[World]:
    """Every run carries the tag `all`, one in a thousand `few`, and nearly all are completed."""
    engine = writing_engine(parse_url(database_url))
    with engine.connect() as connection:
        world = World(connection, HandClock())
        for _ in range(2):
            world.trigger(tags=("all", "few"))
        model = world.trigger(tags=("all",))
        _multiply(connection, model)
        yield world
    engine.dispose()


def _multiply(connection: Connection, model: Run) -> None:
    """Many more of its kind, completed."""
    columns = [name for name in Run.__struct_fields__ if name not in {"id", "status"}]
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) "
    identity = "substr(id, 1, 20) || substr('000000000000' || i, -12)"
    if connection.dialect.name == "postgresql":
        identity = "left(id, 20) || lpad(i::text, 12, '0')"
    insert = "INSERT INTO runs (id, status, {0}) {1} SELECT {2}, 'COMPLETED', {0} FROM n, runs WHERE id = :id"
    connection.execute(text(insert.format(", ".join(columns), numbers, identity)), {"id": model.id})
    connection.execute(
        text(
            "INSERT INTO run_tags (run_id, tag, environment_id, status) "
            "SELECT id, 'all', environment_id, status FROM runs WHERE status = 'COMPLETED'"
        )
    )
    connection.commit()
    connection.execute(text("ANALYZE"))
    connection.commit()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Search(tags=("all",), statuses=("QUEUED",)), 3),
        (Search(tags=("all",)), 25),
        (Search(tags=("few",)), 2),
        (Search(tags=("few", "all"), statuses=("QUEUED",)), 3),
        (Search(tags=("few", "nobody", "all")), 25),
        (Search(tags=("nobody",)), 0),
        (Search(statuses=("COMPLETED",)), 25),
        (Search(), 25),
    ],
)
def test_a_page_is_a_range_of_an_index(crowd: World, wanted: Search, found: int) -> None:
    """No run is read that is not on the page, and none is sorted."""
    plans: list[str] = []

    def explain(connection: Connection, statement: Any, *_: Any) -> None:
        if isinstance(statement, Select):
            literal = statement.compile(connection.engine, compile_kwargs={"literal_binds": True})
            how = "EXPLAIN " if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
            rows = connection.exec_driver_sql(how + str(literal).replace("%%", "%")).all()
            plans.append("\n".join(str(row[-1]) for row in rows))

    event.listen(crowd.connection, "before_execute", explain)
    page = crowd.do(search.search, crowd.environment_id, wanted)
    event.remove(crowd.connection, "before_execute", explain)

    assert found == len(page.runs)
    assert any("ix_run_tags_status" in plan for plan in plans) or not wanted.tags, plans
    for plan in plans:
        assert "Seq Scan" not in plan, plan
        assert "Sort" not in plan, plan
        assert "SCAN" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


def test_tags_are_counted_by_their_index(crowd: World) -> None:
    """A run with several of them once."""

    def count(*tags: str) -> int:
        return crowd.do(search.count, crowd.environment_id, "QUEUED", Search(tags=tags)).number

    assert [3, 2, 3, 0] == [count("all"), count("few"), count("few", "all"), count("nobody")]
    assert (
        search.COUNT_LIMIT + 1
        == crowd.do(search.count, crowd.environment_id, "COMPLETED", Search(tags=("all",))).number
    )
