"""Sync of LiteLLM: rows of its spend table and the names beside them, from PostgreSQL and a SQLite copy."""

import hashlib
import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.intake.decode import Decoder
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import attribution, usage_event
from ingest.ledger.tables.calls import directory as entries
from ingest.ledger.verification import verify
from ingest.model.zone import micros
from ingest.pricing.book import Book
from ingest.settings import Settings
from ingest.sync.follow import Outcome, Sync
from ingest.sync.gateway import LITELLM, open_store
from ingest.sync.pull import Options
from ingest.sync.store import Unusable
from tests.support.ledgers import administrator, put_records
from tests.support.synced import NEVER, ledger_of

KEY = "sk-litellm-0123456789"
TOKEN = hashlib.sha256(KEY.encode()).hexdigest()
START = datetime(2026, 10, 1, 8)  # noqa: DTZ001 - the table's times are UTC and do not say so

COLUMNS = {
    "request_id": "text PRIMARY KEY",
    "call_type": "text NOT NULL",
    "api_key": "text NOT NULL DEFAULT ''",
    "spend": "double precision NOT NULL DEFAULT 0",
    "total_tokens": "integer NOT NULL DEFAULT 0",
    "prompt_tokens": "integer NOT NULL DEFAULT 0",
    "completion_tokens": "integer NOT NULL DEFAULT 0",
    "startTime": "timestamp(3) NOT NULL",
    "endTime": "timestamp(3) NOT NULL",
    "completionStartTime": "timestamp(3)",
    "model": "text NOT NULL DEFAULT ''",
    "model_group": "text",
    "custom_llm_provider": "text",
    "metadata": "jsonb",
    "cache_hit": "text",
    "request_tags": "jsonb",
    "team_id": "text",
    "organization_id": "text",
    "end_user": "text",
    "messages": "jsonb",
    "response": "jsonb",
    "proxy_server_request": "jsonb",
    "session_id": "text",
    "status": "text",
}
TABLES = {
    "LiteLLM_SpendLogs": COLUMNS,
    "LiteLLM_VerificationToken": {
        "token": "text PRIMARY KEY",
        "key_name": "text",
        "key_alias": "text",
        "spend": "real",
    },
    "LiteLLM_TeamTable": {"team_id": "text PRIMARY KEY", "team_alias": "text"},
    "LiteLLM_OrganizationTable": {"organization_id": "text PRIMARY KEY", "organization_alias": "text"},
}


def row(n: int, **facts: Any) -> dict[str, Any]:
    when = START + timedelta(seconds=6 * n)
    return {
        "request_id": f"chatcmpl-{n:05d}",
        "call_type": "acompletion",
        "api_key": TOKEN,
        "spend": 0.00012,
        "total_tokens": 110,
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "startTime": when,
        "endTime": when + timedelta(seconds=1),
        "model": "gpt-4o-mini",
        "custom_llm_provider": "openai",
        "metadata": json.dumps({"user_api_key_alias": None, "status": "success"}),
        "cache_hit": "False",
        "request_tags": "[]",
        "team_id": "t-1",
        "organization_id": "o-1",
        "messages": '[{"content": "SECRET WORDS"}]',
        "response": '{"content": "SECRET WORDS"}',
        "status": "success",
    } | facts


