"""Who a record is: the id of its call, the hash of its content, its rank, and the key that made it."""

from typing import Any

import pytest

from ingest.framing import RawRecord, RefusedRecord
from ingest.intake.decode import EARLIEST, LATEST, Context, Decoder, identify
from ingest.intake.identity import DiskCounter, Occurrences
from ingest.ledger.engine import Ledger
from ingest.ledger.entry import Batch, Entry
from ingest.ledger.fields import TERMS, WHO
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.rejection import Refused
from ingest.pricing.book import Book
from tests.support.ledgers import ARRIVAL


def call(**facts: Any) -> UsageEvent:
    return UsageEvent(**{"source": "acme", "provider": "openai", "model": "gpt-4o-mini", **facts})


@pytest.fixture
def decoder(embedded: Ledger, book: Book) -> Decoder:
    return Decoder(embedded.keyring, book)


def context(**about: Any) -> Context:
    return Context(**{"channel": "http", "received_at": ARRIVAL, **about})


def entry(decoder: Decoder, event: UsageEvent, **about: Any) -> Entry:
    (only,) = decoder.decode_events([event], context(**about)).entries
    return only


def facts(batch: Batch) -> list[dict[str, Any]]:
    return [dict(zip(batch.columns, one.facts, strict=True)) for one in batch.entries]


# Ids. Ledgers hold them: another id for the same call would count it twice.


def test_the_id_of_a_call_is_that_of_every_release() -> None:
    assert identify("openai", "chatcmpl-1").hex() == "dcc6b88bd10e780f9ee516428639f367"
    assert len({identify("a", "bc"), identify("ab", "c"), identify("a", "b")}) == 3


def test_a_key_of_the_record_stands_before_the_key_of_its_request(decoder: Decoder) -> None:
    own = decoder.decode_events([call(source_event_id="r1")], context(idempotency_key="k", arrival="a"))
    assert [one.event_id for one in own.entries] == [identify("acme", "r1")]
    assert own.keyless == 0


def test_records_without_a_key_are_known_by_their_request_and_their_place_in_it(decoder: Decoder) -> None:
    events = [call(), call(source_event_id="r1"), call()]
    sent = decoder.decode_events(events, context(idempotency_key="k", arrival="a"))
    assert [one["source_event_id"] for one in facts(sent)] == ["k#0", "r1", "k#2"]
    assert [one.event_id for one in sent.entries[::2]] == [identify("acme", "k#0"), identify("acme", "k#2")]
    assert sent.keyless == 0
    arrived = decoder.decode_events(events, context(arrival="a"))
    assert [one["source_event_id"] for one in facts(arrived)] == ["a#0", "r1", "a#2"]
    assert arrived.keyless == 2


def test_another_source_makes_another_call(decoder: Decoder) -> None:
    renamed = entry(decoder, call(source_event_id="r1"), source="other")
    assert renamed.event_id == identify("other", "r1")


def test_equal_records_of_a_file_are_numbered(decoder: Decoder) -> None:
    batch = decoder.decode_events(
        [call(), call(input_tokens=1), call(), call(source_event_id="r1")], context()
    )
    assert [one.event_id for one in batch.entries[:3]] == [b"", b"", b""]
    occurrences = Occurrences()
    known = occurrences.identified(batch)
    plain, other = batch.entries[0].content_hash.hex(), batch.entries[1].content_hash.hex()
    keys = [f"{plain}#1", f"{other}#1", f"{plain}#2", "r1"]
    assert [one["source_event_id"] for one in facts(known)] == keys
    assert [one.event_id for one in known.entries] == [identify("acme", key) for key in keys]
    former = batch.entries[0].former_hash.hex()
    assert known.entries[2].former_id == identify("acme", f"{former}#2")
    assert known.entries[3] is batch.entries[3]
    assert occurrences.keyless == 3
    again = occurrences.identified(decoder.decode_events([call()], context()))
    assert facts(again)[0]["source_event_id"] == f"{plain}#3", "the count goes on in the next batch of a file"
    assert occurrences.keyless == 4
    occurrences.close()


def test_a_batch_in_which_every_record_has_a_key_stays_as_it_is(decoder: Decoder) -> None:
    batch = decoder.decode_events([call(source_event_id="r1")], context())
    occurrences = Occurrences()
    assert occurrences.identified(batch) is batch
    assert occurrences.keyless == 0


