"""The sample ledger: the same for the same seed, believable, exact, and never in the way of one's own."""

import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from dashboard.demo import command
from dashboard.demo import service as demo_service
from dashboard.demo.keys import KEYS
from dashboard.demo.load import make_demo
from dashboard.demo.models import UNPRICED
from dashboard.demo.random_draws import Curve
from dashboard.demo.schedules import ALWAYS, CUSTOMERS, NIGHTS, OFFICE, Period, Schedule
from dashboard.demo.traffic import traffic
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.tables.calls import directory, price_set, term, usage_event
from ingest.ledger.verification import verify
from ingest.model.event import UsageEvent, check
from ingest.model.receipt import Receipt
from ingest.pricing.book import Book
from ingest.settings import Settings
from tests.support.ledgers import ARRIVAL, SECRET, put_events

END = date(2026, 11, 20)
DAY = 86_400_000_000
EVENTS = 12_000
STOP = (datetime(2026, 11, 21, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(hours=1)
PERIOD = Period(STOP - 90 * 24, 90 * 24)


@dataclass(frozen=True)
class Made:
    ledger: Ledger
    receipt: Receipt


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    file = tmp_path_factory.mktemp("demo") / "made.db"
    ledger = open_ledger(Settings(database_url=f"sqlite:///{file}", secret_key=SECRET))
    yield Made(ledger, make_demo(ledger, events=EVENTS // 2, days=40, end=END))
    ledger.close()


@pytest.fixture(scope="module")
def events() -> list[UsageEvent]:
    return list(traffic(PERIOD, EVENTS, seed=1))


def rows(ledger: Ledger, query: sa.Select[Any]) -> list[Any]:
    with ledger.reading() as connection:
        return list(connection.execute(query))


def spelled(column: str, *more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Counts by the text of a term column."""
    joined = usage_event.join(term, term.c.term_id == usage_event.c[column])
    return sa.select(term.c.text, sa.func.count(), *more).select_from(joined).group_by(term.c.text)


# The same for the same seed


def test_the_same_arguments_give_the_same_rows(tmp_path: Path) -> None:
    def dump(name: str) -> list[Any]:
        ledger = open_ledger(Settings(database_url=f"sqlite:///{tmp_path / name}", secret_key=SECRET))
        make_demo(ledger, events=300, days=10, seed=7, end=END)
        with ledger.reading() as connection:
            found = connection.exec_driver_sql("SELECT * FROM usage_event ORDER BY seq").all()
        ledger.close()
        return [tuple(row) for row in found]

    assert dump("one.db") == dump("other.db")


def test_it_does_not_depend_on_how_python_hashes() -> None:
    program = (
        "import hashlib, msgspec; from dashboard.demo.schedules import Period; from dashboard.demo.traffic import traffic; "
        "made = msgspec.msgpack.encode(list(traffic(Period(496000, 240), 500, 3))); print(hashlib.sha256(made).hexdigest())"
    )

    def digest(hashing: str) -> str:
        env = {"PYTHONHASHSEED": hashing}
        return subprocess.run(
            [sys.executable, "-c", program], env=env, check=True, capture_output=True, text=True
        ).stdout

    assert digest("1") == digest("2")


def test_another_seed_gives_other_events(events: list[UsageEvent]) -> None:
    other = list(traffic(PERIOD, EVENTS, seed=2))
    assert msgspec.msgpack.encode(other) != msgspec.msgpack.encode(events)
    assert not {event.source_event_id for event in other} & {event.source_event_id for event in events}


# As many as asked for, and when


def test_every_event_is_accepted_and_possible(made: Made, events: list[UsageEvent]) -> None:
    assert (made.receipt.accepted, made.receipt.records) == (EVENTS // 2, EVENTS // 2)
    for event in events:
        check(event)


@pytest.mark.parametrize(("events", "days"), [(1, 1), (7, 1), (50, 2), (333, 400)])
def test_so_many_and_in_the_period(events: int, days: int) -> None:
    period = Period(STOP - 24 * days, 24 * days)
    at = [event.occurred_at or 0 for event in traffic(period, events, seed=5)]
    assert len(at) == events
    assert period.start <= min(at) / DAY * 24 <= max(at) / DAY * 24 < period.stop


def test_nothing_lies_in_the_future(embedded: Ledger) -> None:
    now = datetime(2026, 11, 20, 14, 25, tzinfo=UTC)
    make_demo(embedded, events=400, days=2, end=END, now=now)
    ((first, last),) = rows(
        embedded, sa.select(sa.func.min(usage_event.c.occurred_at), sa.func.max(usage_event.c.occurred_at))
    )
    assert datetime(2026, 11, 18, 14, tzinfo=UTC) <= first < last < datetime(2026, 11, 20, 14, tzinfo=UTC)


@pytest.mark.parametrize("schedule", [OFFICE, CUSTOMERS, NIGHTS, ALWAYS])
def test_a_schedule_weighs_1_on_average(schedule: Schedule) -> None:
    assert sum(schedule.at(hour) for hour in range(168)) == pytest.approx(168)


def test_a_curve_goes_through_its_quantiles() -> None:
    curve = Curve(((0, 10), (0.5, 20), (1, 100)))
    assert [curve.at(share) for share in (0, 0.25, 0.5, 0.75, 0.999999)] == [10, 15, 20, 60, 99]


# Believable


def test_weekdays_are_busier_than_weekends_and_batches_run_at_night(events: list[UsageEvent]) -> None:
    days = Counter(datetime.fromtimestamp((e.occurred_at or 0) / 1e6, UTC).weekday() for e in events)
    assert (days[5] + days[6]) / 2 < 0.6 * sum(days[day] for day in range(5)) / 5
    batch = Counter(
        datetime.fromtimestamp((e.occurred_at or 0) / 1e6, UTC).hour
        for e in events
        if e.service_tier == "batch"
    )
    assert sum(batch[hour] for hour in (22, 23, 0, 1, 2, 3, 4)) > 0.8 * batch.total()


def test_traffic_grows(events: list[UsageEvent]) -> None:
    middle = PERIOD.start + PERIOD.hours // 2
    late = sum((event.occurred_at or 0) / DAY * 24 >= middle for event in events)
    assert 0.52 < late / EVENTS < 0.62


def test_keys_have_their_shares(events: list[UsageEvent]) -> None:
    by_key = Counter(event.virtual_key for event in events)
    assert len(by_key) == len(KEYS)
    assert sum(key.share for key in KEYS) == 1000
    (_, most), *_ = by_key.most_common()
    assert 0.2 < most / EVENTS < 0.3
    assert len({event.team for event in events}) == 6
    assert len({event.customer for event in events}) == 3
    assert {event.environment for event in events} == {"production", "staging", "dev"}


def test_calls_end_in_every_way(events: list[UsageEvent]) -> None:
    ends = Counter(event.status for event in events)
    assert 0.01 < ends["error"] / EVENTS < 0.04
    assert {event.error_type for event in events if event.status == "error"} == {
        "rate_limit_exceeded",
        "timeout",
        "invalid_request_error",
    }
    billed = Counter(event.input_tokens is not None for event in events if event.status == "cancelled")
    assert billed[True] > 10
    assert billed[False] > 10
    hits = Counter(event.cache_hit_type for event in events if event.cache_hit)
    assert set(hits) == {"direct", "semantic"}
    assert 0.02 < hits.total() / EVENTS < 0.06


def test_one_provider_has_a_bad_hour() -> None:
    timeouts = Counter(
        ((event.occurred_at or 0) * 24 // DAY, event.provider)
        for event in traffic(PERIOD, 40_000, seed=1)
        if event.error_type == "timeout"
    )
    (worst, second) = timeouts.most_common(2)
    assert worst[0][1] == "anthropic"
    assert worst[1] >= 2 * second[1]


def test_a_second_attempt_names_the_first(events: list[UsageEvent]) -> None:
    by_id = {event.source_event_id: event for event in events}
    second = [event for event in events if event.attempt]
    assert len(second) > 20
    for event in second:
        first = by_id[event.parent_id]
        assert first.status == "error"
        assert (first.virtual_key, first.end_user, first.model) == (
            event.virtual_key,
            event.end_user,
            event.model_requested,
        )
        assert (event.occurred_at or 0) > (first.occurred_at or 0)


def test_prompts_are_cached_about_as_often_as_in_the_traces(events: list[UsageEvent]) -> None:
    told = [event for event in events if event.cache_read_tokens is not None]
    read = sum(event.cache_read_tokens or 0 for event in told)
    every = sum(event.input_tokens or 0 for event in events)
    assert 0.3 < read / every < 0.5
    assert any(event.cache_write_tokens for event in told)
    assert any(event.reasoning_tokens for event in events)


def test_streams_have_a_first_token_before_their_last(events: list[UsageEvent]) -> None:
    streams = [event for event in events if event.stream]
    assert len(streams) > EVENTS / 4
    for event in streams:
        assert 0 < (event.time_to_first_token_us or 0) <= (event.latency_us or 0)


def test_a_key_runs_away_near_the_end(events: list[UsageEvent]) -> None:
    (runaway,) = (key.ident for key in KEYS if key.runs_away)
    days = Counter((e.occurred_at or 0) // DAY for e in events if e.virtual_key == runaway)
    (one, most), (other, also), (_, usual), *_ = days.most_common()
    assert abs(one - other) == 1
    assert STOP // 24 - 7 < min(one, other) < STOP // 24
    assert min(most, also) > 2 * usual


# Priced


def test_all_models_but_those_of_ones_own_are_priced(made: Made) -> None:
    unpriced = sa.func.sum(sa.case((usage_event.c.total_cost.is_(None), 1), else_=0))
    by_model = {
        text: (calls, missing) for text, calls, missing in rows(made.ledger, spelled("model_id", unpriced))
    }
    assert len(by_model) >= 12
    own = {model.name for model in UNPRICED}
    assert {name for name, (_, missing) in by_model.items() if missing} == own
    assert made.receipt.unpriced == sum(missing for _, missing in by_model.values()) > 0


def test_costs_come_from_every_source(made: Made) -> None:
    sources: dict[str, int] = dict(tuple(row) for row in rows(made.ledger, spelled("cost_source_id")))
    assert set(sources) == {"computed", "reported", "unpriced", "free"}


def test_prices_change_in_the_period(made: Made, events: list[UsageEvent]) -> None:
    mistral = sa.select(price_set.c.rates).where(price_set.c.model == "mistral-large-4").distinct()
    assert len(rows(made.ledger, mistral)) >= 2
    asked = [
        event.reported.input // (event.input_tokens or 1)
        for event in events
        if event.reported and event.reported.input
    ]
    assert asked == sorted(asked, reverse=True)
    assert len(set(asked)) == 2


def test_batches_have_batch_prices(made: Made) -> None:
    tiers = {text for (text,) in rows(made.ledger, sa.select(price_set.c.service_tier).distinct())}
    assert tiers == {"standard", "batch"}


def test_the_ledger_is_sound(made: Made) -> None:
    assert verify(made.ledger) == []


def test_raw_keys_show_as_hints(made: Made) -> None:
    keys = rows(
        made.ledger,
        sa.select(directory.c.name, directory.c.hint).where(directory.c.kind == "virtual_key"),
    )
    assert len(keys) == len(KEYS)
    assert sorted(hint for name, hint in keys if name is None) == ["sk-bf-…ers1", "sk-bf-…ing1"]


# The command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("TALLYBOOK_DATABASE_URL", "TALLYBOOK_SECRET_KEY", "TALLYBOOK_TIMEZONE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def count(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT count(*) FROM usage_event").fetchone()[0])


def test_it_makes_a_file_and_says_how_to_serve_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(events=60, days=5, end="2026-11-20") == 0
    assert files(here) == {"demo.db", "demo.db.secret"}
    assert "TALLYBOOK_DATABASE_URL=sqlite:///demo.db tallybook serve" in capsys.readouterr().out


def test_it_makes_a_sample_ledger_again(here: Path) -> None:
    assert command.run(events=60, days=5, end="2026-11-20") == 0
    secret = (here / "demo.db.secret").read_bytes()
    assert command.run(events=80, days=5, end="2026-11-20") == 0
    assert count(here / "demo.db") == 80
    assert (here / "demo.db.secret").read_bytes() == secret
    assert files(here) == {"demo.db", "demo.db.secret"}
    open_ledger(Settings(database_url="sqlite:///demo.db")).close()


def test_a_log_left_behind_is_not_played_into_the_new_file(here: Path) -> None:
    (here / "demo.db-wal").write_bytes(b"of a database that is gone")
    assert command.run(events=60, days=5, end="2026-11-20") == 0
    assert files(here) == {"demo.db", "demo.db.secret"}


@pytest.mark.parametrize("content", [b"", b"precious notes", b"SQLite format 3\x00 not really"])
def test_it_never_touches_another_file(
    here: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "demo.db").write_bytes(content)
    assert command.run(events=60, days=5) == 1
    assert (here / "demo.db").read_bytes() == content
    assert files(here) == {"demo.db"}
    assert "not a sample ledger" in capsys.readouterr().err


def test_it_never_touches_a_ledger_of_ones_own(here: Path, book: Book) -> None:
    own = open_ledger(Settings(database_url="sqlite:///own.db"))
    put_events(own, book, UsageEvent(source="mine", source_event_id="1"))
    own.close()
    before = {name: (here / name).read_bytes() for name in files(here)}
    assert command.run(events=60, days=5, path="own.db") == 1
    assert {name: (here / name).read_bytes() for name in files(here)} == before


def test_a_sample_ledger_with_calls_of_ones_own_stays(
    here: Path, book: Book, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(events=60, days=5, end="2026-11-20") == 0
    ledger = open_ledger(Settings(database_url="sqlite:///demo.db"))
    put_events(ledger, book, UsageEvent(source="mine", source_event_id="1"), at=ARRIVAL)
    ledger.close()
    assert command.run(events=60, days=5) == 1
    assert count(here / "demo.db") == 61
    assert "1 calls of your own" in capsys.readouterr().err


def test_a_sample_ledger_in_use_stays(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo_service, "_BUSY_SECONDS", 0.1)
    assert command.run(events=60, days=5, end="2026-11-20") == 0
    ledger = open_ledger(Settings(database_url="sqlite:///demo.db"))
    with ledger.reading() as connection:
        connection.execute(sa.select(term.c.text)).all()
        assert command.run(events=70, days=5) == 1
    ledger.close()
    assert count(here / "demo.db") == 60
    assert "in use" in capsys.readouterr().err


def test_what_fails_half_way_leaves_the_old_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command.run(events=60, days=5, end="2026-11-20") == 0

    def fail(*_: object, **__: object) -> Receipt:
        raise OSError("no space left on device")

    monkeypatch.setattr(demo_service, "make_demo", fail)
    assert command.run(events=70, days=5) == 1
    assert count(here / "demo.db") == 60
    assert files(here) == {"demo.db", "demo.db.secret"}


@pytest.mark.parametrize(("days", "end"), [(90, "someday"), (90, "1999-12-31"), (10**9, None)])
def test_a_period_that_cannot_be_is_wrong_usage(here: Path, days: int, end: str | None) -> None:
    assert command.run(events=1, days=days, end=end) == 2
    assert files(here) == set()
