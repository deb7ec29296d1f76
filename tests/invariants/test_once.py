"""Invariant 1: an event is counted once; revisions replace, and the old version is kept."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import dirty_slot, usage_event, usage_event_revision
from ingest.pricing.book import Book
from tests.support.examples import examples
from tests.support.ledgers import ARRIVAL, put_events
from tests.support.one_call import HOUR, call, totals


def kept_versions(ledger: Ledger) -> int:
    with ledger.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(usage_event_revision)).scalar_one()


def test_the_same_content_again_is_a_duplicate_and_changes_nothing(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call())
    before = totals(ledger)
    receipt = put_events(ledger, book, call(), at=ARRIVAL + HOUR)
    assert (receipt.accepted, receipt.duplicates, receipt.revised) == (0, 1, 0)
    assert totals(ledger) == before


def test_the_same_record_twice_in_one_body_counts_once(ledger: Ledger, book: Book) -> None:
    receipt = put_events(ledger, book, call(), call("r-2"), call())
    assert (receipt.accepted, receipt.duplicates) == (2, 1)
    assert totals(ledger)[0] == 2


def test_other_content_for_the_same_identity_replaces_the_row_and_keeps_the_old_one(
    ledger: Ledger, book: Book
) -> None:
    put_events(ledger, book, call())
    receipt = put_events(ledger, book, call(input_tokens=20, total_tokens=25))
    assert (receipt.accepted, receipt.duplicates, receipt.revised) == (0, 0, 1)
    assert totals(ledger)[:2] == (1, 20)
    assert kept_versions(ledger) == 1


def test_several_versions_in_one_body_leave_the_last_and_keep_the_others(ledger: Ledger, book: Book) -> None:
    versions = [call(input_tokens=count, total_tokens=count + 5) for count in (10, 20, 30, 25)]
    receipt = put_events(ledger, book, *versions)
    assert (receipt.accepted, receipt.revised) == (1, 3)
    assert totals(ledger)[:2] == (1, 30)
    assert kept_versions(ledger) == 3


def test_reading_an_old_file_again_does_not_turn_the_truth_back(ledger: Ledger, book: Book) -> None:
    old, new = call(), call(input_tokens=20, total_tokens=25)
    put_events(ledger, book, old)
    put_events(ledger, book, new)
    receipt = put_events(ledger, book, old)
    assert receipt.duplicates == 1
    assert totals(ledger)[:2] == (1, 20)


def test_a_version_with_fewer_billable_tokens_does_not_stand(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call(input_tokens=20, total_tokens=25))
    receipt = put_events(ledger, book, call())
    assert receipt.revised == 1
    assert totals(ledger)[:2] == (1, 20)
    assert put_events(ledger, book, call()).duplicates == 1


def test_the_sources_own_update_time_decides_before_tokens(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call(input_tokens=20, total_tokens=25, source_updated_at=ARRIVAL))
    put_events(ledger, book, call(source_updated_at=ARRIVAL + 1))
    assert totals(ledger)[:2] == (1, 10)


def test_two_sources_may_use_the_same_key(ledger: Ledger, book: Book) -> None:
    receipt = put_events(ledger, book, call(), call(source="another"))
    assert receipt.accepted == 2


def test_equal_records_without_a_key_are_as_many_calls_and_once_when_read_again(
    ledger: Ledger, book: Book
) -> None:
    first = put_events(ledger, book, call(None), call(None), call(None, input_tokens=11, total_tokens=16))
    again = put_events(
        ledger, book, call(None), call(None), call(None, input_tokens=11, total_tokens=16), at=ARRIVAL + HOUR
    )
    assert (first.accepted, first.duplicates) == (3, 0)
    assert (again.accepted, again.duplicates) == (0, 3)


def test_a_call_without_a_time_of_its_own_keeps_the_time_it_first_arrived(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call(occurred_at=None))
    put_events(ledger, book, call(occurred_at=None, input_tokens=20, total_tokens=25), at=ARRIVAL + 5 * HOUR)
    with ledger.reading() as connection:
        at = connection.execute(
            sa.select(sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger))
        ).scalar_one()
    assert at == ARRIVAL


def test_a_write_marks_the_slots_it_changes_and_a_duplicate_marks_none(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call())
    assert _marks(ledger) == {ledger.zone.slot(ARRIVAL - HOUR).slot}
    with ledger.writing() as connection:
        connection.execute(dirty_slot.delete())
    put_events(ledger, book, call())
    assert _marks(ledger) == set()


def test_a_revision_that_moves_a_call_marks_where_it_was_and_where_it_is(ledger: Ledger, book: Book) -> None:
    put_events(ledger, book, call())
    with ledger.writing() as connection:
        connection.execute(dirty_slot.delete())
    put_events(ledger, book, call(occurred_at=ARRIVAL - 9 * HOUR, source_updated_at=ARRIVAL))
    assert _marks(ledger) == {ledger.zone.slot(ARRIVAL - h * HOUR).slot for h in (1, 9)}


def test_ids_that_were_rolled_back_are_not_used_again(ledger: Ledger, book: Book) -> None:
    with pytest.raises(RuntimeError, match="zone"):
        put_events(replace(ledger, zone=type(ledger.zone)("Asia/Tokyo")), book, call(model="only-here"))
    assert totals(ledger)[0] == 0
    put_events(ledger, book, call(model="only-here"))
    with ledger.reading() as connection:
        joined = sa.text("SELECT count(*) FROM usage_event e JOIN term t ON t.term_id = e.model_id")
        assert connection.execute(joined).scalar_one() == 1


@given(data=st.data())
@examples(8)
def test_any_order_and_any_split_of_records_and_repeats_gives_the_same_totals(
    data: st.DataObject, fresh_ledger: Callable[[], Ledger], book: Book
) -> None:
    distinct = [call(f"r-{n}", input_tokens=n, total_tokens=n + 5) for n in range(1, 8)]
    repeats = data.draw(st.lists(st.sampled_from(distinct), max_size=10))
    order = data.draw(st.permutations([*distinct, *repeats]))
    ledger = fresh_ledger()
    at = 0
    accepted = duplicates = 0
    while at < len(order):
        size = data.draw(st.integers(1, len(order)))
        receipt = put_events(ledger, book, *order[at : at + size])
        accepted, duplicates = accepted + receipt.accepted, duplicates + receipt.duplicates
        at += size
    assert (accepted, duplicates) == (7, len(repeats))
    assert totals(ledger) == (7, sum(range(1, 8)), 7 * 500_000_000_000)
    ledger.close()


def _marks(ledger: Ledger) -> set[int]:
    with ledger.reading() as connection:
        return set(connection.execute(sa.select(dirty_slot.c.slot)).scalars())
