"""Disk full, disk broken, database gone or frozen: every request is answered in time and truly, reads go on where
they can, the server says that it is not ready, and writes come back without a restart.
"""

import asyncio
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.chaos.clients import TOKENS, RawClient
from tests.chaos.journal import Journal, judge
from tests.chaos.load import ANSWER_LIMIT, Load
from tests.chaos.postgresql import OwnCluster, own_cluster
from tests.database.worlds import until
from tests.databases import DatabaseMaker, migrate
from tests.servers import RunningServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

UNREADY_LIMIT = 6.0  # seconds after a fault until /readyz says so; 5 of them for a database that freezes
RECOVERY_LIMIT = 6.0  # seconds after a fault until writes are stored again
ALL = ("1s", "1d")  # a token that becomes overdue during the fault, and one that does not
NONE = ()
LEAST = 10  # requests of each kind: fewer, and the test proves nothing

Fault = Callable[[], Any]


class Trial:
    """One server, what its clients were promised, and a fault."""

    def __init__(self, server: RunningServer, journal: Journal, *, output_size: int = 100) -> None:
        self.server = server
        self.client = RawClient(server.url)
        self._journal = journal
        self._load = Load(server.url, journal, size=output_size)

    async def passes(self, fault: Fault, *, reads: tuple[str, ...], seconds: float = 2.0) -> None:
        """Hold the server to its promises before, during and after the fault.

        `reads` are the timeouts of tokens that can be read during the fault.
        """
        pid = self.server.pid
        readable = [await self._create(timeout) for timeout in reads]
        async with self._load.running():
            await until(lambda: self._load.stored > LEAST)
            with fault():
                self._load.forget()
                await self._becomes(503, UNREADY_LIMIT)
                await self._endures(seconds, readable)
            await self._becomes(200, RECOVERY_LIMIT)
            assert self._load.slowest <= ANSWER_LIMIT
            self._load.forget()
            await until(lambda: self._load.stored > LEAST)
        assert pid == self.server.pid
        assert self.server.is_running
        verdict = judge(self._journal, self.server.database_url)
        assert verdict.is_good, verdict

    async def _endures(self, seconds: float, readable: list[str]) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end or self._load.refused < LEAST:
            assert time.monotonic() < end + 10, f"too few requests: {self._load.statuses}"
            for token_id in readable:
                answer = await self.client.get(f"{TOKENS}/{token_id}")
                assert 200 == answer.status, answer.body
                assert answer.seconds < 1
            if len(readable) == len(ALL):  # a list shows overdue tokens, too
                assert 200 == (await self.client.get(TOKENS)).status
                assert 200 == (await self.client.get(f"{TOKENS}?filter%5Bstatus%5D=TIMED_OUT")).status
            await asyncio.sleep(0.02)

    async def _becomes(self, status: int, limit: float) -> None:
        """/readyz comes to say so in time."""
        end = time.monotonic() + limit
        while (answer := await self.client.get("/readyz")).status != status:
            assert time.monotonic() < end, f"/readyz still answers {answer.status}"
            await asyncio.sleep(0.05)

    async def _create(self, timeout: str) -> str:
        made = await self.client.post(TOKENS, {"timeout": timeout})
        assert 200 == made.status
        token_id: str = made.json["id"]
        self._journal.was_created(token_id, [])
        return token_id


@contextmanager
def tried(server: RunningServer, folder: Path) -> Iterator[tuple[RunningServer, Journal]]:
    """A running server, and a journal of everything that it promises."""
    journal = Journal(folder / "journal")
    server.start()
    try:
        yield server, journal
    finally:
        journal.close()
        if server.is_running:
            server.stop()


@asynccontextmanager
async def trial_of(tried_server: tuple[RunningServer, Journal], **options: Any) -> AsyncIterator[Trial]:
    trial = Trial(*tried_server, **options)
    try:
        yield trial
    finally:
        trial.client.close()


@pytest.fixture(scope="module")
def on_sqlite(
    make_database: DatabaseMaker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningServer, Journal]]:
    """One server for every fault of a disk, one after the other: it must come through all of them."""
    folder = tmp_path_factory.mktemp("failing-disk")
    with make_database("sqlite") as url, tried(RunningServer(url, folder), folder) as server_and_journal:
        yield server_and_journal


class TestDiskFull:
    """507 or 503 while there is no room; everything as before when there is room again."""

    async def test_a_file_that_may_not_grow(self, on_sqlite: tuple[RunningServer, Journal]) -> None:
        """The limit of the operating system on the size of a file, taken away again."""
        async with trial_of(on_sqlite) as trial:
            await trial.passes(lambda: _no_growth(trial.server.pid), reads=ALL)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")
    async def test_a_small_disk(self, tmp_path: Path) -> None:
        """A disk of eight megabytes, filled by somebody else, and freed again: three times over."""
        with _small_disk(tmp_path / "disk", "8m") as disk:
            server = RunningServer(f"sqlite:///{disk}/waitpoint.sqlite3", tmp_path)
            with tried(server, tmp_path) as server_and_journal:
                async with trial_of(server_and_journal, output_size=20_000) as trial:
                    for _ in range(3):
                        await trial.passes(lambda: _filled(disk), reads=ALL, seconds=0.5)


