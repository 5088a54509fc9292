"""Lists and pages with a million tokens, against a thousand."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import msgspec

from . import filling, machine, servers
from .door import signed_in
from .figures import Report, against, milliseconds, quantile
from .filling import COMMON_TAG, PERIOD, RARE_TAG, key_of
from .load import drive, request
from .servers import AUTHORIZED, TOKENS, Server

FEW = 1_000
MANY = 1_000_000
REACH = 1.5

_BLOCK = 10  # requests to one server before it is the other's turn

_FILTERS: dict[str, dict[str, str]] = {
    "first page": {},
    "status WAITING": {"filter[status]": "WAITING"},
    "common tag": {"filter[tags]": COMMON_TAG},
    "rare tag": {"filter[tags]": RARE_TAG},
    "two tags": {"filter[tags]": f"{COMMON_TAG},{RARE_TAG}"},
    "status WAITING, common tag": {"filter[status]": "WAITING", "filter[tags]": COMMON_TAG},
    "status COMPLETED, rare tag": {"filter[status]": "COMPLETED", "filter[tags]": RARE_TAG},
    "two statuses": {"filter[status]": "WAITING,TIMED_OUT"},
    "last 30 days": {"filter[createdAt][period]": "30d"},
    "status WAITING, last 30 days": {"filter[status]": "WAITING", "filter[createdAt][period]": "30d"},
    "idempotency key": {"filter[idempotencyKey]": key_of(500)},
    "idempotency key, common tag": {"filter[idempotencyKey]": key_of(500), "filter[tags]": COMMON_TAG},
}
_PAGES: dict[str, dict[str, str]] = {
    "first page": {},
    "status waiting": {"status": "waiting"},
    "common tag": {"tags": COMMON_TAG},
    "rare tag": {"tags": RARE_TAG},
}


@dataclass
class Query:
    """One request to each of the two servers, and how long each answer took."""

    few: bytes
    many: bytes
    few_latencies: list[float] = field(default_factory=list)
    many_latencies: list[float] = field(default_factory=list)
    few_size: int = 0
    many_size: int = 0

    @property
    def ratio(self) -> float:
        return quantile(self.many_latencies, 0.5) / quantile(self.few_latencies, 0.5)


def measure(*, quick: bool) -> Iterator[Report]:
    """One table: every query on both servers in turns."""
    many_tokens = 100_000 if quick else MANY
    with (
        filling.mixed(FEW) as few_url,
        filling.mixed(many_tokens) as many_url,
        servers.waitpoint(few_url) as few,
        servers.waitpoint(many_url) as many,
    ):
        queries = _queries(few, many)
        for query in queries.values():
            _ask(query, few, many, rounds=3 if quick else 10)
        yield _report(queries, many_tokens)


def _queries(few: Server, many: Server) -> dict[str, Query]:
    listed = {f"list: {name}": Query(_list(filters), _list(filters)) for name, filters in _FILTERS.items()}
    listed["list: middle of all pages"] = Query(_middle(few), _middle(many))
    few_cookie, many_cookie = signed_in(few), signed_in(many)
    pages = {
        f"page: {name}": Query(_page(filters, few_cookie), _page(filters, many_cookie))
        for name, filters in _PAGES.items()
    }
    return listed | pages


def _list(filters: dict[str, str]) -> bytes:
    return request("GET", f"{TOKENS}?{urlencode(filters)}", AUTHORIZED)


def _middle(server: Server) -> bytes:
    """The page at a cursor in the middle of all tokens."""
    until = quote((datetime.now(UTC) - PERIOD / 2 + timedelta(minutes=1)).isoformat())
    _, body = server.ask("GET", f"{TOKENS}?filter[createdAt][to]={until}")
    return _list({"page[after]": msgspec.json.decode(body)["pagination"]["next"]})


def _page(filters: dict[str, str], cookie: str) -> bytes:
    return request("GET", f"/tokens?{urlencode(filters)}", {"accept": "text/html", "cookie": cookie})


def _ask(query: Query, few: Server, many: Server, *, rounds: int) -> None:
    for server, asked in ((few, query.few), (many, query.many)):
        drive(server.port, [asked] * _BLOCK, connections=1)
    for _ in range(rounds):
        answers = drive(few.port, [query.few] * _BLOCK, connections=1)
        query.few_latencies += answers.latencies
        query.few_size = len(answers.bodies[0])
        answers = drive(many.port, [query.many] * _BLOCK, connections=1)
        query.many_latencies += answers.latencies
        query.many_size = len(answers.bodies[0])


def _report(queries: dict[str, Query], many_tokens: int) -> Report:
    return Report(
        title=f"Lists with {many_tokens:,} tokens against {FEW:,} (SQLite)",
        how=(
            f"Two servers, one with {FEW:,} and one with {many_tokens:,} tokens of the last {PERIOD.days} days, asked in "
            f"turns in blocks of {_BLOCK} over one connection.\nThe rare tag is on 30 tokens in both, the common one on "
            f"every third. Ratio of the medians. {machine.pinning()}"
        ),
        columns=("query", f"{FEW:,}: p50", "p99", f"{many_tokens:,}: p50", "p99", "ratio", "answers"),
        rows=[_row(name, query) for name, query in queries.items()],
        figures={
            name: {"few": query.few_latencies, "many": query.many_latencies, "ratio": query.ratio}
            for name, query in queries.items()
        },
    )


def _row(name: str, query: Query) -> tuple[str, ...]:
    return (
        name,
        *(milliseconds(quantile(query.few_latencies, share)) for share in (0.5, 0.99)),
        *(milliseconds(quantile(query.many_latencies, share)) for share in (0.5, 0.99)),
        against(query.ratio, REACH, at_least=False),
        f"{query.few_size / 1000:.1f} and {query.many_size / 1000:.1f} kB",
    )
