"""Invariant 1 for traces: two spans of one call are one event, in whatever order and company they arrive."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import otel
from ingest.formats.otel import page
from ingest.framing import RawRecord
from ingest.intake.decode import Context, Decoder
from ingest.intake.intake import Intake
from ingest.ledger import call_spans, rollups
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import call_span, usage_event, usage_event_revision
from ingest.ledger.verification import verify
from ingest.model.receipt import Receipt
from ingest.pricing.book import Book
from tests.support.ledgers import ARRIVAL, put_records
from tests.support.spans import START, as_json, request, span
from tests.support.stored_events import kept

Span = dict[str, Any]

NO_USAGE = {"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}
CACHED = {"gen_ai.usage.cache_read.input_tokens": 64}
TRACES = count(1)


def put(ledger: Ledger, book: Book, *spans: Span) -> Receipt:
    return put_records(ledger, book, (as_json(request(*spans)),))


def counts(receipt: Receipt) -> tuple[int, int, int]:
    return receipt.accepted, receipt.duplicates, receipt.revised


def standing(ledger: Ledger) -> list[int]:
    """The numbers of the spans that stand for a call."""
    return sorted(int(call["source_event_id"].partition(":")[2], 16) for call in kept(ledger))


def superseded(ledger: Ledger) -> list[int]:
    with ledger.reading() as connection:
        keys = connection.execute(sa.select(usage_event_revision.c.source_event_id)).scalars()
        return sorted(int(key.partition(":")[2], 16) for key in keys)


def test_two_spans_of_a_call_in_two_requests_are_one_event(ledger: Ledger, book: Book) -> None:
    outer, inner = span(1, scope="framework"), span(2, scope="sdk", with_=CACHED)
    assert counts(put(ledger, book, outer)) == (1, 0, 0)
    assert counts(put(ledger, book, inner)) == (0, 0, 1)
    assert (standing(ledger), superseded(ledger)) == ([2], [1])
    assert kept(ledger)[0]["cache_read_tokens"] == 64
    rollups.roll(ledger)
    assert verify(ledger) == []


def test_the_less_complete_span_that_comes_later_is_a_duplicate(embedded: Ledger, book: Book) -> None:
    outer, inner = span(1, scope="framework"), span(2, scope="sdk", with_=CACHED)
    put(embedded, book, inner)
    rollups.roll(embedded)
    assert counts(put(embedded, book, outer)) == (0, 1, 0)
    assert (standing(embedded), superseded(embedded)) == ([2], [1])
    rollups.roll(embedded)
    assert verify(embedded) == []


def test_two_spans_of_a_call_in_one_request_are_one_event_and_a_duplicate(
    embedded: Ledger, book: Book
) -> None:
    assert counts(put(embedded, book, span(1, scope="framework"), span(2, scope="sdk"))) == (1, 1, 0)


def test_spans_that_are_sent_again_change_nothing(embedded: Ledger, book: Book) -> None:
    spans = [span(1, scope="framework"), span(2, scope="sdk", with_=CACHED), span(3, scope="instrumentation")]
    put(embedded, book, *spans)
    before = kept(embedded)
    for again in (spans, spans[:1], spans[1:]):
        assert counts(put(embedded, book, *again)) == (0, len(again), 0)
    assert kept(embedded) == before


def test_a_span_is_an_event_again_when_its_partner_turns_out_to_be_of_another_call(
    ledger: Ledger, book: Book
) -> None:
    unsure = span(1, scope="framework", with_=NO_USAGE)
    put(ledger, book, unsure, span(2, scope="sdk"))
    assert standing(ledger) == [2]
    same = {"gen_ai.response.id": "chatcmpl-1"}
    put(ledger, book, span(2, scope="sdk", with_=same), span(3, scope="framework", with_=same))
    assert standing(ledger) == [1, 3]
    rollups.roll(ledger)
    assert verify(ledger) == []


def test_a_newer_version_of_a_span_that_does_not_stand_may_make_it_stand(ledger: Ledger, book: Book) -> None:
    put(
        ledger,
        book,
        span(1, scope="framework", with_=NO_USAGE),
        span(2, scope="sdk", with_=NO_USAGE | CACHED),
    )
    rollups.roll(ledger)
    assert counts(put(ledger, book, span(1, scope="framework"))) == (0, 0, 1)
    assert standing(ledger) == [1]
    assert kept(ledger)[0]["input_tokens"] == 100
    rollups.roll(ledger)
    assert verify(ledger) == []


def test_spans_of_other_traces_and_sources_are_other_calls(embedded: Ledger, book: Book) -> None:
    put(embedded, book, span(1, scope="framework"))
    put(embedded, book, span(2, scope="sdk", traceId="ab" * 16))
    put_records(embedded, book, (as_json(request(span(3, scope="sdk"))),), source="elsewhere")
    assert standing(embedded) == [1, 2, 3]


def test_spans_that_were_sent_with_different_keys_are_other_calls(embedded: Ledger, book: Book) -> None:
    pages = [(as_json(request(span(number, scope=scope))),) for number, scope in enumerate(SCOPES, 1)]
    put_records(embedded, book, pages[0], virtual_key="vk-one")
    put_records(embedded, book, pages[1], virtual_key="vk-another")
    assert standing(embedded) == [1, 2]
    put_records(embedded, book, pages[2], virtual_key="vk-one")
    assert len(standing(embedded)) == 2


def test_a_call_of_a_ledger_that_knew_no_spans_is_found_when_it_is_sent_again(
    embedded: Ledger, book: Book
) -> None:
    outer, inner = span(1, scope="framework"), span(2, scope="sdk", with_=CACHED)
    put(embedded, book, inner)
    with embedded.writing() as connection:
        connection.execute(call_span.delete())
    assert counts(put(embedded, book, outer, inner)) == (0, 2, 0)
    assert standing(embedded) == [2]


def test_the_spans_around_a_request_are_found_as_far_as_they_overlap(embedded: Ledger, book: Book) -> None:
    second = 1_000_000_000
    long = [
        span(
            10 + n,
            scope="sdk",
            startTimeUnixNano=START + 9 * n * second,
            endTimeUnixNano=START + (9 * n + 10) * second,
        )
        for n in range(12)
    ]
    put(embedded, book, *long)
    around = span(
        1, scope="framework", startTimeUnixNano=START - second, endTimeUnixNano=START + 130 * second
    )
    assert counts(put(embedded, book, around)) in {(0, 1, 0), (0, 0, 1)}
    assert len(standing(embedded)) == 12


def test_more_spans_at_once_than_are_compared_are_still_joined_as_they_come(
    embedded: Ledger, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_spans, "LIMIT", 10)
    for number in range(0, 40, 2):
        put(embedded, book, span(number + 1, scope="framework"), span(number + 2, scope="sdk"))
    assert len(standing(embedded)) == 20


SCOPES = ("framework", "instrumentation", "sdk")
SEEN_BY = st.lists(st.sampled_from(SCOPES), min_size=1, max_size=3, unique=True)
CALL = st.tuples(
    st.integers(0, 9),
    st.sampled_from([100, 100, 200]),
    st.lists(st.tuples(st.sampled_from([{}, {}, CACHED, NO_USAGE]), st.booleans()), min_size=3, max_size=3),
    SEEN_BY,
)


def spans_of(calls: Sequence[Any], trace: str) -> list[Span]:
    """The spans of calls, most at the same time and many with equal counts."""
    second = 1_000_000_000
    made = []
    for number, (start, tokens, seen_with, seen_by) in enumerate(calls, 1):
        for depth, scope in enumerate(seen_by):
            with_, has_id = seen_with[depth]
            told = {"gen_ai.usage.input_tokens": tokens} | with_
            told |= {"gen_ai.response.id": f"chatcmpl-{number}"} if has_id else {}
            times = (START + start * second + depth, START + (start + 5) * second - depth)
            made.append(
                span(
                    *(number * 16 + depth, number * 16 + depth - 1 if has_id and depth else None),
                    scope=scope,
                    with_=told,
                    traceId=trace,
                    startTimeUnixNano=times[0],
                    endTimeUnixNano=times[1],
                )
            )
    return made


def facts(ledger: Ledger, trace: str) -> list[Any]:
    """What stands of a trace, and what does not."""
    found = []
    with ledger.reading() as connection:
        for table in (usage_event, usage_event_revision):
            c = table.c
            told = (c.source_event_id, c.occurred_at, c.input_tokens, c.cache_read_tokens, c.total_cost)
            rows = connection.execute(sa.select(*told).where(c.trace_id == trace)).all()
            found.append(sorted((row[0].partition(":")[2], *row[1:]) for row in rows))
    return found


@pytest.mark.parametrize("examples", [12, pytest.param(400, marks=pytest.mark.long)])
def test_any_order_and_any_split_of_spans_gives_the_same_ledger(
    examples: int, embedded: Ledger, book: Book
) -> None:
    @settings(max_examples=examples)
    @given(st.lists(CALL, min_size=1, max_size=5), st.randoms(use_true_random=False))
    def check(calls: list[Any], random: Any) -> None:
        found = []
        for way in range(3):
            trace = f"{next(TRACES):032x}"
            spans = spans_of(calls, trace)
            random.shuffle(spans)
            size = (len(spans), 1, random.randint(1, len(spans)))[way]
            receipts = Receipt()
            for at in range(0, len(spans), size):
                receipts.add(put(embedded, book, *spans[at : at + size]))
            assert receipts.records == len(spans)
            assert counts(put(embedded, book, *random.sample(spans, len(spans)))) == (0, len(spans), 0)
            found.append(facts(embedded, trace))
        assert found[0] == found[1] == found[2]
        fewest = max(sum(scope in seen_by for *_, seen_by in calls) for scope in SCOPES)
        assert fewest <= len(found[0][0]) <= len(spans)

    check()
    rollups.roll(embedded)
    assert verify(embedded) == []


def test_verify_finds_a_span_that_counts_beside_the_span_that_stands(embedded: Ledger, book: Book) -> None:
    put(embedded, book, span(1, scope="framework"), span(2, scope="framework"))
    rollups.roll(embedded)
    assert verify(embedded) == []
    with embedded.writing() as connection:
        first = sa.select(sa.func.min(usage_event.c.event_id)).scalar_subquery()
        connection.execute(call_span.update().values(call_id=first))
    (found,) = verify(embedded)
    assert (found.invariant, found.level) == ("once", "error")


def test_the_slot_of_a_span_that_stands_no_longer_is_summed_anew(ledger: Ledger, book: Book) -> None:
    hour = (START // 3_600_000_000_000 + 1) * 3_600_000_000_000
    times: dict[str, Any] = {"endTimeUnixNano": hour + 2_000_000_000}
    put(ledger, book, span(1, scope="framework", startTimeUnixNano=hour - 1_000_000_000, **times))
    rollups.roll(ledger)
    put(ledger, book, span(2, scope="sdk", startTimeUnixNano=hour + 1_000_000_000, **times, with_=CACHED))
    rollups.roll(ledger)
    assert verify(ledger) == []


def test_a_writer_of_spans_waits_for_another_that_has_not_committed(ledger: Ledger, book: Book) -> None:
    put(ledger, book, span(3, with_=CACHED, traceId="ab" * 16))  # nobody waits for the dictionary after this
    decoder = Decoder(ledger.keyring, book)
    context = Context(channel="http", received_at=ARRIVAL)
    (record,) = otel.extract_calls(as_json(request(span(1, scope="framework"))), page.drafts).records
    with ThreadPoolExecutor(1) as pool, Intake(ledger, decoder, context) as intake:
        others: list[Future[Receipt]] = []

        def meanwhile(_: sa.Connection) -> None:
            others.append(pool.submit(put, ledger, book, span(2, scope="sdk", with_=CACHED)))
            wait(others, timeout=0.5)

        intake.accept_decoded(decoder.decode([RawRecord(0, 1, record)], context), alongside=meanwhile)
        assert counts(others[0].result()) == (0, 0, 1)
    assert standing(ledger) == [2, 3]
