"""What Prometheus is told. Numbers are gathered when they are asked for; only requests are counted on the way."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from ..database import Database, DatabaseUnavailable, Unit
from ..database.tables import table_of
from ..environments.models import EnvironmentRow
from ..events import head
from ..notifications import outbox
from ..tokens.models import IS_MANUAL, WAITING, TokenRow
from ..tokens.search import next_deadline
from .requests import BOUNDS, Requests

METRICS = {
    "waitpoint_server_info": "The version of this server, and its kind of database.",
    "waitpoint_http_requests_total": "Requests answered, by route, method and status; 0 when the caller had gone.",
    "waitpoint_http_request_duration_seconds": "How long requests took, by route and method.",
    "waitpoint_websockets_open": "Websockets that are open.",
    "waitpoint_tokens_waiting": "Tokens that wait for an answer, by environment.",
    "waitpoint_oldest_waiting_age_seconds": "Age of the oldest token that waits, by environment.",
    "waitpoint_sweeper_lateness_seconds": "How long the earliest deadline has been overdue; 0 when none is.",
    "waitpoint_mails_waiting": "Mails that are still to be sent, those for later included.",
    "waitpoint_mail_lateness_seconds": "How long the earliest mail has been due; 0 when none is.",
    "waitpoint_mails_failed": "Mails that were given up.",
    "waitpoint_events_total": "Events recorded in the log since the database was made.",
    "waitpoint_write_queue_depth": "Writes that wait for their turn.",
    "waitpoint_write_batch_size": "Writes that were committed together: their number, and how many batches.",
    "waitpoint_database_failed": "1 while the database cannot be read or written, else 0.",
}
"""Every metric of our own, with its meaning. `process_…` are the usual ones of Prometheus clients."""

_tokens, _environments = table_of(TokenRow), table_of(EnvironmentRow)
_HERE = (_tokens.c.environment_id == _environments.c.id, IS_MANUAL, _tokens.c.status == WAITING)
_NUMBER = select(func.count()).select_from(_tokens).where(*_HERE).correlate(_environments)
_OLDEST = select(_tokens.c.created_at).where(*_HERE).order_by(_tokens.c.id).limit(1).correlate(_environments)
_WAITING = select(
    _environments.c.slug, _NUMBER.scalar_subquery().label("tokens"), _OLDEST.scalar_subquery().label("oldest")
).order_by(_environments.c.created_at)
"""Of each environment how many tokens wait and when the oldest was made: two ranges of an index each, asked at once."""


class Waiting(msgspec.Struct, frozen=True):
    """What waits in one environment."""

    environment: str
    tokens: int
    oldest_age: float  # seconds


class Stored(msgspec.Struct, frozen=True):
    """What the database says at one instant."""

    waiting: list[Waiting]
    lateness: float  # seconds
    mails: outbox.Standing
    mail_lateness: float  # seconds
    events: int


def stored(db: Unit) -> Stored:
    """Count what is in the database. Reads ranges of indexes only."""
    deadline = next_deadline(db)
    waiting = [Waiting(row.slug, row.tokens, _age(db, row.oldest)) for row in db.execute(_WAITING)]
    number, _ = head(db)
    mails = outbox.standing(db)
    return Stored(waiting, _lateness(db, deadline), mails, _lateness(db, mails.next_due), number)


def _lateness(db: Unit, due: datetime | None) -> float:
    return 0.0 if due is None else max(0.0, (db.now - due).total_seconds())


def _age(db: Unit, oldest: datetime | None) -> float:
    return 0.0 if oldest is None else max(0.0, (db.now - oldest).total_seconds())


class Metrics:
    """The metrics of one server process, in a registry of their own."""

    def __init__(self, requests: Requests, database: Database) -> None:
        self._database = database
        self._numbers = _Numbers(requests, database)
        self._registry = CollectorRegistry()
        self._registry.register(self._numbers)
        ProcessCollector(registry=self._registry)

    async def text(self) -> bytes:
        """All numbers now, as Prometheus reads them. A database that fails is a number, too."""
        try:
            self._numbers.stored = await self._database.read(stored)
        except DatabaseUnavailable:
            self._numbers.stored = None
        return generate_latest(self._registry)


class _Numbers(Collector):
    def __init__(self, requests: Requests, database: Database) -> None:
        self.stored: Stored | None = None
        self._requests = requests
        self._database = database

    def describe(self) -> Iterator[Metric]:
        """Nothing: the registry need not ask for numbers to know our names."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        kind = "postgresql" if self._database.is_postgresql else "sqlite"
        yield InfoMetricFamily(
            "waitpoint_server",
            METRICS["waitpoint_server_info"],
            value={"version": version("waitpoint"), "database": kind},
        )
        yield from self._of_requests()
        yield from self._of_database()
        if self.stored is not None:
            yield from self._of_tokens(self.stored)

    def _of_requests(self) -> Iterator[Metric]:
        total = _counter("waitpoint_http_requests_total", ["route", "method", "status"])
        durations: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * (len(BOUNDS) + 1))
        seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        for (route, method, status), count in self._requests.counts.items():
            total.add_metric([route, method, str(status)], sum(count.buckets))
            together = durations[route, method]
            for index, number in enumerate(count.buckets):
                together[index] += number
            seconds[route, method] += count.seconds
        yield total
        histogram = HistogramMetricFamily(
            "waitpoint_http_request_duration_seconds",
            METRICS["waitpoint_http_request_duration_seconds"],
            labels=["route", "method"],
        )
        for (route, method), buckets in durations.items():
            histogram.add_metric([route, method], _cumulative(buckets), seconds[route, method])
        yield histogram
        yield _gauge("waitpoint_websockets_open", self._requests.open_sockets)

    def _of_database(self) -> Iterator[Metric]:
        database = self._database
        yield _gauge("waitpoint_write_queue_depth", database.depth)
        sizes = SummaryMetricFamily("waitpoint_write_batch_size", METRICS["waitpoint_write_batch_size"])
        sizes.add_metric([], count_value=database.batches, sum_value=database.writes)
        yield sizes
        yield _gauge("waitpoint_database_failed", int(database.failure is not None or self.stored is None))

    def _of_tokens(self, stored: Stored) -> Iterator[Metric]:
        waiting = _gauge("waitpoint_tokens_waiting", None, ["environment"])
        oldest = _gauge("waitpoint_oldest_waiting_age_seconds", None, ["environment"])
        for each in stored.waiting:
            waiting.add_metric([each.environment], each.tokens)
            oldest.add_metric([each.environment], each.oldest_age)
        yield waiting
        yield oldest
        yield _gauge("waitpoint_sweeper_lateness_seconds", stored.lateness)
        yield _gauge("waitpoint_mails_waiting", stored.mails.waiting)
        yield _gauge("waitpoint_mail_lateness_seconds", stored.mail_lateness)
        yield _gauge("waitpoint_mails_failed", stored.mails.failed)
        events = _counter("waitpoint_events_total", [])
        events.add_metric([], stored.events)
        yield events


def _gauge(name: str, value: float | None, labels: list[str] | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, METRICS[name], value=value, labels=labels)


def _counter(name: str, labels: list[str]) -> CounterMetricFamily:
    return CounterMetricFamily(name.removesuffix("_total"), METRICS[name], labels=labels)


def _cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    """Prometheus counts each bucket with all that are smaller."""
    total = 0
    result: list[tuple[str, float]] = []
    for bound, number in zip([*map(str, BOUNDS), "+Inf"], buckets, strict=True):
        total += number
        result.append((bound, total))
    return result
