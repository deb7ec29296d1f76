"""Sync: rows of a gateway's own store come in once, wherever it keeps them, while it goes on writing."""

import json
import random
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from ingest.intake.decode import Decoder
from ingest.ledger import rollups
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import rejected_record, usage_event, usage_event_revision
from ingest.ledger.verification import verify
from ingest.model.zone import micros
from ingest.pricing.book import Book
from ingest.settings import Settings
from ingest.sync import pull, store
from ingest.sync.follow import Outcome, Sync, follow
from ingest.sync.gateway import BIFROST, open_store
from ingest.sync.postgres_store import PostgresStore
from ingest.sync.pull import Options, Stopped
from ingest.sync.sqlite_store import SqliteStore
from tests.support.examples import examples
from tests.support.gateways import (
    CONTENT,
    LOGS,
    OLD,
    START,
    Bifrost,
    BifrostOnPostgres,
    Gateway,
    LogApi,
    processing,
    row,
    serving,
    stamp,
    tool_call,
)
from tests.support.ledgers import administrator, put_records
from tests.support.stored_events import kept
from tests.support.synced import NEVER, ledger_of

BOOK = Book()


@dataclass
class Place:
    """A gateway, and where its log is read."""

    gateway: Gateway
    url: str


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres), "http"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A gateway that keeps its log in SQLite, in PostgreSQL, or answers for it over HTTP."""
    if request.param == "sqlite":
        bifrost = Bifrost(tmp_path / "logs.db")
        yield Place(bifrost, str(tmp_path / "logs.db"))
        bifrost.close()
    elif request.param == "http":
        api = LogApi()
        with serving(api) as url:
            yield Place(api, url)
    else:
        server: sa.URL = request.getfixturevalue("postgres")
        name = f"g_{uuid.uuid4().hex}"
        with administrator(server) as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        database = server.set(database=name)
        postgres = BifrostOnPostgres(database)
        yield Place(postgres, database.set(drivername="postgresql").render_as_string(hide_password=False))
        postgres.close()
        with administrator(server) as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def synced(ledger: Ledger, url: str, options: Options | None = None, **credentials: Any) -> Outcome:
    """One pass, as a process of its own would take it."""
    opened = open_store(BIFROST, url, Settings(**credentials))
    try:
        sync = Sync(ledger, Decoder(ledger.keyring, BOOK), BIFROST, opened)
        sync.run(options or Options(), NEVER)
        return sync.outcome
    finally:
        opened.close()


def counts(outcome: Outcome, table: str = "logs") -> tuple[int, int, int, int]:
    """Accepted, duplicates, revised, rejected."""
    receipt = next(one.receipt for one in outcome.reports if one.table.name == table)
    return receipt.accepted, receipt.duplicates, receipt.revised, receipt.rejected


def expected(*numbers: int) -> tuple[int, int, Decimal]:
    cost = sum((Decimal(100 + n % 5) / 1_000_000 for n in numbers), Decimal())
    return len(numbers), sum(100 + n % 7 for n in numbers), cost


def test_rows_come_in_once(place: Place, embedded: Ledger) -> None:
    place.gateway.write(*(row(n) for n in range(700)))
    assert counts(synced(embedded, place.url)) == (700, 0, 0, 0)
    place.gateway.write(*(row(n) for n in range(700, 800)))
    assert counts(synced(embedded, place.url)) == (100, 700, 0, 0)
    assert ledger_of(embedded) == expected(*range(800))
    assert verify(embedded) == []


def test_a_row_that_changes_later_is_a_revision(place: Place, embedded: Ledger) -> None:
    place.gateway.write(*(row(n) for n in range(5)))
    synced(embedded, place.url)
    place.gateway.write(row(3, cost=0.5))
    assert counts(synced(embedded, place.url)) == (0, 4, 1, 0)
    assert ledger_of(embedded)[2] == expected(0, 1, 2, 4)[2] + Decimal("0.5")
    with embedded.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(usage_event_revision)).scalar() == 1


def test_a_call_that_has_not_ended_is_read_again_until_it_has(place: Place, embedded: Ledger) -> None:
    place.gateway.write(row(0), processing(1), processing(2))
    first = synced(embedded, place.url)
    assert (counts(first), first.reports[0].waiting) == ((1, 0, 0, 0), 2)
    later = row(9, at=START + timedelta(days=9))
    place.gateway.write(row(1), later)
    second = synced(embedded, place.url)
    assert (counts(second)[0], second.reports[0].waiting) == (2, 1)
    place.gateway.write(row(2))
    third = synced(embedded, place.url)
    assert (counts(third)[0], third.reports[0].waiting) == (1, 0), "far behind the look-back by now"
    assert ledger_of(embedded) == expected(0, 1, 2, 9)


def test_a_call_that_never_ended_and_is_gone_is_waited_for_no_longer(place: Place, embedded: Ledger) -> None:
    place.gateway.write(row(0), processing(1))
    assert synced(embedded, place.url).reports[0].waiting == 1
    place.gateway.delete("req-0000001")
    place.gateway.write(row(9, at=START + timedelta(days=9)))
    assert synced(embedded, place.url).reports[0].waiting == 0


def test_late_rows_are_found_within_the_look_back_and_further_back_with_since(
    place: Place, embedded: Ledger
) -> None:
    newest = START + timedelta(days=10)
    place.gateway.write(row(0, at=newest))
    synced(embedded, place.url)
    place.gateway.write(row(1, at=newest - timedelta(hours=47)), row(2, at=newest - timedelta(hours=49)))
    assert counts(synced(embedded, place.url)) == (1, 1, 0, 0)
    since = Options(since=micros(newest - timedelta(days=3)))
    assert counts(synced(embedded, place.url, since)) == (1, 2, 0, 0)


def test_since_alone_decides_where_a_first_pass_begins(place: Place, embedded: Ledger) -> None:
    place.gateway.write(*(row(n) for n in range(20)))
    since = Options(since=micros(START + timedelta(minutes=1)))
    assert counts(synced(embedded, place.url, since)) == (10, 0, 0, 0)


def test_tool_calls_with_a_cost_are_calls_of_their_own(place: Place, embedded: Ledger) -> None:
    place.gateway.write(row(0))
    place.gateway.write_tool_calls(
        tool_call(1, 0.005, project_id="p-1"),
        tool_call(2, None),
        tool_call(3, 0.0),
        tool_call(4, None, status="processing"),
    )
    outcome = synced(embedded, place.url)
    assert (counts(outcome, "mcp_tool_logs"), outcome.reports[1].waiting) == ((1, 0, 0, 0), 1)
    place.gateway.write_tool_calls(tool_call(4, 0.25))
    assert counts(synced(embedded, place.url), "mcp_tool_logs") == (1, 1, 0, 0)
    assert ledger_of(embedded)[2] == expected(0)[2] + Decimal("0.255")
    assert [one.get("project") for one in kept(embedded)] == [None, "p-1", None]


def test_rows_that_are_no_calls_are_passed_over_and_a_settled_batch_counts_once(
    place: Place, embedded: Ledger
) -> None:
    settled = str(uuid.uuid5(uuid.UUID("90a2f576-5276-481f-a753-2c78ccf97607"), "openai:batch_7"))
    debug = {"batch_id": "batch_7", "accounting": {"model_breakdowns": {}}}
    echo = {"batch_id": "batch_7", "accounting": {"model_breakdowns": {}, "echo": True}}
    nothing: dict[str, Any] = {
        "token_usage": "",
        "cost": None,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": 0,
    }
    place.gateway.write(
        row(0, object_type="batch_create", **nothing),
        row(1, object_type="list_models", **nothing),
        row(2, object_type="batch_results", id=settled, cost=0.5, batch_debug=json.dumps(debug)),
        row(3, object_type="batch_results", cost=None, batch_debug=json.dumps(echo)),
        row(4, served_model="gpt-4o-mini-2024-07-18", session_id="s-1"),
    )
    assert counts(synced(embedded, place.url)) == (2, 0, 0, 0)
    assert counts(synced(embedded, place.url)) == (0, 2, 0, 0)
    batch, call = kept(embedded)
    assert (batch["request_type"], batch["total_cost"]) == ("batch", Decimal("0.5"))
    assert (call["model"], call["session"]) == ("gpt-4o-mini-2024-07-18", "s-1")


def test_a_tool_that_is_paid_twice_is_warned_of(tmp_path: Path, embedded: Ledger) -> None:
    bifrost = Bifrost(tmp_path / "logs.db")
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    paid = usage | {
        "cost": {
            "additional_cost": 0.005,
            "additional_cost_details": {"mcp_cost": 0.005},
            "total_cost": 0.005,
        }
    }
    bifrost.write(row(0), row(1, token_usage=json.dumps(paid), cost=0.005))
    bifrost.write_tool_calls(tool_call(0, 0.005))
    synced(embedded, str(tmp_path / "logs.db"))
    assert verify(embedded) == []
    bifrost.write_tool_calls(tool_call(1, 0.005))
    synced(embedded, str(tmp_path / "logs.db"))
    bifrost.close()
    assert ["counted twice" in one.detail for one in verify(embedded)] == [True]


def test_attempts_are_linked_and_several_teams_are_labels(place: Place, embedded: Ledger) -> None:
    several: dict[str, Any] = {"team_id": None, "team_name": None, "team_ids": '["t-1", "t-2"]'}
    place.gateway.write(row(0), row(1, parent_request_id="req-0000000", fallback_index=1, **several))
    synced(embedded, place.url)
    c = usage_event.c
    with embedded.reading() as connection:
        query = sa.select(c.parent_id, c.attempt, c.labels).where(c.source_event_id == "req-0000001")
        parent, attempt, labels = connection.execute(query).one()
    assert (parent, attempt) == ("req-0000000", 1)
    assert json.loads(labels)["team_ids"] == "t-1,t-2"


def test_a_row_that_cannot_be_an_event_is_kept_once_however_often_it_is_read(
    place: Place, embedded: Ledger
) -> None:
    place.gateway.write(row(0), row(1, cost=-1e12), row(2))
    for _ in range(3):
        outcome = synced(embedded, place.url)
    assert counts(outcome) == (0, 2, 0, 1)
    assert [one.key for one in outcome.reports[0].rejected_rows] == ["req-0000001"]
    with embedded.reading() as connection:
        kept = connection.execute(sa.select(rejected_record.c.record, rejected_record.c.times)).all()
    assert len(kept) == 1
    assert kept[0].times == 3
    assert "SECRET" not in str(kept)


def test_rows_of_one_instant_are_told_apart(place: Place, embedded: Ledger) -> None:
    place.gateway.write(*(row(n, at=START) for n in range(1_300)))
    assert counts(synced(embedded, place.url)) == (1_300, 0, 0, 0)
    place.gateway.write(row(1_300, at=START), row(1_301, at=START + timedelta(microseconds=1)))
    assert counts(synced(embedded, place.url)) == (2, 1_300, 0, 0)


def test_rows_that_were_exported_and_imported_are_the_same_events(
    place: Place, embedded: Ledger, book: Book
) -> None:
    place.gateway.write(*(row(n) for n in range(3)))
    synced(embedded, place.url)
    exported = tuple(
        json.dumps({name: stamp(v) if isinstance(v, datetime) else v for name, v in row(n).items()}).encode()
        for n in range(3)
    )
    receipt = put_records(embedded, book, exported)
    assert (receipt.accepted, receipt.duplicates) == (0, 3)


def test_a_row_from_the_future_does_not_hide_those_of_today(place: Place, embedded: Ledger) -> None:
    place.gateway.write(row(0, at=datetime(2090, 1, 1, tzinfo=UTC)))
    synced(embedded, place.url)
    place.gateway.write(row(1, at=datetime.now(UTC) - timedelta(hours=1)))
    assert counts(synced(embedded, place.url))[0] == 1


def test_a_pass_that_is_stopped_goes_on_from_its_last_commit(
    place: Place, embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "_PAGES_PER_COMMIT", 1)
    for module in ("ingest.sync.sqlite_store", "ingest.sync.postgres_store", "ingest.sync.http_store"):
        monkeypatch.setattr(f"{module}.PAGE", 100)
    place.gateway.write(*(row(n) for n in range(1_000)))
    opened = open_store(BIFROST, place.url, Settings())
    sync = Sync(embedded, Decoder(embedded.keyring, BOOK), BIFROST, opened)
    with pytest.raises(Stopped):
        sync.run(Options(), lambda: ledger_of(embedded)[0] >= 300)
    opened.close()
    assert ledger_of(embedded)[0] == sync.outcome.reports[0].receipt.accepted == 300
    assert counts(synced(embedded, place.url, Options(look_back=0))) == (700, 1, 0, 0)
    assert ledger_of(embedded) == expected(*range(1_000))


def test_content_is_never_selected(tmp_path: Path, embedded: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    bifrost = Bifrost(tmp_path / "logs.db")
    bifrost.write(row(0))
    bifrost.write_tool_calls(tool_call(1, 0.005))
    asked: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(asked.append)
        return connection

    monkeypatch.setattr("ingest.sync.sqlite_store.sqlite3.connect", traced)
    synced(embedded, str(tmp_path / "logs.db"))
    bifrost.close()
    selected = " ".join(asked)
    assert 'FROM "logs"' in selected
    assert [name for name in (*CONTENT, "arguments", "result") if f'"{name}"' in selected] == []


def test_an_older_version_of_the_table_is_read(tmp_path: Path, embedded: Ledger) -> None:
    bifrost = Bifrost(tmp_path / "logs.db", OLD)
    bifrost.execute("DROP TABLE mcp_tool_logs")
    bifrost.write(*(row(n) for n in range(3)))
    outcome = synced(embedded, str(tmp_path / "logs.db"))
    bifrost.close()
    assert counts(outcome) == (3, 0, 0, 0)
    assert [one.table.name for one in outcome.reports] == ["logs"]


def test_a_newer_version_of_the_table_is_read(tmp_path: Path, embedded: Ledger) -> None:
    bifrost = Bifrost(tmp_path / "logs.db")
    bifrost.execute("ALTER TABLE logs ADD COLUMN app text DEFAULT 'cli'")
    bifrost.execute("ALTER TABLE logs ADD COLUMN unheard_of blob DEFAULT x'00ff'")
    bifrost.write(row(0))
    assert counts(synced(embedded, str(tmp_path / "logs.db"))) == (1, 0, 0, 0)
    bifrost.close()


@pytest.mark.parametrize(
    "spelling",
    [
        "2026-10-01 10:00:00.5+02:00",
        "2026-10-01T08:00:00.5Z",
        "2026-10-01 08:00:00.5",
        "2026-10-01 08:00:00.5 +0000 UTC",
    ],
)
def test_times_are_read_as_drivers_write_them(tmp_path: Path, embedded: Ledger, spelling: str) -> None:
    bifrost = Bifrost(tmp_path / "logs.db")
    bifrost.write(row(0, timestamp=spelling))
    for _ in range(2):
        assert sum(counts(synced(embedded, str(tmp_path / "logs.db")))[:2]) == 1
    bifrost.close()
    with embedded.reading() as connection:
        at = connection.execute(sa.select(usage_event.c.occurred_at)).scalar_one()
    assert at == START + timedelta(milliseconds=500)


def test_text_that_is_no_text_and_json_as_bytes_are_read(tmp_path: Path, embedded: Ledger) -> None:
    bifrost = Bifrost(tmp_path / "logs.db")
    bifrost.write(row(0), row(1, token_usage=json.dumps({"prompt_tokens": 7, "total_tokens": 7}).encode()))
    bifrost.execute("UPDATE logs SET team_name = CAST(x'ff41' AS TEXT) WHERE id = 'req-0000000'")
    assert counts(synced(embedded, str(tmp_path / "logs.db"))) == (2, 0, 0, 0)
    bifrost.close()


def test_a_gateway_that_writes_all_the_while_is_neither_hindered_nor_missed(
    tmp_path: Path, embedded: Ledger
) -> None:
    bifrost = Bifrost(tmp_path / "logs.db")
    bifrost.write(row(0))
    ended = threading.Event()
    bifrost.execute(
        "PRAGMA busy_timeout = 0"
    )  # a reader that held a lock would make the gateway fail at once

    def write() -> None:
        try:
            for n in range(1, 1_500):
                bifrost.write(processing(n))
                bifrost.write(row(n))
        finally:
            ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    passes = 0
    while not ended.is_set() or passes < 2:
        synced(embedded, str(tmp_path / "logs.db"))
        passes += 1
    writer.join()
    synced(embedded, str(tmp_path / "logs.db"))
    bifrost.close()
    assert ledger_of(embedded) == expected(*range(1_500))
    rollups.roll(embedded)
    assert verify(embedded) == []


class Impatient(threading.Event):
    """An event that nobody waits for."""

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002
        return self.is_set()


class Following:
    """A sync whose passes find the store away or not, and then are stopped."""

    def __init__(self, *away: bool) -> None:
        self._away = iter(away)

    def run(self, *_: Any, **__: Any) -> None:
        away = next(self._away, None)
        if away is None:
            raise Stopped
        if away:
            raise store.Away("gone")


def test_each_time_that_a_store_goes_away_and_comes_back_is_said_once() -> None:
    said: list[str] = []
    following = cast(Sync, Following(True, True, True, False, False, True, True, False))
    follow(following, Options(), 0.2, Impatient(), said.append, lambda: None)
    assert said == ["gone; waiting for it", "it is back"] * 2


def test_a_store_that_nobody_has_open_is_read_without_leaving_a_trace(
    tmp_path: Path, embedded: Ledger
) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    bifrost = Bifrost(folder / "logs.db")
    bifrost.write(row(0))
    bifrost.close()
    before = (folder / "logs.db").read_bytes()
    assert counts(synced(embedded, str(folder)))[0] == 1
    assert [one.name for one in folder.iterdir()] == ["logs.db"]
    assert (folder / "logs.db").read_bytes() == before


def test_a_store_with_a_rollback_journal_is_read(tmp_path: Path, embedded: Ledger) -> None:
    bifrost = Bifrost(tmp_path / "logs.db", wal=False)
    bifrost.write(row(0))
    assert counts(synced(embedded, f"sqlite:///{tmp_path}/logs.db"))[0] == 1
    bifrost.execute("BEGIN EXCLUSIVE")
    with pytest.raises(store.Away, match="holds it locked"):
        synced(embedded, str(tmp_path / "logs.db"))
    bifrost.close()


def test_what_is_no_store_is_explained(tmp_path: Path, embedded: Ledger) -> None:
    (tmp_path / "text.db").write_text("not a database")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE logs (id text, message text)")
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE t (id text)")
    for path, said in (
        ("missing.db", "no such file"),
        ("text.db", "not a SQLite database"),
        ("other.db", "another program's"),
        ("empty.db", "no logs here"),
    ):
        with pytest.raises(store.StoreError, match=said):
            synced(embedded, str(tmp_path / path))


def test_basic_auth_comes_from_the_url_or_the_settings(embedded: Ledger) -> None:
    api = LogApi()
    api.password = "p@ss word"
    api.write(row(0))
    with serving(api) as url:
        inside = url.replace("http://", "http://admin:p%40ss%20word@")
        assert counts(synced(embedded, inside))[0] == 1
        settings: dict[str, Any] = {"sync_user": "admin", "sync_password": SecretStr("p@ss word")}
        assert counts(synced(embedded, f"{url}/api/logs", **settings)) == (0, 1, 0, 0)
        with pytest.raises(store.Unusable, match="TALLYBOOK_SYNC_PASSWORD") as error:
            synced(embedded, url.replace("http://", "http://admin:wrong@"))
        assert "wrong" not in str(error.value)


def test_what_is_no_log_api_is_explained(embedded: Ledger) -> None:
    api = LogApi()
    with serving(api) as url:
        for code, kind in (
            (404, store.Unusable),
            (500, store.Away),
            (503, store.Away),
            (302, store.Unusable),
        ):
            api.refuses = code
            with pytest.raises(kind):
                synced(embedded, url)
    with pytest.raises(store.Away, match="refused"):
        synced(embedded, url)


class DamagedApi(LogApi):
    """Answers pages with something between the rows that is no row."""

    def answer(self, target: str, authorization: str | None) -> tuple[int, Any]:
        code, page = super().answer(target, authorization)
        page.get("logs", []).insert(1, 7)
        return code, page


def test_a_row_of_a_page_that_cannot_be_read_costs_no_other_row(embedded: Ledger) -> None:
    api = DamagedApi()
    api.write(row(0), row(1, model="gpt-\ud800"), row(2), row(3, provider=5))
    with serving(api) as url:
        assert counts(synced(embedded, url)) == (3, 0, 0, 2)
        assert counts(synced(embedded, url)) == (0, 3, 0, 2)
    assert verify(embedded) == []


def test_an_api_without_tool_calls_is_read(embedded: Ledger) -> None:
    api = LogApi()
    api.tool_calls = None
    api.write(row(0))
    with serving(api) as url:
        assert counts(synced(embedded, url))[0] == 1


@pytest.mark.postgres
def test_a_reader_with_rights_to_the_needed_columns_alone_is_enough(
    postgres: sa.URL, embedded: Ledger
) -> None:
    name = f"g_{uuid.uuid4().hex}"
    with administrator(postgres) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
        connection.execute(sa.text(f"CREATE ROLE r_{name} LOGIN PASSWORD 'secret-of-{name}'"))
    gateway = BifrostOnPostgres(postgres.set(database=name))
    gateway.write(row(0))
    reader = postgres.set(
        database=name, username=f"r_{name}", password=f"secret-of-{name}", drivername="postgresql"
    )
    url = reader.render_as_string(hide_password=False)
    with pytest.raises(store.Unusable, match="GRANT SELECT") as error:
        synced(embedded, url)
    assert "secret" not in str(error.value)
    columns = ", ".join(f'"{column}"' for column in LOGS if column not in CONTENT)
    gateway.execute(f"GRANT SELECT ({columns}) ON logs TO r_{name}")
    gateway.execute("DROP TABLE mcp_tool_logs")
    assert counts(synced(embedded, url)) == (1, 0, 0, 0)
    gateway.close()


@pytest.mark.postgres
def test_a_database_is_read_in_transactions_that_cannot_write(postgres: sa.URL) -> None:
    url = postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    opened = PostgresStore(url)
    with pytest.raises(store.Unusable, match="read-only transaction"):
        opened._read("CREATE TABLE written (a integer)", ())
    opened.close()


def test_a_file_is_opened_so_that_it_cannot_be_written(tmp_path: Path) -> None:
    Bifrost(tmp_path / "logs.db").close()
    with pytest.raises(store.Unusable, match="readonly database"):
        SqliteStore(tmp_path / "logs.db")._read("CREATE TABLE written (a integer)", ())


@pytest.mark.postgres
def test_a_refused_connection_is_explained_without_the_password(postgres: sa.URL, embedded: Ledger) -> None:
    elsewhere = postgres.set(drivername="postgresql", database="no_such_database", password="hush")
    with pytest.raises(store.Unusable, match="does not exist") as error:
        synced(embedded, elsewhere.render_as_string(hide_password=False))
    assert "hush" not in str(error.value)
    with pytest.raises(store.Unusable, match="no PostgreSQL URL") as error:
        open_store(BIFROST, "postgresql://me:hu%sh@host/x", Settings())
    assert "hu%sh" not in str(error.value)
    with pytest.raises(store.Away):
        synced(embedded, "postgresql://me:hush@127.0.0.1:1/x")


@examples(3)
@given(seed=st.integers(0, 10_000), page=st.integers(8, 15), look_back=st.integers(0, 3))
def test_any_split_of_reading_gives_the_same_ledger(
    fresh_ledger: Callable[[], Ledger], tmp_path: Path, seed: int, page: int, look_back: int
) -> None:
    chance = random.Random(seed)
    path = tmp_path / f"{uuid.uuid4().hex}.db"
    bifrost, ledger = Bifrost(path), fresh_ledger()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.sync.sqlite_store.PAGE", page)
        patch.setattr(pull, "_PAGES_PER_COMMIT", chance.randint(1, 3))
        for n in range(30):
            bifrost.write(processing(n) if chance.random() < 0.3 else row(n))
            if chance.random() < 0.3:
                late = chance.randrange(max(n - 5, 0), n + 1)
                bifrost.write(row(late, cost=chance.choice([0.5, 0.25])))
            if chance.random() < 0.4:
                synced(ledger, str(path), Options(look_back=(look_back + 1) * 60 * 1_000_000))
        for n in range(30):
            bifrost.write(row(n))
        synced(ledger, str(path), Options(since=0))
    bifrost.close()
    # A row that had an amount before and has it again is known: the last amount that was new stands.
    events, tokens, _ = ledger_of(ledger)
    assert (events, tokens) == expected(*range(30))[:2]
    rollups.roll(ledger)
    assert verify(ledger) == []
    ledger.close()
