"""Ledgers for tests, and records and events that are put into them as one body."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from ingest.framing import RawRecord
from ingest.intake.decode import Context, Decoder
from ingest.intake.intake import Intake
from ingest.ledger import schema
from ingest.ledger.engine import Ledger, make_engine
from ingest.model.event import UsageEvent
from ingest.model.receipt import Receipt
from ingest.pricing.book import Book
from ingest.settings import sqlite_url

ARRIVAL = 1_790_000_000_000_000
"""When records of the tests arrive, unless they say otherwise: 2026-09-21 14:13:20 UTC."""

SECRET = SecretStr("a secret of the tests")

Post = Callable[..., Receipt]


def blank(file: Path) -> str:
    """The database URL of a migrated ledger in a new file, which nobody has opened yet."""
    shutil.copyfile(_migrated(), file)
    file.chmod(0o600)
    return sqlite_url(file)


@cache
def _migrated() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tallybook-blank-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "blank.db"
    engine = make_engine(sqlite_url(file))
    schema.migrate(engine)
    engine.dispose()
    return file


def administrator(url: sa.URL) -> Any:
    return sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect()


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