def test_equal_records_of_two_sources_are_counted_apart(decoder: Decoder) -> None:
    batch = decoder.decode_events([call(), call(source="b")], context())
    known = Occurrences().identified(batch)
    assert [one["source_event_id"].rpartition("#")[2] for one in facts(known)] == ["1", "1"]


def test_a_counter_counts_each_item_and_forgets_all_of_them_when_it_is_closed() -> None:
    counter = DiskCounter()
    assert [counter.add(item) for item in (b"a", b"b", b"a", b"a")] == [1, 1, 2, 3]
    counter.close()
    counter.close()
    assert counter.add(b"a") == 1
    counter.close()


# Content: what makes a record another version of its call.


def test_the_hash_of_a_content_is_that_of_every_release(decoder: Decoder) -> None:
    known = call(source_event_id="r1", input_tokens=7, occurred_at=ARRIVAL)
    assert entry(decoder, known).content_hash.hex() == "d4d2ae8e23f16f55715a5c9794934d38"
    assert entry(decoder, known).former_hash.hex() == "ffc5d7afdd2793114c4a5f50b5b6b12f"


@pytest.mark.parametrize(
    ("changed", "is_same"),
    [
        ({}, True),
        ({"session": "s"}, True),
        ({"input_tokens": 8}, False),
        ({"labels": {"job": "nightly"}}, False),
        ({"image_size": "1024x1024"}, False),
        ({"image_quality": "high"}, False),
    ],
)
def test_another_fact_is_another_content_and_what_came_later_to_events_is_none(
    decoder: Decoder, changed: dict[str, Any], is_same: bool
) -> None:
    plain = entry(decoder, call(source_event_id="r1", input_tokens=7))
    other = entry(decoder, call(**{"source_event_id": "r1", "input_tokens": 7, **changed}))
    assert (other.content_hash == plain.content_hash) == is_same


def test_arrival_and_prices_are_no_content(decoder: Decoder) -> None:
    plain = call(source_event_id="r1", input_tokens=7)
    assert entry(decoder, plain).content_hash == entry(decoder, plain, received_at=ARRIVAL + 1).content_hash


def test_a_later_update_of_the_source_ranks_before_more_tokens(decoder: Decoder) -> None:
    def rank(**about: Any) -> bytes:
        return entry(decoder, call(source_event_id="r1", **about)).version_rank

    assert rank(input_tokens=9) > rank(input_tokens=8) > rank()
    assert rank(source_updated_at=2) > rank(source_updated_at=1, input_tokens=2**40)
    assert rank(source_updated_at=3, input_tokens=5) == ((3 << 48) | 5).to_bytes(16, "big")


# Time.


@pytest.mark.parametrize(
    ("at", "is_possible"), [(EARLIEST - 1, False), (EARLIEST, True), (LATEST - 1, True), (LATEST, False)]
)
def test_a_call_is_from_2000_up_to_2100(decoder: Decoder, at: int, is_possible: bool) -> None:
    assert (EARLIEST, LATEST) == (946_684_800_000_000, 4_102_444_800_000_000)
    if is_possible:
        assert entry(decoder, call(source_event_id="r1", occurred_at=at)).dated
        return
    with pytest.raises(Refused) as refused:
        entry(decoder, call(source_event_id="r1", occurred_at=at))
    assert (refused.value.code, refused.value.field) == ("impossible_time", "occurred_at")
    assert str(at) in refused.value.reason


def test_a_call_without_a_time_has_that_of_its_arrival(decoder: Decoder) -> None:
    batch = decoder.decode_events([call(source_event_id="r1")], context())
    assert (facts(batch)[0]["occurred_at"], batch.entries[0].dated) == (ARRIVAL, False)


# Keys.


def who(decoder: Decoder, event: UsageEvent, **about: Any) -> tuple[str | None, str | None]:
    (shared,) = decoder.decode_events([event], context(**about)).shared
    return dict(zip(WHO, shared.who, strict=True))["virtual_key"], shared.hint


def test_a_secret_key_is_kept_as_its_hash_with_a_hint(decoder: Decoder, embedded: Ledger) -> None:
    secret = "sk-bf-0123456789abcdef"
    concealed = embedded.keyring.conceal(secret)
    assert who(decoder, call(virtual_key=secret)) == (concealed.ident, concealed.hint)
    assert who(decoder, call(), virtual_key=secret) == (concealed.ident, concealed.hint)
    assert concealed.ident != secret


