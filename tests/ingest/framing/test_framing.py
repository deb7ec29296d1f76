"""Splitting: the same records however the bytes are cut, and a bad record leaves its neighbours alone."""

import json
import tracemalloc
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import framing
from ingest.framing import Framing, RawRecord, Record, RefusedRecord, Splitter
from ingest.model.rejection import Refused
from tests.support.examples import examples

Seen = tuple[int, int, bytes | str]

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=4)
SHRAPNEL = st.lists(
    st.sampled_from(
        [
            *(bytes([byte]) for byte in b'{}[],:"\\\n a1\x1e'),
            *(b"\r\n", b"\xef\xbb\xbf", b"\xc3\xa9", b"\\u0022", b'"x"'),
            *(b'{"a":"', b'"x\\"{"', b'"x\n', b'"\\', b'"}'),
            *(b"data: ", b'{"id":"a"}', b'{"id":"b"}', b"[DONE]", b"event: x", b'{"key":1}\n'),
        ]
    ),
    max_size=30,
).map(b"".join)
"""What is left of JSON and of streams after an accident."""


def together(chunks: Sequence[bytes]) -> bytes:
    return b"|".join(chunks)


def open_envelope(line: bytes) -> Callable[[bytes, int], bytes]:
    if line != b'{"key":1}':
        raise Refused("bad_envelope", "no")
    return lambda record, number: b"%d:%b" % (number, record)


def records_of(
    body: bytes, kind: Framing = "auto", *, pieces: Sequence[int] = (), limit: int = 2**20
) -> list[Record]:
    splitter = Splitter(kind, assemble=together, open_envelope=open_envelope, max_record_bytes=limit)
    records: list[Record] = []
    edges = [0, *sorted(p % (len(body) + 1) for p in pieces), len(body)]
    for start, end in pairwise(edges):
        records += splitter.feed(body[start:end])
    records += splitter.finish()
    assert splitter.records == len(records)
    return records


def seen(records: Sequence[Record]) -> list[Seen]:
    return [(r.index, r.line, r.raw if isinstance(r, RawRecord) else r.refused.code) for r in records]


def split(body: bytes, kind: Framing = "auto", **how: Any) -> list[Seen]:
    return seen(records_of(body, kind, **how))


def values(records: Sequence[Record]) -> list[object]:
    assert all(isinstance(r, RawRecord) for r in records), records
    return [json.loads(r.raw) for r in records if isinstance(r, RawRecord)]


@examples(60)
@given(
    body=SHRAPNEL,
    pieces=st.lists(st.integers(0, 2**30)),
    kind=st.sampled_from(["any", "auto", "lines", "json", "sse", "csv"]),
)
def test_any_chunking_gives_the_same_records(body: bytes, pieces: list[int], kind: Framing) -> None:
    whole = split(body, kind, limit=30)
    assert split(body, kind, limit=30, pieces=pieces) == whole
    assert split(body, kind, limit=30, pieces=range(len(body))) == whole


@given(st.lists(JSON_VALUES, max_size=6), st.sampled_from([None, 2, "\t"]), st.lists(st.integers(0, 2**30)))
def test_an_array_splits_into_its_values(
    whole: list[Any], indent: int | str | None, pieces: list[int]
) -> None:
    body = json.dumps(whole, indent=indent).encode()
    assert values(records_of(body, pieces=pieces)) == whole
    assert values(records_of(body, pieces=range(len(body)))) == whole


@given(st.lists(JSON_VALUES, max_size=6), st.sampled_from([b"\n", b"\r\n", b"\n\n"]))
def test_lines_split_into_their_values(whole: list[Any], end: bytes) -> None:
    body = b"".join(json.dumps(value).encode() + end for value in whole)
    assert values(records_of(body, "lines")) == whole


@given(st.lists(OBJECTS, min_size=1, max_size=5), st.sampled_from([b"", b"\n", b"\r\n\r\n", b"\x1e"]))
def test_documents_after_one_another_split_into_their_values(whole: list[Any], between: bytes) -> None:
    body = between.join(json.dumps(value, indent=2).encode() for value in whole)
    assert values(records_of(body, "json")) == whole


def test_lines_are_counted_from_one_and_blank_ones_are_passed_over() -> None:
    assert split(b'\xef\xbb\xbf{"a":1}\r\n\r\n  {"b":2}  \n') == [(0, 1, b'{"a":1}'), (1, 3, b'{"b":2}')]


def test_a_broken_line_leaves_its_neighbours_alone() -> None:
    body = b'{"a":1}\n{"b":"unclosed\n{"c":3}\n'
    assert split(body) == [(0, 1, b'{"a":1}'), (1, 2, b'{"b":"unclosed'), (2, 3, b'{"c":3}')]


def test_a_broken_element_leaves_its_neighbours_alone() -> None:
    body = b'[{"a":1},\n{"b":},\n{"c":"x\n},\n{"d":4}]'
    assert split(body) == [(0, 1, b'{"a":1}'), (1, 2, b'{"b":}'), (2, 3, b'{"c":"x\n}'), (3, 5, b'{"d":4}')]