@dataclass
class LiteLLM:
    """A proxy's database."""

    url: str
    execute: Callable[[str, list[dict[str, Any]]], None]

    def write(self, table: str, *rows: dict[str, Any]) -> None:
        names = list(TABLES[table])
        listed, places = ", ".join(f'"{name}"' for name in names), ", ".join(f":{name}" for name in names)
        self.execute(
            f'INSERT INTO "{table}" ({listed}) VALUES ({places})',
            [{name: one.get(name) for name in names} for one in rows],
        )


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def litellm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiteLLM]:
    """A proxy whose database is PostgreSQL, or has been copied into a SQLite file."""
    if request.param == "sqlite":
        held = sqlite3.connect(tmp_path / "copy.db", isolation_level=None)
        _create(held.execute)

        def execute(statement: str, rows: list[dict[str, Any]]) -> None:
            times = [{k: str(v) if isinstance(v, datetime) else v for k, v in one.items()} for one in rows]
            held.executemany(statement, times)

        yield LiteLLM(str(tmp_path / "copy.db"), execute)
        held.close()
        return
    server: sa.URL = request.getfixturevalue("postgres")
    name = f"l_{uuid.uuid4().hex}"
    with administrator(server) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine = sa.create_engine(server.set(database=name), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        _create(connection.exec_driver_sql)
        url = server.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
        yield LiteLLM(url, lambda statement, rows: connection.execute(sa.text(statement), rows) and None)
    engine.dispose()
    with administrator(server) as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def _create(execute: Callable[[str], Any]) -> None:
    for table, columns in TABLES.items():
        types = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        execute(f'CREATE TABLE "{table}" ({types})')


def synced(ledger: Ledger, book: Book, url: str, options: Options | None = None) -> Outcome:
    opened = open_store(LITELLM, url, Settings())
    try:
        sync = Sync(ledger, Decoder(ledger.keyring, book), LITELLM, opened)
        sync.run(options or Options(), NEVER)
        return sync.outcome
    finally:
        opened.close()


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    receipt = outcome.reports[0].receipt
    return receipt.accepted, receipt.duplicates, receipt.revised, receipt.rejected


def test_rows_come_in_once_and_changed_ones_are_revisions(
    litellm: LiteLLM, embedded: Ledger, book: Book
) -> None:
    litellm.write("LiteLLM_SpendLogs", *(row(n) for n in range(50)))
    assert counts(synced(embedded, book, litellm.url)) == (50, 0, 0, 0)
    litellm.write("LiteLLM_SpendLogs", row(50))
    litellm.execute(
        'UPDATE "LiteLLM_SpendLogs" SET spend = 1 WHERE request_id = :key', [{"key": "chatcmpl-00007"}]
    )
    assert counts(synced(embedded, book, litellm.url)) == (1, 49, 1, 0)
    assert ledger_of(embedded) == (51, 5_100, Decimal("0.00012") * 50 + 1)
    assert [finding for finding in verify(embedded) if finding.level == "error"] == []


def test_times_are_utc_and_the_look_back_finds_late_rows(
    litellm: LiteLLM, embedded: Ledger, book: Book
) -> None:
    litellm.write("LiteLLM_SpendLogs", row(0, startTime=START + timedelta(days=9)))
    outcome = synced(embedded, book, litellm.url)
    assert outcome.reports[0].newest_at == micros((START + timedelta(days=9)).replace(tzinfo=UTC))
    litellm.write("LiteLLM_SpendLogs", row(1, startTime=START + timedelta(days=7, hours=1)), row(2))
    assert counts(synced(embedded, book, litellm.url)) == (1, 1, 0, 0)
    assert counts(synced(embedded, book, litellm.url, Options(since=0))) == (1, 2, 0, 0)


def test_keys_teams_and_organisations_get_their_names(litellm: LiteLLM, embedded: Ledger, book: Book) -> None:
    litellm.write(
        "LiteLLM_VerificationToken", {"token": TOKEN, "key_name": "sk-...6789", "key_alias": "search-prod"}
    )
    litellm.write("LiteLLM_TeamTable", {"team_id": "t-1", "team_alias": "Search"})
    litellm.write("LiteLLM_OrganizationTable", {"organization_id": "o-1", "organization_alias": "Acme"})
    litellm.write("LiteLLM_SpendLogs", row(0))
    outcome = synced(embedded, book, litellm.url)
    assert (outcome.entered.added, outcome.entered.changed) == (3, 0)
    again = synced(embedded, book, litellm.url)
    assert (again.entered.added, again.entered.changed, again.entered.unchanged) == (0, 0, 3)
    call = {
        "id": "chatcmpl-live",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "gpt-4o-mini",
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        "extra_fields": {
            "request_type": "chat_completion",
            "provider": "openai",
            "latency": 5,
            "chunk_index": 0,
        },
    }
    put_records(embedded, book, (json.dumps(call).encode(),), virtual_key=KEY)
    key = sa.select(entries.c.name, entries.c.hint, sa.func.count(usage_event.c.seq))
    key = key.join(attribution, attribution.c.virtual_key_id == entries.c.entry_id)
    key = key.join(usage_event, usage_event.c.attribution_id == attribution.c.attribution_id)
    with embedded.reading() as connection:
        assert connection.execute(key.group_by(entries.c.name, entries.c.hint)).all() == [
            ("search-prod", "sk-…6789", 2)
        ]


def test_rows_that_were_exported_and_imported_are_the_same_events(
    litellm: LiteLLM, embedded: Ledger, book: Book
) -> None:
    litellm.write("LiteLLM_SpendLogs", *(row(n) for n in range(3)))
    synced(embedded, book, litellm.url)
    exported = tuple(json.dumps(row(n), default=str).encode() for n in range(3))
    receipt = put_records(embedded, book, exported)
    assert (receipt.accepted, receipt.duplicates) == (0, 3)


def test_there_is_no_log_api_to_read() -> None:
    with pytest.raises(Unusable, match="LiteLLM has no store at a http"):
        open_store(LITELLM, "http://127.0.0.1:4000", Settings())
