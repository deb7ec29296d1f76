"""Pricing again: stored calls at today's prices, each at its time.

What it changed is on record, and nothing else moves.
"""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dashboard.query.question import Period, SpendQuery
from dashboard.query.run import run
from ingest.ledger import price_book, rollups
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.event_reader import StoredCall, is_same_charge, read_calls
from ingest.ledger.tables.calls import usage_event
from ingest.ledger.verification import verify
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.zone import micros
from ingest.price_book import reprice_runs, repricing
from ingest.price_book.reprice_runs import Scope
from ingest.price_book.service import SetPriceOptions, set_price
from ingest.pricing.book import Book
from ingest.pricing.point import OWN, PricePoint
from ingest.pricing.pricing import price
from ingest.settings import Settings
from tests.support.ledgers import SECRET, Post, put_events
from tests.support.samples import SAMPLES, events, record

DAY = micros(datetime(2026, 11, 2, tzinfo=UTC))
HOUR = 3_600_000_000
DOLLAR = 10**12


def call(key: str, model: str = "house-model", **facts: Any) -> UsageEvent:
    known = {
        "source": "test",
        "source_event_id": key,
        "provider": "openai",
        "model": model,
        "occurred_at": DAY,
    }
    return UsageEvent(**{**known, "input_tokens": 1_000_000, "output_tokens": 0, **facts})


def costs(ledger: Ledger, price_of_input: str, model: str = "house-model", **facts: Any) -> None:
    """Set a price of input by hand, in dollars per million tokens."""
    point = PricePoint(
        source=OWN,
        provider="openai",
        model=model,
        meter="input",
        price=Decimal(price_of_input),
        per=1_000_000,
        **facts,
    )
    with ledger.writing() as connection:
        price_book.add_points(connection, [point])


def set_(ledger: Ledger, model: str, *assignments: str) -> None:
    provider, _, name = model.partition("/")
    options = SetPriceOptions(provider=provider, model=name, assignments=assignments)
    set_price(ledger, options, by="ada", at=DAY)


def stored(ledger: Ledger) -> list[StoredCall]:
    with ledger.reading() as connection:
        return read_calls(connection, 0, 10_000)


def totals(ledger: Ledger) -> dict[str, int | None]:
    c = usage_event.c
    wanted = sa.select(c.source_event_id, sa.type_coerce(c.total_cost, sa.BigInteger)).order_by(
        c.source_event_id
    )
    with ledger.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(wanted)}


def spend(ledger: Ledger) -> Any:
    period = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC))
    return run(ledger, SpendQuery(period=period, zone="UTC", metrics=("total_cost",))).total("total_cost")


def reprice(ledger: Ledger, **scope: Any) -> reprice_runs.Run:
    return repricing.reprice(ledger, Scope(**scope), "ada")


def test_an_event_comes_back_as_pricing_knew_it(embedded: Ledger, book: Book, post: Post) -> None:
    known = [record(path) for path in SAMPLES]
    post(embedded, *(raw for raw in known if "refused" not in events(raw)))
    found = stored(embedded)
    assert len(found) > 150
    for one in found:
        again = price(one.event, book, one.occurred_at)
        assert is_same_charge(again, one.charge), (one.event, one.charge, again)


def test_a_call_without_a_price_gets_the_one_that_was_set(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call("a"), call("b", "gpt-4o"))
    before = totals(ledger)
    costs(ledger, "2")
    done = reprice(ledger, only_unpriced=True)
    assert (done.status, done.examined, done.changed) == ("done", 1, 1)
    assert totals(ledger) == {**before, "a": 2 * DOLLAR}
    [change] = done.changes
    assert (change.model, change.before, change.after) == ("house-model", 0, 2 * DOLLAR)
    assert (change.unpriced_before, change.unpriced_after) == (1, 0)


def test_answers_follow_at_once_and_the_rollups_after(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call("a"))
    rollups.roll(ledger)
    costs(ledger, "2")
    assert spend(ledger) == Decimal(0)
    reprice(ledger)
    assert spend(ledger) == Decimal(2)
    rollups.roll(ledger)
    assert (spend(ledger), verify(ledger)) == (Decimal(2), [])


