"""Create and complete per second, durable, against an empty Litestar handler."""

import http.client
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

import msgspec

from . import machine, servers
from .empty import Sample, Samples
from .figures import Report, Spread, against, milliseconds, quantile, readable
from .load import Answers, UnexpectedAnswer, drive, request
from .servers import AUTHORIZED, TOKENS, Server

CONNECTIONS = 32
CREATE_BODY = {"timeout": "1h", "tags": ["benchmark", "moderation"]}
COMPLETE_BODY = {"data": {"approved": True, "comment": "Looks good to me."}}
CREATE = request("POST", TOKENS, AUTHORIZED, CREATE_BODY)
REACH = 0.5

_QUIET = 0.15  # cores: with more in use by others, figures per second say little

# The three kinds of requests that are compared.
_KINDS = ("create", "complete", "complete with a public access token")
# What uvicorn and Litestar write by themselves, for the empty handler too.
_OWN_HEADERS = {"content-length", "content-type", "date", "server"}
_DATABASES: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "SQLite": servers.sqlite,
    "PostgreSQL": servers.postgresql,
}


class Created(msgspec.Struct, rename="camel"):
    """The part of a create answer that a completion needs."""

    id: str
    is_cached: bool
    public_access_token: str


class Completed(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What only the first completion of a token is answered: a later one is told more than `success`."""

    success: bool


@dataclass
class Rounds:
    """All rounds of one kind of request on one server."""

    per_second: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  # seconds of the server process, per request
    latencies: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)  # cores that were busy with something else


def measure(*, quick: bool) -> Iterator[Report]:
    """One table for each database: Waitpoint and the empty handler in turns, so that drift hits both alike."""
    for name, database in _DATABASES.items():
        with ExitStack() as stack:
            server = stack.enter_context(servers.waitpoint(stack.enter_context(database())))
            empty = stack.enter_context(servers.empty(take_samples(server)))
            rounds, requests = (3, 1_500) if quick else (5, 3_000)
            ours = {kind: Rounds() for kind in _KINDS}
            theirs = {kind: Rounds() for kind in _KINDS}
            _round(server, empty, {kind: Rounds() for kind in _KINDS}, {kind: Rounds() for kind in _KINDS}, 500)
            for _ in range(rounds):
                _round(server, empty, ours, theirs, requests)
            yield _report(name, ours, theirs, requests)


def take_samples(server: Server) -> Samples:
    """A real answer to a create and to a complete, for the empty handler to be of the same size."""
    created = _sample(*server.ask("POST", TOKENS, CREATE_BODY))
    completed = _sample(*server.ask("POST", f"{TOKENS}/{created.body['id']}/complete", COMPLETE_BODY))
    return Samples(created, completed)


def _sample(response: http.client.HTTPResponse, body: bytes) -> Sample:
    if response.status != 200:
        raise UnexpectedAnswer(body.decode())
    headers = {name: value for name, value in response.getheaders() if name.lower() not in _OWN_HEADERS}
    return Sample(msgspec.json.decode(body), headers)


def _round(server: Server, empty: Server, ours: dict[str, Rounds], theirs: dict[str, Rounds], requests: int) -> None:
    """Create and complete with the API key, then create and complete with public access tokens."""
    for kind in _KINDS[1:]:
        created = create_tokens(server, requests, ours["create"])
        _measured(empty, [CREATE] * requests, theirs["create"])
        completions = [complete_request(token, publicly=kind != "complete") for token in created]
        complete_tokens(server, completions, ours[kind])
        _measured(empty, completions, theirs[kind])


def create_tokens(server: Server, count: int, rounds: Rounds) -> list[Created]:
    """Create so many tokens; every answer must be a new token of its own."""
    answers = _measured(server, [CREATE] * count, rounds)
    created = [msgspec.json.decode(body, type=Created) for body in answers.bodies]
    if len({token.id for token in created}) < count or any(token.is_cached for token in created):
        raise UnexpectedAnswer("a token was created twice")
    return created


def complete_request(token: Created, *, publicly: bool = False) -> bytes:
    """The request that completes this token, asked for by the API key or by its public access token."""
    headers = {"authorization": f"Bearer {token.public_access_token}"} if publicly else AUTHORIZED
    return request("POST", f"{TOKENS}/{token.id}/complete", headers, COMPLETE_BODY)


def complete_tokens(server: Server, completions: Sequence[bytes], rounds: Rounds) -> None:
    """Complete these tokens; every completion must find its token waiting."""
    for body in _measured(server, completions, rounds).bodies:
        if not msgspec.json.decode(body, type=Completed).success:
            raise UnexpectedAnswer(body.decode())


def _measured(server: Server, requests: Sequence[bytes], rounds: Rounds) -> Answers:
    server_before, own_before, all_before = machine.cpu_seconds(server.pid), time.process_time(), machine.busy_seconds()
    answers = drive(server.port, requests, connections=CONNECTIONS)
    cpu = machine.cpu_seconds(server.pid) - server_before
    rounds.cpu.append(cpu / len(requests))
    rounds.per_second.append(answers.per_second)
    rounds.latencies += answers.latencies
    others = machine.busy_seconds() - all_before - cpu - (time.process_time() - own_before)
    rounds.others.append(others / answers.seconds)
    return answers


def _report(name: str, ours: dict[str, Rounds], theirs: dict[str, Rounds], requests: int) -> Report:
    return Report(
        title=f"Create and complete over HTTP, {CONNECTIONS} connections, {name}",
        how=(
            f"{len(ours['complete'].per_second)} rounds of {requests:,} requests of each kind, Waitpoint and the empty "
            "handler in turns (first round dropped).\nLimits, event log and durability are on as by default. "
            "Every create made a new token, every completion met a waiting token (checked in all answers).\n"
            f"Per second: median (lowest–highest) of the rounds. Ratio: median of the ratios of the rounds. "
            f"{machine.pinning()}\n{_disturbance(name, ours)}"
        ),
        columns=(
            "request",
            "Waitpoint per second",
            "p50",
            "p99",
            "empty per second",
            "ratio",
            "CPU per request",
            "ratio",
        ),
        rows=[_row(kind, ours[kind], theirs[kind]) for kind in _KINDS],
        figures={
            kind: {
                "waitpoint": _figures(ours[kind]),
                "empty": _figures(theirs[kind]),
                "ratio": _ratio(ours[kind], theirs[kind]),
            }
            for kind in _KINDS
        },
    )


def _disturbance(name: str, ours: dict[str, Rounds]) -> str:
    cores = statistics.median(share for rounds in ours.values() for share in rounds.others)
    if name == "PostgreSQL":
        return (
            f"PostgreSQL itself, on any core and in no column, and everything else on the machine: {cores:.1f} cores."
        )
    return f"Everything else on the machine used {cores:.1f} cores meanwhile" + (
        ": the ratio of CPU per request is then the one to trust." if cores > _QUIET else "."
    )


def _row(kind: str, ours: Rounds, theirs: Rounds) -> tuple[str, ...]:
    cpu, empty_cpu = (statistics.median(rounds.cpu) * 1e6 for rounds in (ours, theirs))
    return (
        kind,
        str(Spread.of(ours.per_second)),
        milliseconds(quantile(ours.latencies, 0.5)),
        milliseconds(quantile(ours.latencies, 0.99)),
        str(Spread.of(theirs.per_second)),
        against(_ratio(ours, theirs), REACH, at_least=True),
        f"{readable(cpu)} µs, empty {readable(empty_cpu)} µs",
        f"{empty_cpu / cpu:.2f}×",
    )


def _ratio(ours: Rounds, theirs: Rounds) -> float:
    return statistics.median(mine / empty for mine, empty in zip(ours.per_second, theirs.per_second, strict=True))


def _figures(rounds: Rounds) -> dict[str, object]:
    return {
        "per_second": rounds.per_second,
        "cpu_microseconds": [seconds * 1e6 for seconds in rounds.cpu],
        "p50_milliseconds": quantile(rounds.latencies, 0.5) * 1e3,
        "p99_milliseconds": quantile(rounds.latencies, 0.99) * 1e3,
    }