@contextmanager
def _no_growth(pid: int) -> Iterator[None]:
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False)
    if mounted.returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def _filled(disk: Path) -> Iterator[None]:
    ballast = disk / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        yield
    finally:
        ballast.unlink()


@pytest.mark.skipif(shutil.which("strace") is None, reason="errors of the disk are injected by strace")
class TestDiskBroken:
    """The disk answers EIO, to the sync or to the write itself."""

    @pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
    async def test_an_input_output_error(
        self, on_sqlite: tuple[RunningServer, Journal], tmp_path: Path, call: str
    ) -> None:
        """What was answered before stays, what is asked now is refused, and all is well when the disk is."""
        async with trial_of(on_sqlite) as trial:
            await trial.passes(lambda: _injected(trial.server.pid, f"{call}:error=EIO", tmp_path), reads=ALL, seconds=1)

    async def test_a_disk_that_hangs(self, on_sqlite: tuple[RunningServer, Journal], tmp_path: Path) -> None:
        """A sync that takes six seconds: the callers are answered before it comes back, and reads do not wait for it.

        Only whether an overdue token was answered in time is then not known: an answer to it may be what hangs.
        """
        async with trial_of(on_sqlite) as trial:
            slow = "fdatasync:delay_enter=6000000"
            await trial.passes(lambda: _injected(trial.server.pid, slow, tmp_path), reads=("1d",), seconds=0)


@contextmanager
def _injected(pid: int, fault: str, folder: Path) -> Iterator[None]:
    call = fault.partition(":")[0]
    log = folder / "strace"
    command = ["strace", "-f", "-qq", "-o", str(log), "-p", str(pid), "-e", f"trace={call}", "-e", f"inject={fault}"]
    tracer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        try:
            tracer.wait(15)
        except subprocess.TimeoutExpired:
            tracer.kill()
            tracer.wait()


class TestPostgresqlLost:
    """The database goes away under a server that stays."""

    @pytest.fixture(scope="class")
    def cluster(self) -> Iterator[OwnCluster]:
        with own_cluster() as cluster:
            migrate(cluster.url)
            yield cluster

    @pytest.fixture(scope="class")
    def on_postgresql(
        self, cluster: OwnCluster, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[tuple[RunningServer, Journal]]:
        folder = tmp_path_factory.mktemp("failing-postgresql")
        with tried(RunningServer(cluster.url, folder), folder) as server_and_journal:
            yield server_and_journal

    @pytest.fixture
    async def trial(self, on_postgresql: tuple[RunningServer, Journal]) -> AsyncIterator[Trial]:
        async with trial_of(on_postgresql) as trial:
            yield trial

    async def test_a_database_that_was_stopped(self, cluster: OwnCluster, trial: Trial) -> None:
        """Nothing can be read or written until it is back; everybody is told so at once."""

        @contextmanager
        def stopped() -> Iterator[None]:
            cluster.stop("fast")
            try:
                yield
            finally:
                cluster.start()

        await trial.passes(stopped, reads=NONE)

    async def test_a_database_that_froze(self, cluster: OwnCluster, trial: Trial) -> None:
        """It takes requests and answers nothing: nobody waits longer than five seconds."""
        await trial.passes(lambda: _frozen(cluster), reads=NONE, seconds=3)

    async def test_sessions_that_were_ended(self, cluster: OwnCluster, trial: Trial) -> None:
        """An administrator ends all sessions, thirty times: writes that were under way are refused, reads do not notice."""
        token_id = await trial._create("1d")
        async with trial._load.running():
            for _ in range(30):
                await asyncio.to_thread(_end_all_sessions, cluster)
                assert 200 == (await trial.client.get(f"{TOKENS}/{token_id}")).status
                before = trial._load.stored
                await until(lambda before=before: trial._load.stored > before, 3)  # type: ignore[misc]
        assert trial._load.slowest < 2
        assert judge(trial._journal, cluster.url).is_good


@contextmanager
def _frozen(cluster: OwnCluster) -> Iterator[None]:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        sessions = connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'waitpoint'")
        pids = [row[0] for row in sessions]
        postmaster = int(connection.execute("SELECT pg_read_file('postmaster.pid', 0, 10)").fetchone()[0].split()[0])  # type: ignore[index]
    frozen = [postmaster, *pids]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)


def _end_all_sessions(cluster: OwnCluster) -> None:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'waitpoint'"
        )
