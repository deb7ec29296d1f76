"""Invariant 5: rollups are derived from events, and an answer is right at every moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.ledger import dialects, dirty_slots, rollups
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.rollups import join_sum, split_sum
from ingest.ledger.tables.calls import DAY_ROLLUPS, dirty_slot, rollup_day, rollup_slot, usage_event
from ingest.ledger.verification import verify
from ingest.model.event import ReportedCost
from ingest.pricing.book import Book
from ingest.settings import Settings
from tests.support.examples import examples
from tests.support.ledgers import ARRIVAL, put_events
from tests.support.one_call import HOUR, call

ROLLUPS = (rollup_slot, *(table for table, _ in DAY_ROLLUPS))


def exact(ledger: Ledger, table: sa.Table, name: str) -> int:
    """The sum of a column, however large."""
    with ledger.reading() as connection:
        return join_sum(*connection.execute(sa.select(*split_sum(table.c[name], name))).one())


def test_a_rolled_ledger_has_the_sums_of_its_events_in_every_rollup(ledger: Ledger, book: Book) -> None:
    put_events(
        ledger,
        book,
        *(call(f"r-{n}", occurred_at=ARRIVAL - n * 7 * HOUR, virtual_key=f"vk-{n % 3}") for n in range(20)),
    )
    assert rollups.roll(ledger) == 20
    assert rollups.count_dirty_slots(ledger) == 0
    for table in ROLLUPS:
        assert exact(ledger, table, "requests") == 20
        assert exact(ledger, table, "total_cost") == 20 * 500_000_000_000
        assert exact(ledger, table, "input_tokens") == exact(ledger, usage_event, "input_tokens")
    assert verify(ledger) == []


def test_rolling_again_changes_nothing(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call(), call("r-2", occurred_at=ARRIVAL - 30 * HOUR))
    rollups.roll(ledger)
    assert rollups.roll(ledger) == 0
    assert rollups.rebuild(ledger) == 2
    assert exact(ledger, rollup_day, "requests") == 2
    assert verify(ledger) == []


def test_a_mark_that_changed_while_its_slot_was_summed_stays(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call())
    with ledger.writing() as connection:
        held = dict(connection.execute(sa.select(dirty_slot.c.slot, dirty_slot.c.generation)).all())
    put_events(ledger, book, call("r-2"))
    with ledger.writing() as connection:
        assert dirty_slots.clear(connection, held) == set()
    assert rollups.count_dirty_slots(ledger) == 1


def test_a_sum_too_large_for_a_cell_is_spread_and_stays_exact(ledger: Ledger, book: Book) -> None:
    dear = ReportedCost(total=9_000_000 * 10**12)
    put_events(ledger, book, *(call(f"r-{n}", reported=dear) for n in range(5)))
    rollups.roll(ledger)
    for table in ROLLUPS:
        assert exact(ledger, table, "total_cost") == 5 * 9_000_000 * 10**12
        assert exact(ledger, table, "requests") == 5
    assert [finding for finding in verify(ledger) if finding.level == "error"] == []


def test_a_new_reporting_zone_makes_the_day_grain_again(
    ledger: Ledger, settings: Settings, book: Book
) -> None:
    put_events(ledger, book, *(call(f"r-{n}", occurred_at=ARRIVAL - n * HOUR) for n in range(30)))
    rollups.roll(ledger)
    moved = open_ledger(settings.model_copy(update={"timezone": "Asia/Kathmandu"}))
    assert moved.zone.name == "Asia/Kathmandu"
    rollups.roll(moved)
    assert exact(moved, rollup_day, "requests") == 30
    assert verify(moved) == []
    moved.close()
    again = open_ledger(settings)
    assert again.zone.name == "Asia/Kathmandu"
    again.close()


def test_a_process_with_the_old_zone_does_not_write(ledger: Ledger, settings: Settings, book: Book) -> None:
    open_ledger(settings.model_copy(update={"timezone": "Asia/Kathmandu"})).close()
    with pytest.raises(dirty_slots.ZoneChanged, match="start this process again"):
        put_events(ledger, book, call())


@pytest.mark.parametrize("table", ROLLUPS, ids=lambda table: table.name)
def test_verify_finds_a_rollup_that_is_not_what_events_add_up_to(
    ledger: Ledger, book: Book, table: sa.Table
) -> None:
    put_events(ledger, book, call())
    rollups.roll(ledger)
    with ledger.writing() as connection:
        connection.execute(table.update().values(input_tokens=table.c.input_tokens + 1))
    assert [finding.invariant for finding in verify(ledger)] != []


def test_verify_finds_events_that_no_rollup_knows(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call())
    with ledger.writing() as connection:
        connection.execute(dirty_slot.delete())
    assert [finding.invariant for finding in verify(ledger)] == ["derived rollups"]


def test_verify_finds_components_that_do_not_add_up(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call())
    with ledger.writing() as connection:
        connection.execute(sa.text("UPDATE usage_event SET input_cost = 1"))
    assert "exact money" in {finding.invariant for finding in verify(ledger)}


def test_verify_warns_when_one_traffic_seems_to_be_there_twice(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call(source="bifrost"), call("log-1", source="bifrost-log"))
    rollups.roll(ledger)
    assert [(f.invariant, f.level) for f in verify(ledger)] == [("once", "warning")]


steps = st.lists(st.tuples(st.sampled_from(["put", "revise", "roll"]), st.integers(0, 11)), max_size=25)


@given(steps=steps)
@examples(8)
def test_rollups_of_clean_slots_are_true_after_any_history(
    steps: list[tuple[str, int]], fresh_ledger: Callable[[], Ledger], book: Book
) -> None:
    play(steps, fresh_ledger(), book)


def play(steps: list[tuple[str, int]], ledger: Ledger, book: Book) -> None:
    """A history of calls, revisions and rollups, after which every invariant holds."""
    for version, (step, n) in enumerate(steps):
        if step == "roll":
            rollups.roll(ledger)
            continue
        facts: dict[str, Any] = {"occurred_at": ARRIVAL - n * 5 * HOUR, "latency_us": 1000 * n or None}
        if step == "revise":
            tokens = {"input_tokens": 10 + version, "total_tokens": 15 + version}
            facts |= tokens | {"source_updated_at": ARRIVAL + version}
        put_events(ledger, book, call(f"r-{n}", **facts))
    assert verify(ledger) == []
    ledger.close()


@given(steps=steps)
@examples(4)
def test_large_days_are_true_after_any_history(
    steps: list[tuple[str, int]], fresh_ledger: Callable[[], Ledger], book: Book
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollups, "_MOST_ROWS", 1)
        play(steps, fresh_ledger(), book)


def test_no_transaction_of_a_large_day_has_many_rows(
    embedded: Ledger, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day of many keys is written in parts, and nobody reads its day rows before the last."""
    many = [call(f"r-{n}", virtual_key=f"vk-{n}", occurred_at=ARRIVAL - n % 3 * HOUR) for n in range(95)]
    put_events(embedded, book, *many)
    monkeypatch.setattr(rollups, "_MOST_ROWS", 10)
    inserted: list[int] = []
    real = dialects.insert_rows

    def insert_rows(connection: sa.Connection, table: sa.Table, columns: Any, rows: Any) -> None:
        inserted.append(len(rows))
        real(connection, table, columns, rows)
        with embedded.reading() as other:
            assert other.execute(sa.select(sa.func.count()).select_from(dirty_slot)).scalar_one() > 0

    monkeypatch.setattr(dialects, "insert_rows", insert_rows)
    assert rollups.roll(embedded) == 3
    assert max(inserted) <= 10
    assert sum(inserted) == 95 + 95 + 95 + 1
    assert verify(embedded) == []


