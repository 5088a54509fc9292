"""What the steps of errands have left behind, held against what the server has recorded of them."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from app.admin.doctor import _RULES
from tests.chaos.journal import damage_in
from tests.databases import path_of

# The calls of an errand, by their positions.
STEPS = {"1": 1, "3": 2, "5": 3, "6": 4, "8": 5}
OTHERS = {"2": "create_token", "4": "wait", "7": "sleep"}
_RANKS = {1: 1, 2: 2, 3: 3, 4: 3, 5: 4}  # parts 3 and 4 go side by side

Trace = dict[str, Any]


@dataclass
class Book:
    """What those outside were promised: the runs that were triggered, the answers that were taken."""

    triggered: dict[int, str] = field(default_factory=dict)
    answered: dict[str, str] = field(default_factory=dict)


@dataclass
class Recorded:
    """What the database says of one run."""

    id: str
    status: str
    output: Any
    journal: dict[str, tuple[str, Any]] = field(default_factory=dict)


def traces_in(ledger: Path) -> list[Trace]:
    return [json.loads(line) for line in ledger.read_text().splitlines()]


def findings(book: Book, traces: Sequence[Trace], url: str) -> list[str]:
    """Everything that should not be. The runs must have come to their ends."""
    runs, tokens, broken = _stored(url)
    by_run = defaultdict(list)
    for trace in traces:
        by_run[trace["run"]].append(trace)
    found = [f"the run of errand {number} is lost" for number, run_id in book.triggered.items() if run_id not in runs]
    if runs.keys() - {*book.triggered.values()}:
        found.append("there are runs that nobody was told of")
    for token_id, answer in book.answered.items():
        if tokens.get(token_id) != ("COMPLETED", json.dumps(answer)):
            found.append(f"the answer to {token_id} is lost: {tokens.get(token_id)}")
    for number, run_id in book.triggered.items():
        if run_id in runs:
            found += _of_run(number, runs[run_id], by_run[run_id], book)
    return found + broken + damage_in(url)


def repeated(traces: Iterable[Trace]) -> int:
    """How many steps were begun again because the record of the first time was not made."""
    times = Counter((trace["run"], trace["part"]) for trace in traces)
    return sum(count - 1 for count in times.values())


def _of_run(number: int, run: Recorded, traces: list[Trace], book: Book) -> Iterator[str]:
    if run.status != "COMPLETED":
        yield f"{run.id} is {run.status}"
        return
    names = {position: name for position, (name, _) in run.journal.items()}
    if names.keys() != STEPS.keys() | OTHERS.keys():
        yield f"{run.id} has the records {sorted(names)}"
        return
    yield from _repeats_in(run.id, traces)
    gave = {part: run.journal[position][1] for position, part in STEPS.items()}
    tokens = {trace["token"] for trace in traces if trace["part"] == 2}
    answer = book.answered.get(next(iter(tokens), ""))
    if len(tokens) != 1 or answer is None:
        yield f"{run.id} made the tokens {tokens}"
        return
    given = {1: str(number), 2: gave[1], 3: gave[2] + answer, 4: gave[2] + answer, 5: gave[3] + gave[4]}
    for part, result in gave.items():
        mine = [trace for trace in traces if trace["part"] == part]
        if result not in {trace["gave"] for trace in mine}:
            yield f"{run.id}: nobody gave what is recorded of part {part}"
        if {trace["given"] for trace in mine} != {given[part]}:
            yield f"{run.id}: part {part} was given something else than is recorded before it"
    if run.output != [gave[1], gave[2], answer, gave[3], gave[4], gave[5]]:
        yield f"{run.id} has an output of its own: {run.output}"


def _repeats_in(run_id: str, traces: list[Trace]) -> Iterator[str]:
    """A part begins when those before it are recorded, and nothing recorded is done again."""
    reached = 0
    for trace in traces:
        rank = _RANKS[trace["part"]]
        if rank < reached:
            yield f"{run_id}: part {trace['part']} was done again after it was recorded"
        reached = max(reached, rank)


def _stored(url: str) -> tuple[dict[str, Recorded], dict[str, tuple[str, str]], list[str]]:
    queries = {
        "runs": "SELECT id, status, output FROM runs",
        "checkpoints": "SELECT run_id, position, name, result FROM checkpoints",
        "tokens": "SELECT id, status, output FROM tokens",
    }
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(path_of(url))) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            rows = {name: connection.execute(query).fetchall() for name, query in queries.items()}
            broken = [says for rule, says in _RULES.items() if connection.execute(rule).fetchone()[0]]
    else:
        with psycopg.connect(url) as database:
            rows = {name: database.execute(query).fetchall() for name, query in queries.items()}
            broken = [says for rule, says in _RULES.items() if (database.execute(rule).fetchone() or [0])[0]]
    runs = {row[0]: Recorded(row[0], row[1], row[2] and json.loads(row[2])) for row in rows["runs"]}
    for run_id, position, name, result in rows["checkpoints"]:
        runs[run_id].journal[position] = (name, result and json.loads(result))
    return runs, {token_id: (status, output) for token_id, status, output in rows["tokens"]}, broken