def test_pretty_documents_are_found_without_being_told() -> None:
    body = b'{\n "a": {}\n}\n\n{\n "b": 2\n}\n'
    assert split(body) == [(0, 1, b'{\n "a": {}\n}'), (1, 5, b'{\n "b": 2\n}')]


def test_a_long_first_line_is_taken_for_the_same_however_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "_HEAD", 10)
    body = b'{"a":"a long line"}\nbroken {\n{"b":2}'
    whole = split(body)
    assert all(split(body, pieces=range(0, len(body), size)) == whole for size in (1, 9, 11, 25))


def test_objects_on_one_line_are_found() -> None:
    assert split(b'{"a":1}{"b":2}') == [(0, 1, b'{"a":1}'), (1, 1, b'{"b":2}')]


def test_text_between_documents_is_a_record_to_refuse() -> None:
    assert split(b'{"a":1}\nhello "you\n{"b":2}', "json") == [
        (0, 1, b'{"a":1}'),
        (1, 2, b'hello "you'),
        (2, 3, b'{"b":2}'),
    ]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"a":1}\n{"b":', [b'{"a":1}', "incomplete"]),
        (b'{"a":1}\n{"b":2}', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\n{"b" 2', [b'{"a":1}', b'{"b" 2']),
        (b'[{"a":1},{"b":', [b'{"a":1}', "incomplete"]),
        (b'[{"a":1},{"b":2}', [b'{"a":1}', b'{"b":2}']),
        (b'[{"a":1},', [b'{"a":1}', "incomplete"]),
        (b'[{"a":1},]', [b'{"a":1}']),
        (b"[", ["incomplete"]),
        (b"[]", []),
        (b"", []),
        (b" \n", []),
        (b'{"a":', ["incomplete"]),
        (b'data: {"a":', ["incomplete"]),
    ],
)
def test_what_is_cut_at_the_end_is_refused(body: bytes, kept: list[bytes | str]) -> None:
    assert [what for _, _, what in split(body)] == kept


@pytest.mark.parametrize("size_of_content", [1000, 5000])
@pytest.mark.parametrize("kind", ["lines", "json"])
def test_a_record_over_the_limit_is_refused_and_the_rest_goes_on(kind: Framing, size_of_content: int) -> None:
    large = json.dumps({"content": "x" * size_of_content}).encode()
    body = b'{"a":1}\n' + large + b'\n{"b":2}\n'
    for size in (7, 100, len(body)):
        assert split(body, kind, limit=1000, pieces=range(0, len(body), size)) == [
            (0, 1, b'{"a":1}'),
            (1, 2, "too_large"),
            (2, 3, b'{"b":2}'),
        ]


def test_a_large_array_on_one_line_is_cut_in_constant_memory() -> None:
    element = json.dumps({"id": "x", "text": "words " * 150}).encode()
    piece = b",".join([element] * 1000) + b","
    splitter = Splitter(assemble=together)
    assert not list(splitter.feed(b"["))
    tracemalloc.start()
    for _ in range(20):
        assert sum(1 for _ in splitter.feed(piece)) == 1000
    assert tracemalloc.get_traced_memory()[1] < 4 * len(piece)
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("lines", b'{"a":1}\n' * 9),
        ("json", b'[{"a":1},1,[2],"x"]'),
        ("sse", b"data: {}\n\ndata: [DONE]\n\n" * 9),
    ],
)
def test_records_of_a_piece_are_given_one_at_a_time(kind: Framing, body: bytes) -> None:
    splitter = Splitter(kind, assemble=together)
    records = splitter.feed(body)
    next(records)
    assert splitter.records == 1


def test_a_head_that_comes_byte_by_byte_is_examined_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    real = framing._framing_of

    def counted(head: bytes, *, ended: bool) -> Framing | None:
        nonlocal looks
        looks += 1
        return real(head, ended=ended)

    monkeypatch.setattr(framing, "_framing_of", counted)
    splitter = Splitter(assemble=together)
    for _ in range(2**17):
        assert not list(splitter.feed(b" "))
    assert looks < 2**12 + 10


def test_a_record_of_tiny_pieces_is_held_in_little_more_than_its_bytes() -> None:
    splitter = Splitter("lines", assemble=together)
    pieces = [b"%02d" % (n % 100) for n in range(100)] * 2_000
    tracemalloc.start()
    for piece in pieces:
        assert not list(splitter.feed(piece))
    assert tracemalloc.get_traced_memory()[0] < 2 * sum(map(len, pieces))
    tracemalloc.stop()


def test_a_stream_of_tiny_chunks_is_refused_before_it_fills_the_memory() -> None:
    splitter = Splitter("sse", assemble=together, max_record_bytes=2**12)
    records = [*splitter.feed(b"data: 1\n\n" * 1_000), *splitter.finish()]
    assert [one.refused.code for one in records if isinstance(one, RefusedRecord)] == ["too_large"]