class Watched(Ledger):
    """A ledger that calls back after each of its transactions."""

    waiting: ClassVar[list[Callable[[], object]]] = []

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with super().writing() as connection:
            yield connection
        if self.waiting:
            self.waiting.pop()()


meanwhile = st.lists(
    st.tuples(st.sampled_from(["put", "roll", "roll small", "wait"]), st.integers(0, 3)), max_size=9
)


@given(steps=meanwhile)
@example(steps=[("roll", 0), ("put", 0), *[("wait", 0)] * 5])
@example(steps=[("roll small", 0), ("put", 3), *[("wait", 0)] * 6])
@examples(10)
def test_rollers_and_writers_between_the_transactions_of_a_large_day(
    steps: list[tuple[str, int]], fresh_ledger: Callable[[], Ledger], book: Book
) -> None:
    """After each transaction another process puts a call, or rolls with another idea of a large day."""
    other = fresh_ledger()
    ledger = Watched(other.engine, other.zone, other.keyring)
    put_events(other, book, *(call(f"r-{n}", occurred_at=ARRIVAL - n * HOUR) for n in range(4)))

    def act(number: int, step: str, n: int) -> None:
        if step == "put":
            put_events(other, book, call(f"n-{number}", occurred_at=ARRIVAL - n * HOUR))
        if not step.startswith("roll"):
            return
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rollups, "_MOST_ROWS", 1_000 if step == "roll small" else 1)
            rollups.roll(other)

    Watched.waiting[:] = [partial(act, number, *step) for number, step in enumerate(steps)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollups, "_MOST_ROWS", 1)
        rollups.roll(ledger)
        assert verify(ledger) == []
        Watched.waiting.clear()
        rollups.roll(ledger)
    assert rollups.count_dirty_slots(ledger) == 0
    assert verify(ledger) == []
    other.close()
