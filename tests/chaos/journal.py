"""What the server has promised, written down by those to whom it promised, and held against what is stored."""

import json
import os
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.databases import path_of


class Journal:
    """Every 2xx that a client was given, on disk before the client goes on; and what it was about to ask."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self.created: dict[str, list[str]] = {}
        self.completed: dict[str, Any] = {}
        self.asked: dict[str, Any] = {}
        self.creates_in_doubt = 0

    def about_to_complete(self, token_id: str, output: object) -> None:
        self.asked[token_id] = output

    def was_created(self, token_id: str, tags: list[str]) -> None:
        self._write("created", token_id, tags)
        self.created[token_id] = tags

    def was_completed(self, token_id: str, output: object) -> None:
        self._write("completed", token_id, output)
        self.completed[token_id] = output

    def create_lost_its_answer(self) -> None:
        self.creates_in_doubt += 1

    def close(self) -> None:
        os.close(self._file)

    def _write(self, what: str, token_id: str, value: object) -> None:
        os.write(self._file, json.dumps([what, token_id, value]).encode() + b"\n")
        os.fdatasync(self._file)


@dataclass
class Verdict:
    """What became of the promises. All is well when nothing is listed."""

    lost: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    impossible: list[str] = field(default_factory=list)
    in_doubt_stored: int = 0
    in_doubt_not_stored: int = 0

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.altered or self.impossible)


def judge(journal: Journal, url: str) -> Verdict:
    """Hold the journal against the database: every acknowledged row is there and unaltered, every other is explained."""
    rows, events = _stored(url)
    verdict = Verdict()
    for token_id, tags in journal.created.items():
        if token_id not in rows:
            verdict.lost.append(f"created {token_id}")
        elif json.loads(rows[token_id]["tags"]) != tags:
            verdict.altered.append(f"tags of {token_id}")
    for token_id, output in journal.asked.items():
        _judge_answer(verdict, token_id, output, rows.get(token_id), acknowledged=token_id in journal.completed)
    unexplained = len(rows.keys() - journal.created.keys())
    if unexplained > journal.creates_in_doubt:
        verdict.impossible.append(f"{unexplained} tokens that nobody was told of, {journal.creates_in_doubt} explained")
    _judge_events(verdict, rows, events)
    verdict.impossible += damage_in(url)
    return verdict


def damage_in(url: str) -> list[str]:
    """What a database finds wrong with itself."""
    if not url.startswith("sqlite"):
        return []
    with closing(sqlite3.connect(path_of(url))) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        return found + [str(row) for row in connection.execute("PRAGMA foreign_key_check")]


def _judge_answer(
    verdict: Verdict, token_id: str, output: object, row: dict[str, Any] | None, *, acknowledged: bool
) -> None:
    if row is None:
        verdict.lost.append(f"answered {token_id}")
    elif row["status"] == "COMPLETED":
        if json.loads(row["output"]) != output:
            verdict.altered.append(f"output of {token_id}")
        verdict.in_doubt_stored += not acknowledged
    elif acknowledged:
        verdict.lost.append(f"answer of {token_id}")
    elif row["status"] == "WAITING" and row["output"] is None:
        verdict.in_doubt_not_stored += 1
    else:
        verdict.impossible.append(f"{token_id} is {row['status']} with output {row['output']}")


def _judge_events(verdict: Verdict, rows: dict[str, dict[str, Any]], events: list[tuple[int, str, str]]) -> None:
    numbers = [number for number, _, _ in events]
    if numbers != list(range(1, len(numbers) + 1)):
        verdict.impossible.append("the numbers of the log have gaps")
    told = Counter((kind, subject) for _, kind, subject in events)
    for token_id, row in rows.items():
        completions = 1 if row["status"] == "COMPLETED" else 0
        if (told["token.created", token_id], told["token.completed", token_id]) != (1, completions):
            verdict.impossible.append(f"the log tells another story of {token_id}")


def _stored(url: str) -> tuple[dict[str, dict[str, Any]], list[tuple[int, str, str]]]:
    tokens = "SELECT id, status, output, tags FROM tokens"
    events = "SELECT seq, kind, subject FROM events ORDER BY seq"
    if url.startswith("sqlite"):
        # A third connection beside a running server may read, and must neither write nor checkpoint.
        with closing(sqlite3.connect(path_of(url))) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            found, log = connection.execute(tokens).fetchall(), connection.execute(events).fetchall()
    else:
        with psycopg.connect(url) as database:
            found, log = database.execute(tokens).fetchall(), database.execute(events).fetchall()
    names = ("id", "status", "output", "tags")
    return {row[0]: dict(zip(names, row, strict=True)) for row in found}, log
