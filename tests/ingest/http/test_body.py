"""The body of a request in turns: what one turn may cost, and what is kept when a body is refused."""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zstandard

from ingest.framing import Framing
from ingest.framing.decompression import Decompressor, Unreadable
from ingest.framing.record import RecordBuffer
from ingest.http import limits
from ingest.http.body import Body, RecordsBody, TooManyRejections
from ingest.http.otlp.receiver import TracesBody
from ingest.intake.decode import Context
from ingest.intake.intake import Intake, make_decoder
from ingest.ledger.engine import Ledger
from tests.support.spans import as_json, request, span
from tests.support.stored_events import kept

LIMIT = 64 * 2**20
NOW = 1_790_000_000_000_000
Make = Callable[..., RecordsBody]


class Ticking:
    """A clock that moves by the same step whenever it is read."""

    def __init__(self, step: float = 0.0) -> None:
        self.time = 0.0
        self.step = step

    def __call__(self) -> float:
        self.time += self.step
        return self.time


def call(number: int) -> dict[str, Any]:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"id": f"call-{number}", "object": "chat.completion", "model": "gpt-4o", "usage": usage}


def lines(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.fixture
def make(embedded: Ledger) -> Iterator[Make]:
    """Makes the body of one request."""
    with Intake(embedded, make_decoder(embedded), Context("http", NOW, arrival="a")) as intake:

        def made(kind: Framing = "auto", clock: Callable[[], float] | None = None) -> RecordsBody:
            unpacker = Decompressor.for_encoding("", LIMIT)
            return RecordsBody(intake, unpacker, kind, LIMIT, clock or Ticking())

        yield made


@pytest.fixture
def make_unpacking(embedded: Ledger) -> Iterator[Callable[[str], RecordsBody]]:
    """Makes the body of one request with a content encoding."""
    with Intake(embedded, make_decoder(embedded), Context("http", NOW, arrival="a")) as intake:
        yield lambda encoding: RecordsBody(
            intake, Decompressor.for_encoding(encoding, LIMIT), "lines", LIMIT, Ticking()
        )


def turns_of(body: Body, data: bytes, *, is_last: bool = True) -> list[tuple[int, int]]:
    """Give a body its bytes; the records committed and the bytes unpacked in each of its turns."""
    body.put(data, is_last=is_last)
    turns = []
    is_done = False
    while not is_done:
        records, unpacked = body.receipt.records, body.unpacked
        is_done = body.turn()
        turns.append((body.receipt.records - records, body.unpacked - unpacked))
    return turns


def test_a_turn_commits_at_most_one_batch(make: Make) -> None:
    body = make()
    turns = turns_of(body, lines(*(call(number) for number in range(3_500))))
    assert [records for records, _ in turns] == [1_000, 1_000, 1_000, 500]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_turn_unpacks_a_bounded_number_of_bytes(make: Make, pack: Callable[[bytes], bytes]) -> None:
    body = make("lines")
    turns = turns_of(body, pack(b"\n" * 5_000_000), is_last=False)
    assert max(size for _, size in turns) <= limits.TURN_BYTES + limits.PIECE_BYTES
    assert sum(size for _, size in turns) == 5_000_000


def test_a_turn_ends_with_the_record_after_its_time(make: Make) -> None:
    body = make(clock=Ticking(limits.TURN_SECONDS / 10))
    turns = turns_of(body, lines(*(call(number) for number in range(100))))
    assert 8 <= len(turns) <= 13
    assert body.receipt.accepted == 100


def test_the_records_of_a_page_are_no_single_step(make: Make) -> None:
    page = {"resourceSpans": json.loads(as_json(request(*(span(n) for n in range(1, 101)))))["resourceSpans"]}
    body = make(clock=Ticking(limits.TURN_SECONDS / 10))
    assert len(turns_of(body, lines(page))) >= 8
    assert body.receipt.accepted == 100


def test_calls_wait_for_their_batch_across_turns(make: Make, embedded: Ledger) -> None:
    body = make(clock=Ticking(limits.TURN_SECONDS / 4))
    body.put(lines(*(call(number) for number in range(50))), is_last=False)
    while not body.turn():
        assert kept(embedded) == []
    assert body.held > 0
    body.keep()
    assert (body.receipt.accepted, len(kept(embedded)), body.held) == (50, 50, 0)


def test_the_spans_of_a_trace_request_are_read_in_turns(embedded: Ledger) -> None:
    with Intake(embedded, make_decoder(embedded), Context("http", NOW)) as intake:
        clock = Ticking(limits.TURN_SECONDS / 10)
        body = TracesBody(intake, Decompressor.for_encoding("", LIMIT), "application/json", LIMIT, clock)
        turns = turns_of(body, as_json(request(*(span(number) for number in range(1, 101)))))
    assert len(turns) >= 16
    assert body.receipt.accepted == 100


def test_what_a_trace_request_holds_while_its_spans_are_read_is_known(embedded: Ledger) -> None:
    raw = as_json(request(*(span(number) for number in range(1, 101))))
    with Intake(embedded, make_decoder(embedded), Context("http", NOW)) as intake:
        clock = Ticking(limits.TURN_SECONDS / 10)
        body = TracesBody(intake, Decompressor.for_encoding("", LIMIT), "application/json", LIMIT, clock)
        body.put(raw, is_last=True)
        while not body.turn() and not body.others and not body._calls:
            pass
        assert body.held > 2 * len(raw)
        while not body.turn():
            pass
    assert body.held < len(raw)


def test_a_body_of_nonsense_is_refused_early_with_its_receipt(make: Make) -> None:
    body = make("lines")
    with pytest.raises(TooManyRejections, match="1000 of the first 1000 records"):
        turns_of(body, b"{}\n" * 50_000)
    assert body.receipt.rejected == limits.MOST_REJECTIONS


def test_a_body_of_which_a_tenth_is_good_is_read_to_its_end(make: Make) -> None:
    records = [call(number) if number % 9 == 0 else {} for number in range(3_000)]
    body = make()
    turns_of(body, lines(*records))
    assert (body.receipt.accepted, body.receipt.rejected) == (334, 2_666)


def test_fewer_rejections_never_refuse_a_body(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BATCH_RECORDS", 100)
    body = make()
    turns_of(body, lines(*[{}] * 900, *(call(number) for number in range(200))))
    assert (body.receipt.accepted, body.receipt.rejected) == (200, 900)


def test_text_before_the_first_json_is_rejected_with_it(make: Make) -> None:
    body = make("lines")
    turns_of(body, b"starting up\n" * 20 + lines(call(1)))
    assert (body.receipt.accepted, body.receipt.rejected) == (1, 20)


def test_text_without_json_is_not_read_on(make: Make) -> None:
    body = make("lines")
    with pytest.raises(Unreadable, match="not JSON"):
        turns_of(body, b"hello\n" * 5_000, is_last=False)
    assert body.receipt.records == 0


def test_a_record_over_the_limit_of_http_is_refused_alone(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RECORD_BYTES", 1_000)
    body = make()
    turns_of(body, lines(call(1), {"id": "x" * 1_000}, call(2)))
    assert (body.receipt.accepted, body.receipt.rejections[0].code) == (2, "too_large")


def test_commits_become_smaller_where_they_take_too_long(embedded: Ledger) -> None:
    with Intake(embedded, make_decoder(embedded), Context("http", NOW, arrival="a")) as intake:
        slow = Ticking(limits.COMMIT_SECONDS * 2)
        body = RecordsBody(
            intake, Decompressor.for_encoding("", LIMIT), "auto", LIMIT, Ticking(), processor=slow
        )
        turns = turns_of(body, lines(*(call(number) for number in range(2_000))))
    assert [records for records, _ in turns] == [1_000, 500, 250, 125, 100, 25]


@pytest.mark.parametrize(
    ("kind", "start", "more"),
    [
        ("lines", b'{"id":"', b"a"),
        ("json", b'[{"id":"', b"a"),
        ("csv", b'model,id\n"', b"a"),
        ("sse", b'data: {"id":"', b"a"),
        ("sse", b"", b'data: {"id":"s"}\n\n'),
    ],
)
def test_what_an_unfinished_record_holds_is_known(
    make: Make, kind: Framing, start: bytes, more: bytes
) -> None:
    body = make(kind)
    data = start + more * (2**20 // len(more))
    turns_of(body, data, is_last=False)
    assert len(data) * 0.5 <= body.held <= len(data) * 6


def test_what_is_unpacked_and_not_read_yet_is_known(make_unpacking: Callable[[str], RecordsBody]) -> None:
    """A thousand bytes of zstd may be megabytes, of which a turn reads one."""
    body = make_unpacking("zstd")
    bomb = zstandard.ZstdCompressor().compress(b"\n" * 2**24)
    body.put(bomb, is_last=False)
    assert not body.turn()
    assert body.held > 2**23
    while not body.turn():
        pass
    assert body.held <= len(bomb) + 2**23


@pytest.mark.parametrize("parts", [1_024, 1_025, 1_026])
def test_a_record_in_many_small_parts_is_held_whole(parts: int) -> None:
    buffer = RecordBuffer(LIMIT)
    for _ in range(parts):
        buffer.add(b"x")
    assert buffer.held == parts


@pytest.mark.parametrize("data", [b'{"id":"' + b"x" * 2**20, lines(*range(500)), lines(call(1)) + b'{"id":'])
def test_a_refused_body_holds_nothing(make: Make, data: bytes) -> None:
    body = make()
    turns_of(body, data, is_last=False)
    assert body.held > 0
    body.drop()
    assert body.held == 0


def test_a_refused_body_with_turns_left_holds_nothing(make_unpacking: Callable[[str], RecordsBody]) -> None:
    body = make_unpacking("gzip")
    body.put(gzip.compress(b'{"id":"' + b"x" * 2**22), is_last=False)
    body.turn()
    assert body.held > 2**20
    body.drop()
    assert body.held == 0