def test_images_of_a_size_and_calls_of_tools_are_priced_again_by_what_they_were(
    ledger: Ledger, book: Book
) -> None:
    drawn: dict[str, Any] = {
        "input_tokens": None,
        "output_tokens": None,
        "images": 2,
        "image_size": "1024x1536",
    }
    put_events(ledger, book, call("drawn", image_quality="high", **drawn), call("used", tool_calls=3))
    set_(ledger, "openai/high/1024-x-1536/house-model", "image=0.25")
    set_(ledger, "openai/house-model", "input=2", "tool_call=0.5", "image=0.01")
    reprice(ledger)
    assert totals(ledger) == {"drawn": DOLLAR // 2, "used": 2 * DOLLAR + 3 * DOLLAR // 2}


def test_a_second_run_changes_nothing(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, *(call(str(n)) for n in range(5)))
    costs(ledger, "2")
    assert [reprice(ledger).changed for _ in range(2)] == [5, 0]


def test_a_price_that_starts_a_day_later_changes_exactly_that_days_calls(ledger: Ledger, book: Book) -> None:
    edges = [DAY - 1, DAY, DAY + 24 * HOUR - 1, DAY + 24 * HOUR]
    put_events(ledger, book, *(call(str(at), occurred_at=at) for at in edges))
    costs(ledger, "1")
    costs(ledger, "2", valid_from=DAY, added_at=1)
    reprice(ledger)
    assert list(totals(ledger).values()) == [DOLLAR, 2 * DOLLAR, 2 * DOLLAR, 2 * DOLLAR]
    costs(ledger, "1", valid_from=DAY, valid_to=DAY + 24 * HOUR, added_at=2)
    assert reprice(ledger).changed == 2
    assert list(totals(ledger).values()) == [DOLLAR, DOLLAR, DOLLAR, 2 * DOLLAR]


@pytest.mark.parametrize(
    ("scope", "changed"),
    [
        ({"start": DAY + HOUR}, {"late"}),
        ({"end": DAY + HOUR}, {"early", "other"}),
        ({"model": "other-model"}, {"other"}),
        ({"provider": "openai"}, {"early", "late", "other"}),
        ({"provider": "nobody"}, set()),
    ],
)
def test_only_what_is_in_scope_is_touched(
    ledger: Ledger, book: Book, scope: dict[str, Any], changed: set[str]
) -> None:
    early, late = call("early"), call("late", occurred_at=DAY + HOUR)
    put_events(ledger, book, early, late, call("other", "other-model"))
    costs(ledger, "2")
    costs(ledger, "2", "other-model")
    reprice(ledger, **scope)
    assert {key for key, total in totals(ledger).items() if total is not None} == changed


def test_a_rehearsal_says_the_same_and_writes_nothing(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call("a"))
    costs(ledger, "2")
    found = repricing.dry_run(ledger, Scope())
    with ledger.reading() as connection:
        assert reprice_runs.runs(connection, 5) == []
    assert totals(ledger) == {"a": None}
    done = reprice(ledger)
    assert (found.examined, found.changed, found.changes) == (done.examined, done.changed, list(done.changes))


def test_what_a_source_reported_stays(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call("a", reported=ReportedCost(input=3, total=5)))
    costs(ledger, "2")
    done = reprice(ledger)
    [one] = stored(ledger)
    charge = one.charge
    assert (charge.cost_source, charge.total_cost, charge.reported_total) == ("reported", 5, 5)
    assert (charge.input_cost, charge.other_cost, charge.computed_total) == (3, 2, 2 * DOLLAR)
    assert (done.changed, done.changes[0].difference) == (1, 0)


def test_a_reported_cost_from_before_gets_the_price_set_of_its_computed_cost(
    embedded: Ledger, book: Book
) -> None:
    put_events(embedded, book, call("a", "gpt-4o", provider="openai", reported=ReportedCost(total=7)))
    with embedded.writing() as connection:
        connection.execute(usage_event.update().values(price_set_id=None))
    assert reprice(embedded).changed == 1
    (found,) = stored(embedded)
    assert (found.charge.total_cost, found.charge.cost_source) == (7, "reported")
    assert found.charge.price_set is not None
    assert not [finding for finding in verify(embedded) if finding.level == "error"]


def test_the_settings_say_whose_word_counts_and_it_can_be_turned_back(settings: Settings, book: Book) -> None:
    computed = settings.model_copy(update={"computed_costs": "test"})
    with open_ledger(settings) as ledger:
        put_events(ledger, book, call("a", reported=ReportedCost(total=5)))
        costs(ledger, "2")
    for chosen, total in ((computed, 2 * DOLLAR), (settings, 5), (computed, 2 * DOLLAR)):
        with open_ledger(chosen) as ledger:
            reprice(ledger)
            [one] = stored(ledger)
            assert (one.charge.total_cost, one.charge.reported_total) == (total, 5)
            assert one.charge.computed_total == 2 * DOLLAR


def test_a_call_that_is_revised_between_reading_and_writing_keeps_the_charge_of_its_revision(
    embedded: Ledger, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_events(embedded, book, call("a"))
    costs(embedded, "2")
    priced = repricing._price_events

    def and_then_it_is_revised(*arguments: Any) -> Any:
        found = priced(*arguments)
        put_events(embedded, book, call("a", input_tokens=3_000_000, reported=ReportedCost(total=7)))
        return found

    monkeypatch.setattr(repricing, "_price_events", and_then_it_is_revised)
    reprice(embedded)
    assert totals(embedded) == {"a": 7}


def test_a_run_that_fails_goes_on_where_it_was(
    ledger: Ledger, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_events(ledger, book, *(call(str(n)) for n in range(6)))
    costs(ledger, "2")
    monkeypatch.setattr(repricing, "SLICE_SIZE", 2)

    def cut(_: int, __: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repricing.reprice(ledger, Scope(), "ada", cut)
    with ledger.reading() as connection:
        held = reprice_runs.unfinished_run(connection)
    assert held is not None
    assert (held.status, held.examined, held.changed) == ("interrupted", 2, 2)
    done = repricing.resume(ledger, held)
    assert (done.run_id, done.status, done.examined, done.changed) == (held.run_id, "done", 6, 6)
    assert done.changes[0].after == 12 * DOLLAR
    assert set(totals(ledger).values()) == {2 * DOLLAR}


@pytest.mark.long
def test_a_run_that_is_killed_leaves_a_true_ledger_and_can_be_resumed(tmp_path: Path, book: Book) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/ledger.db", secret_key=SECRET)
    with open_ledger(settings) as ledger:
        put_events(ledger, book, *(call(str(n), input_tokens=10) for n in range(30_000)))
        rollups.roll(ledger)
        costs(ledger, "1")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TALLYBOOK_")},
        "TALLYBOOK_DATABASE_URL": settings.database_url,
        "TALLYBOOK_SECRET_KEY": SECRET.get_secret_value(),
    }
    command = [sys.executable, "-m", "dashboard", "reprice"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    with open_ledger(settings) as ledger:
        for _ in range(6_000):
            with ledger.reading() as connection:
                begun = reprice_runs.runs(connection, 1)
            if begun and begun[0].changed:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with ledger.reading() as connection:
            held = reprice_runs.unfinished_run(connection)
        assert held is not None
        assert 0 < held.changed < 30_000
        priced = [one for one in totals(ledger).values() if one is not None]
        assert held.examined >= len(priced) > 0
        assert verify(ledger) == []
        done = repricing.resume(ledger, held)
        assert (done.examined, done.changed) == (30_000, 30_000)
        rollups.roll(ledger)
        assert verify(ledger) == []
        assert spend(ledger) == Decimal("0.3")


def test_the_record_says_who_when_and_by_which_prices(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call("a"))
    costs(ledger, "2")
    reprice(ledger, model="house-model")
    with ledger.reading() as connection:
        [kept] = reprice_runs.runs(connection, 5)
    assert (kept.started_by, kept.scope) == ("ada", Scope(model="house-model"))
    assert kept.prices.points == 1
    assert kept.prices.snapshot.startswith("genai-prices ")
    assert kept.finished_at is not None
    assert kept.started_at <= kept.finished_at