@pytest.mark.parametrize("kind", ["lines", "json", "sse"])
def test_no_more_than_the_limit_of_a_record_is_held(kind: Framing) -> None:
    splitter = Splitter(kind, assemble=together, max_record_bytes=2**16)
    assert not list(splitter.feed(b'data: {"content":"' if kind == "sse" else b'{"content":"'))
    piece = b"x" * 2**20
    tracemalloc.start()
    for _ in range(20):
        assert not list(splitter.feed(piece))
    assert tracemalloc.get_traced_memory()[1] < 3 * len(piece)
    tracemalloc.stop()


def test_the_chunks_of_a_stream_are_one_record() -> None:
    body = b': hi\n\ndata: {"id":"a"}\n\nevent: x\ndata:{"id":\ndata: "a"}\n\ndata: [DONE]\n\n'
    assert split(body) == [(0, 3, b'{"id":"a"}|{"id":\n"a"}')]


def test_another_response_or_done_begins_a_stream() -> None:
    body = (
        b'data: {"id":"a"}\n\ndata: {"id":"b"}\n\ndata: {}\n\ndata: [DONE]\n\ndata: {"n":1}\n\ndata: {"n":2}'
    )
    assert split(body) == [(0, 1, b'{"id":"a"}'), (1, 4, b'{"id":"b"}|{}'), (2, 9, b'{"n":1}|{"n":2}')]


def test_a_response_may_be_named_inside() -> None:
    first, second = (
        b'data: {"type":"message_start","message":{"id":"%s"}}\n\ndata: {}\n\n' % n for n in (b"a", b"b")
    )
    assert [what.count(b"|") for _, _, what in split(first + second) if isinstance(what, bytes)] == [1, 1]


def test_events_without_blank_lines_between_are_told_apart() -> None:
    assert split(b'data: {"n":1}\ndata: {"n":2}\ndata: [DONE]\n') == [(0, 1, b'{"n":1}|{"n":2}')]


def test_a_stream_over_the_limit_is_refused_and_the_next_is_read() -> None:
    body = b'data: {"id":"a"}\n\n' * 50 + b'data: [DONE]\n\ndata: {"id":"b"}\n\n'
    assert [what for _, _, what in split(body, limit=20)] == ["too_large", b'{"id":"b"}']


def test_an_event_of_many_lines_is_bounded_and_read_once() -> None:
    assert split(b"data: [\n" * 100_000 + b'\ndata: [DONE]\n\ndata: {"id":"b"}\n\n', limit=1000) == [
        (0, 1, "too_large"),
        (1, 100_004, b'{"id":"b"}'),
    ]


@pytest.mark.parametrize(
    "body", [b"[" * 10**6, b'{"a":' * 10**5, b'data: {"message":' + b"[" * 10**5 + b"\n\n"]
)
def test_deep_nesting_is_left_to_the_reader(body: bytes) -> None:
    assert len(split(body)) == 1


def test_a_stream_that_cannot_be_assembled_is_refused() -> None:
    def refuse(_: Sequence[bytes]) -> bytes:
        raise Refused("wrong_type", "no")

    splitter = Splitter("sse", assemble=refuse)
    (record,) = splitter.feed(b"data: {}\n\ndata: [DONE]\n\n")
    assert isinstance(record, RefusedRecord)
    assert record.refused.code == "wrong_type"


def test_an_envelope_before_a_stream_holds_for_the_streams_after_it() -> None:
    body = b'{"key":1}\ndata: {"id":"a"}\n\ndata: {}\n\ndata: {"id":"b"}\n\ndata: [DONE]\n\n{"key":1}\ndata: {}\n'
    assert [what for _, _, what in split(body)] == [b'1:{"id":"a"}|{}', b'2:{"id":"b"}', b"1:{}"]


@pytest.mark.parametrize("between", [b"", b"\n", b"\r\n\r\n"])
def test_an_envelope_ends_the_stream_before_it(between: bytes) -> None:
    body = b'data: {"n":1}\n' + between + b'{"key":1}\n' + between + b'data: {"n":2}\n\n'
    assert [what for _, _, what in split(body, "sse")] == [b'{"n":1}', b'1:{"n":2}']


def test_a_stream_after_a_line_that_is_no_envelope_is_refused() -> None:
    assert split(b'{"modl":"x"}\ndata: {}\n\ndata: [DONE]\n\ndata: {"n":2}\n\n') == [
        (0, 2, "bad_envelope"),
        (1, 6, b'{"n":2}'),
    ]


def test_an_object_between_the_events_of_a_stream_is_passed_over() -> None:
    assert split(b'data: {"n":1}\n\n{"error":"x"}\n\ndata: {"n":2}\n\n') == [(0, 1, b'{"n":1}|{"n":2}')]


def test_lines_of_json_are_no_envelope() -> None:
    assert split(b'{"key":1}\n\n{"id":"a"}\n') == [(0, 1, b'{"key":1}'), (1, 3, b'{"id":"a"}')]