def test_the_key_of_a_request_is_that_of_records_that_name_none(decoder: Decoder) -> None:
    assert who(decoder, call(virtual_key="vk-1"), virtual_key="vk-2")[0] == "vk-1"
    assert who(decoder, call(virtual_key_name="Search"), virtual_key="vk-2")[0] is None
    assert who(decoder, call(), virtual_key="vk-2")[0] == "vk-2"
    assert who(decoder, call()) == (None, None)


# What batches hold.


def test_values_that_calls_share_are_sent_once_and_empty_columns_not_at_all(decoder: Decoder) -> None:
    calls = [call(source_event_id=f"r{n}", input_tokens=n or None) for n in range(3)]
    batch = decoder.decode_events(
        [*calls, call(source_event_id="r3", model="own-1", output_tokens=5)], context()
    )
    assert (batch.read, [one.shared for one in batch.entries]) == (4, [0, 1, 1, 2])
    assert [shared.unpriced for shared in batch.shared] == [True, False, True]
    assert "images" not in batch.columns
    assert {"source_event_id", "occurred_at", "input_tokens", "output_tokens"} <= set(batch.columns)
    assert decoder.decode_events([], context()).columns == ()


def test_a_call_has_the_currency_of_its_reported_cost_or_of_its_prices(decoder: Decoder) -> None:
    reported = call(source_event_id="r1", currency="EUR", reported=ReportedCost(total=7))
    computed = call(source_event_id="r2", input_tokens=5)
    batch = decoder.decode_events([reported, computed], context())
    assert [shared.terms[TERMS.index("currency")] for shared in batch.shared] == ["EUR", "USD"]


def test_labels_and_flags_of_a_call_are_text_in_one_order(decoder: Decoder) -> None:
    labelled = call(source_event_id="r1", labels={"team": "a", "job": "nightly"}, flags=("part_dropped",))
    batch = decoder.decode_events([labelled], context())
    assert facts(batch)[0]["labels"] == '{"job":"nightly","team":"a"}'
    (shared,) = batch.shared
    assert shared.terms[TERMS.index("flags")] == "part_dropped"
    assert shared.flagged


def test_a_doubtful_cost_flags_its_call(decoder: Decoder) -> None:
    far = call(source_event_id="r1", input_tokens=10**6, reported=ReportedCost(total=10**15))
    batch = decoder.decode_events([far, call(source_event_id="r2", input_tokens=1)], context())
    assert [shared.flagged for shared in batch.shared] == [True, False]


@pytest.mark.parametrize(("code", "read"), [("incomplete", 0), ("unreadable", 0), ("too_large", 1)])
def test_a_record_that_was_cut_off_at_the_end_is_not_read(decoder: Decoder, code: str, read: int) -> None:
    refused = RefusedRecord(4, 5, Refused(code, "why", "field"))
    batch = decoder.decode([refused], context(), 4)
    assert batch.read == read
    (only,) = batch.rejections
    assert (only.index, only.line, only.code, only.reason, only.field) == (4, 5, code, "why", "field")


def test_refusals_that_say_that_a_record_is_no_call_are_passed_over(decoder: Decoder) -> None:
    lines = [RawRecord(0, 1, b"[1]"), RawRecord(1, 2, b'{"object":"list","data":1}')]
    refused = decoder.decode(lines, context())
    assert (refused.passed_over, len(refused.rejections), refused.read) == (0, 2, 2)
    codes = frozenset(one.code for one in refused.rejections)
    passed = decoder.decode(lines, context(passes_over=codes))
    assert (passed.passed_over, passed.rejections, passed.read) == (2, [], 2)


def test_a_refused_record_is_known_by_its_place_among_all(decoder: Decoder) -> None:
    good = b'{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o-mini","usage":{"prompt_tokens":1}}'
    batch = decoder.decode(
        [RawRecord(0, 3, good), RawRecord(1, 9, b"{}"), RawRecord(2, 12, b"{}")], context(), 7
    )
    assert [(one.index, one.line) for one in batch.rejections] == [(8, 9), (9, 12)]
    assert (batch.read, batch.formats) == (3, ["completion"])
