"""What Prometheus is told, and whom the numbers are for."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from websockets.sync.client import connect

from app.database import Unit
from app.ops import metrics
from app.ops.metrics import METRICS
from app.ops.requests import BOUNDS, Requests
from tests.cast import ADAS_KEY, headers_of
from tests.fixtures import running
from tests.makers import House, house
from tests.servers import RunningServer
from tests.statements import number_asked

__all__ = ["house"]

TOKENS = "/api/v1/waitpoints/tokens"


def metrics_of(server: RunningServer) -> dict[tuple[str, ...], float]:
    """Every sample: its name, then its labels' values in the order of their names."""
    told = httpx.get(f"{server.url}/metrics").raise_for_status().text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


def test_the_numbers_are_right(server: RunningServer) -> None:
    """Two tokens wait, one is answered; requests are counted by route, never by path."""
    before = metrics_of(server)
    ids = [httpx.post(f"{server.url}{TOKENS}", headers=headers_of(ADAS_KEY), json={}).json()["id"] for _ in range(3)]
    httpx.post(f"{server.url}{TOKENS}/{ids[0]}/complete", headers=headers_of(ADAS_KEY), json={"data": 1})
    httpx.get(f"{server.url}{TOKENS}/{ids[0]}", headers=headers_of(ADAS_KEY))
    httpx.get(f"{server.url}/no/such/path")

    after = metrics_of(server)

    assert 2 == after["waitpoint_tokens_waiting", "dev"]
    assert 0 == after["waitpoint_tokens_waiting", "prod"]
    assert 0 < after["waitpoint_oldest_waiting_age_seconds", "dev"] < 60
    assert 3 == after["waitpoint_http_requests_total", "POST", TOKENS, "200"]
    assert 1 == after["waitpoint_http_requests_total", "POST", f"{TOKENS}/{{token_id}}/complete", "200"]
    assert 1 == after["waitpoint_http_requests_total", "GET", f"{TOKENS}/{{token_id}}", "200"]
    assert 1 == after["waitpoint_http_requests_total", "GET", "(none)", "404"]
    assert 3 == after["waitpoint_http_request_duration_seconds_count", "POST", TOKENS]
    assert 3 == after["waitpoint_http_request_duration_seconds_bucket", "+Inf", "POST", TOKENS]
    assert 4 == after["waitpoint_events_total",] - before["waitpoint_events_total",]
    assert 4 <= after["waitpoint_write_batch_size_sum",] - before["waitpoint_write_batch_size_sum",]
    assert 0 == after["waitpoint_database_failed",]
    assert 0 == after["waitpoint_sweeper_lateness_seconds",]


def test_open_sockets_are_counted(server: RunningServer) -> None:
    address = server.url.replace("http", "ws") + "/api/v1/realtime"
    with connect(address, additional_headers=headers_of(ADAS_KEY)):
        during = metrics_of(server)["waitpoint_websockets_open",]
    deadline = time.monotonic() + 5
    while (after := metrics_of(server)["waitpoint_websockets_open",]) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert (1, 0) == (during, after)


def test_every_metric_is_told(shared_server: RunningServer) -> None:
    httpx.get(f"{shared_server.url}/healthz")
    lines = httpx.get(f"{shared_server.url}/metrics").text.splitlines()
    told = {line.split()[2] for line in lines if line.startswith("# TYPE waitpoint_")}

    assert set(METRICS) == told


def test_numbers_are_for_this_machine(shared_server: RunningServer) -> None:
    """A proxy on this machine hands on what came from elsewhere, so its requests are not from here."""
    from_here = httpx.get(f"{shared_server.url}/metrics")
    from_a_proxy = httpx.get(f"{shared_server.url}/metrics", headers={"X-Forwarded-For": "127.0.0.1"})

    assert (200, 403) == (from_here.status_code, from_a_proxy.status_code)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Bearer {ADAS_KEY}"}, 401),
        ({"Authorization": "Bearer scrape-me-4711"}, 200),
        ({"Authorization": "Bearer scrape-me-4711", "X-Forwarded-For": "192.0.2.1"}, 200),
    ],
)
def test_with_a_metrics_token_it_alone_opens(guarded: RunningServer, headers: dict[str, str], status: int) -> None:
    assert status == httpx.get(f"{guarded.url}/metrics", headers=headers).status_code


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose numbers have a token of their own."""
    folder: Path = tmp_path_factory.mktemp("guarded")
    settings = {"WAITPOINT_METRICS_TOKEN": "scrape-me-4711"}
    with running(RunningServer(f"sqlite:///{folder / 'w.db'}", folder, settings)) as server:
        yield server


def test_environments_cost_no_statements(house: House) -> None:
    """However many there are, their numbers are asked for at once, each in a range of an index."""
    before = house.read(number_asked, metrics.stored)
    for _ in range(3):
        house.make_environment()

    def explained(db: Unit) -> str:
        if house.is_postgresql:
            db.execute(text("SET LOCAL enable_seqscan = off"))  # in a transaction, so with the writer
        prefix = "EXPLAIN " if house.is_postgresql else "EXPLAIN QUERY PLAN "
        compiled = str(metrics._WAITING.compile(db.connection, compile_kwargs={"literal_binds": True}))
        return "\n".join(str(tuple(row)) for row in db.connection.exec_driver_sql(prefix + compiled))

    plan = house.write(explained)

    assert before == house.read(number_asked, metrics.stored)
    assert 2 == plan.count("ix_tokens_status"), plan
    assert "SCAN tokens" not in plan


def test_counting_costs_next_to_nothing() -> None:
    """It happens to every request: well under the twentieth part of a millisecond, even on a busy machine."""
    requests = Requests()
    scope = {"path_template": TOKENS, "method": "POST"}

    begun = time.process_time()
    for _ in range(10_000):
        requests.count(scope, 200, 0.003)
    each = (time.process_time() - begun) / 10_000

    assert each < 0.00005
    assert 10_000 == sum(requests.counts[TOKENS, "POST", 200].buckets)


def test_invented_methods_are_one() -> None:
    """Callers cannot fill our memory."""
    requests = Requests()
    for number in range(1000):
        requests.count({"method": f"M{number}"}, 405, 100.0)

    assert {("(none)", "OTHER", 405)} == set(requests.counts)
    assert 1000 == requests.counts["(none)", "OTHER", 405].buckets[len(BOUNDS)]
