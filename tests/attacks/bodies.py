"""Hostile bodies: what a broken or malicious sender may post, with the good records that it must not cost.

Each is made at any size: small for the tests, as large as the limits allow for `python -m tests.attacks`.
"""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import zstandard

from tests.support.import_runs import response
from tests.support.spans import request, span

Join = Literal["lines", "array", "spans", "rows", "alone"]
Packing = Literal["", "gzip", "zstd"]

HUGE_EXPONENT: Final = "1e999999999999999999999"
"""A number that `decimal` refuses to hold."""
ODD_NUMBERS: Final = {
    "a huge exponent": HUGE_EXPONENT,
    "a tiny exponent": "-1e-999999999999999999999",
    "5,000 digits": "1" + "0" * 5_000,
}
NEIGHBOURS: Final = (9_000_001, 9_000_002, 9_000_003)
"""The numbers of the good records inside a hostile body: at its start, in the middle and at the end."""
MILLION: Final = 10**6
LINES: Final = "application/jsonl"
JSON: Final = "application/json"
CSV: Final = "text/csv"
STREAM: Final = "text/event-stream"
INGEST: Final = "/v1/ingest"
TRACES: Final = "/v1/traces"
PACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "": bytes,
    "gzip": lambda plain: gzip.compress(plain, 6, mtime=0),
    "zstd": zstandard.compress,
}


def key_of(number: int) -> str:
    """The key by which a ledger knows the good record of this number."""
    return f"openai:{response(number)['id']}"


def good(number: int) -> bytes:
    """A good record: a response with an id."""
    return json.dumps(response(number), separators=(",", ":")).encode()


def good_span(number: int) -> bytes:
    """A good span of a model call."""
    return json.dumps(span(number)).encode()


def good_row(number: int) -> bytes:
    """A good row of a table whose columns are `GOOD_COLUMNS`."""
    values = {"request_id": f"row-{number}", "startTime": "2026-09-21 14:13:20", "model": "gpt-4o-mini"}
    counts = {"prompt_tokens": "100", "completion_tokens": "10", "total_tokens": "110", "spend": "0.01"}
    return ",".join((values | counts).get(name, "") for name in GOOD_COLUMNS).encode()


GOOD_COLUMNS: Final = (
    *("request_id", "call_type", "spend", "total_tokens", "prompt_tokens", "completion_tokens"),
    *("startTime", "endTime", "model", "api_key"),
)
"""Columns of LiteLLM's spend log, which a table in a body may have."""


@dataclass(frozen=True)
class HostileBody:
    """A body that someone may post."""

    name: str
    make: Callable[[int], Sequence[bytes]]
    """Its records or parts at a size, without framing and not packed."""
    small: int
    full: int
    media_type: str = LINES
    join: Join = "lines"
    packing: Packing = ""
    path: str = INGEST
    breaks_off: bool = False
    """Whether what follows may be left unread, as the receipt says."""
    spoils_all: bool = False
    """Whether no record of it can be read, as the body is only readable as a whole."""

    @property
    def headers(self) -> dict[str, str]:
        packed = {"content-encoding": self.packing} if self.packing else {}
        return {"content-type": self.media_type, **packed}

    @property
    def has_neighbours(self) -> bool:
        """Whether good records stand inside."""
        return self.join != "alone"

    def body(self, size: int, neighbours: tuple[int, int, int] = NEIGHBOURS) -> bytes:
        """The body as it is sent, with the good records of these numbers inside."""
        parts = self.make(size)
        if self.has_neighbours:
            first, middle, last = map(GOOD.get(self.join, good), neighbours)
            half = len(parts) // 2
            parts = [first, *parts[:half], middle, *parts[half:], last]
        return PACKERS[self.packing](_JOINS[self.join](parts))


GOOD: Final[dict[str, Callable[[int], bytes]]] = {"spans": good_span, "rows": good_row}
"""A good record by how the records of a body are joined; `good` for all others."""


def _request(spans: Sequence[bytes]) -> bytes:
    head, tail = json.dumps(request(span(0))).split('"spans": [')[0], "]}]}]}"
    return f'{head}"spans": ['.encode() + b",".join(spans) + tail.encode()


_JOINS: Final[dict[Join, Callable[[Sequence[bytes]], bytes]]] = {
    "lines": lambda parts: b"\n".join(parts) + b"\n",
    "array": lambda parts: b"[" + b",".join(parts) + b"]",
    "spans": _request,
    "rows": lambda parts: b"\n".join([",".join(GOOD_COLUMNS).encode(), *parts]) + b"\n",
    "alone": b"".join,
}


def _same(part: bytes) -> Callable[[int], Sequence[bytes]]:
    """So many times the same part."""
    return lambda size: [part] * size


def _one(part: Callable[[int], bytes]) -> Callable[[int], Sequence[bytes]]:
    """A single part of a size."""
    return lambda size: [part(size)]


def _with(number: int = 1, **changed: Any) -> bytes:
    """A response of which something is hostile; a text `raw:...` stands for JSON that no encoder writes."""
    text = json.dumps(response(number, **changed), separators=(",", ":"))
    while '"raw:' in text:
        before, _, after = text.partition('"raw:')
        raw, _, rest = after.partition('"')
        text = before + raw + rest
    return text.encode()


def _usage(**counts: Any) -> dict[str, Any]:
    return {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110} | counts


def _span_with(raw: str) -> bytes:
    """A span with an attribute whose value is `raw`."""
    return b'{"traceId":"%s","spanId":"eee19b7ec3c1b174","attributes":[{"key":"x","value":%s}]}' % (
        b"5b8efff798038103d269b633813fc60c",
        raw.encode(),
    )


def _keys(size: int) -> bytes:
    return b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(size)) + b"}"


def _same_keys(size: int) -> bytes:
    return b"{" + b",".join([b'"model":"m"'] * size) + b"}"


def _deep(opening: bytes, inner: bytes, closing: bytes) -> Callable[[int], bytes]:
    return lambda size: opening * size + inner + closing * size


def _nearly_json(size: int) -> bytes:
    """A record that only a lenient reader takes, with a list of many numbers."""
    return _with(model="gpt\ud800", note="raw:[" + "1," * size + "1]")


def _page(size: int) -> bytes:
    return b'{"logs":[' + b",".join([b"{}"] * size) + b"]}"


def _envelopes(size: int) -> bytes:
    return b'{"team":"a","response":' * size + good(7) + b"}" * size


def _header(size: int) -> Sequence[bytes]:
    """A header of so many columns, and a row."""
    return [b",".join(b"c%d" % n for n in range(size)), b"\n", b",".join([b"1"] * size), b"\n"]


def _equal_header(size: int) -> Sequence[bytes]:
    return [b",".join([b"model"] * size), b"\n", b",".join([b"1"] * size), b"\n"]


def _wide_table(size: int) -> Sequence[bytes]:
    """As many rows as columns: `size` squared cells, each of a byte."""
    return [*_header(size)[:2], (b"," * (size - 1) + b"\n") * size]


def _open_quote(size: int) -> Sequence[bytes]:
    """Rows whose first cell begins a quote that never ends."""
    return [b'"' + b"x\n" * size]


def _ragged(size: int) -> Sequence[bytes]:
    return [b"1,2,3"] * size


def _empty_members(size: int) -> Sequence[bytes]:
    return [gzip.compress(b"", mtime=0)] * size


def _empty_frames(size: int) -> Sequence[bytes]:
    return [zstandard.compress(b"")] * size


def _skippable_frames(size: int) -> Sequence[bytes]:
    return [b"\x50\x2a\x4d\x18\0\0\0\0"] * size


def _members_of_a_byte(size: int) -> Sequence[bytes]:
    return [gzip.compress(b"1", mtime=0), gzip.compress(b"\n", mtime=0)] * (size // 2)


def _bomb(size: int) -> Sequence[bytes]:
    return [gzip.compress(b" " * size, 9, mtime=0)]


def _cut_gzip(size: int) -> Sequence[bytes]:
    return [gzip.compress(b"\n".join(good(n) for n in range(size)), mtime=0)[:-9]]


def _garbage_after_gzip(size: int) -> Sequence[bytes]:
    return [gzip.compress(good(8) + b"\n", mtime=0), b"\x1f\x8b\x08" + b"\xff" * size]


def _chunk(number: int, **more: Any) -> bytes:
    made = {"id": f"s-{number}", "object": "chat.completion.chunk", "model": "gpt-4o-mini", "choices": []}
    return b"data: " + json.dumps(made | more).encode() + b"\n\n"


def _endless_stream(size: int) -> Sequence[bytes]:
    return [_chunk(1)] * size


def _stream_of_ids(size: int) -> Sequence[bytes]:
    """Chunks of which each has an id of its own."""
    return [_chunk(n, choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]) for n in range(size)]


def _event_of_lines(size: int) -> Sequence[bytes]:
    """One event whose data has so many lines."""
    return [b"data: [\n", b"data: 1,\n" * size, b"data: 1]\n\n"]


def _envelopes_in_a_stream(size: int) -> Sequence[bytes]:
    return [b'{"team":"a"}\n', _chunk(1), b"data: [DONE]\n\n"] * size


def _utf16(size: int) -> Sequence[bytes]:
    return [b"\xff\xfe" + b"\n".join([b"1"] * size).decode().encode("utf-16-le") + b"\0"]


def _nested_attribute(size: int) -> bytes:
    return _span_with('{"arrayValue":{"values":[' * size + '{"intValue":"1"}' + "]}}" * size)


def _many_attributes(size: int) -> bytes:
    pair = b'{"key":"x","value":{"intValue":"1"}}'
    return b'{"traceId":"%s","spanId":"eee19b7ec3c1b174","attributes":[%s]}' % (
        b"5b" * 16,
        b",".join([pair] * size),
    )


def _wire_groups(size: int) -> Sequence[bytes]:
    """Protobuf: groups in groups in unknown fields, which a reader has to skip."""
    return [b"\x9b\x06" * size + b"\x9c\x06" * size]


def _wire_values(size: int) -> Sequence[bytes]:
    """Protobuf: an attribute whose value is a list in a list in a list."""
    value = b"\x18\x01"
    for _ in range(size):
        listed = _field(1, value)
        value = _field(5, listed)
    pair = _field(1, b"x") + _field(2, value)
    spanned = _field(1, b"\1" * 16) + _field(2, b"\1" * 8) + _field(9, pair)
    return [_field(1, _field(2, _field(2, spanned)))]


def _field(number: int, content: bytes) -> bytes:
    """A field of protobuf with a length."""
    size, length = len(content), b""
    while size >= 0x80:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


REJECTED: Final = (
    HostileBody("lines `1`", _same(b"1"), 3_000, 50_000, packing="gzip"),
    HostileBody("lines `1`, as many as the limit allows", _same(b"1"), 4_000, 33_000_000, packing="gzip"),
    HostileBody('lines `{"a":n}`', lambda size: [b'{"a":%d}' % n for n in range(size)], 3_000, 50_000, packing="gzip"),
    HostileBody("array of numbers", _same(b"1"), 3_000, 30_001, JSON, "array"),
    HostileBody("lines `{}`", _same(b"{}"), 3_000, 20_000),
    HostileBody("array of empty arrays", _same(b"[]"), 3_000, 2_000_000, JSON, "array", "gzip"),
    HostileBody("lines that are cut", _same(b'{"id":"a","usage":{'), 3_000, 2_000_000, packing="gzip"),
    HostileBody("lines with other content each", lambda size: [b'{"model":"m%d","usage":[]}' % n for n in range(size)], 3_000, 1_000_000, packing="gzip"),
    HostileBody("values without line feeds", _same(b"{}"), 3_000, 2_000_000, JSON, "alone"),
    HostileBody("a page of empty rows", _one(_page), 3_000, MILLION, packing="gzip"),
    HostileBody("blank lines", _same(b" "), 3_000, 20_000_000, packing="gzip"),
    HostileBody("UTF-16 lines, and half a character", _utf16, 3_000, 8_000_000, join="alone"),
)  # fmt: skip
"""Bodies of records that are rejected, more than a ledger can keep."""

POISON: Final = (
    *(
        HostileBody(f"{number} as {where}", _same(part), 1, 1)
        for number, raw in ODD_NUMBERS.items()
        for where, part in {
            "a count": _with(usage=_usage(prompt_tokens=f"raw:{raw}")),
            "a cost": _with(usage=_usage(cost=f"raw:{raw}")),
            "an unknown field": _with(unheard_of=f"raw:{raw}"),
            "a time": _with(created=f"raw:{raw}"),
            "a latency": b'{"latency_ms":%s,"response":%s}' % (raw.encode(), good(7)),
            "a label": b'{"labels":{"a":%s},"response":%s}' % (raw.encode(), good(7)),
            "an attribute of a span": b'{"traceId":"%s","spanId":"eee19b7ec3c1b174","attributes":{"x":%s}}'
            % (b"5b" * 16, raw.encode()),
            "a price of OpenRouter": b'{"generation_id":"g","created_at":"2026-03-30 02:37:51.271",'
            b'"cost_total":0.1,"byok_usage_inference":%s}' % raw.encode(),
        }.items()
    ),
    HostileBody("an exponent whose sum overflows", _same(
        b'{"generation_id":"g","created_at":"2026-03-30 02:37:51.271","cost_total":1,'
        b'"model_permaslug":"a/b","tokens_prompt":1,"tokens_completion":1,"byok_usage_inference":0.1e2147483648}'), 1, 1),
    HostileBody("NaN and infinities", _same(b'{"id":"n","usage":{"prompt_tokens":NaN,"completion_tokens":-Infinity}}'), 3, 3),
    HostileBody("a double of a span", _same(_span_with(f'{{"doubleValue":{HUGE_EXPONENT}}}')), 1, 1, JSON, "spans", path=TRACES),
    HostileBody("a double of a span as text", _same(_span_with(f'{{"doubleValue":"{HUGE_EXPONENT}"}}')), 1, 1, JSON, "spans", path=TRACES),
    HostileBody("a time of a span", _same(b'{"startTimeUnixNano":%s}' % HUGE_EXPONENT.encode()), 1, 1, JSON, "spans", path=TRACES),
    HostileBody("lone surrogates and NUL", _same(_with(model="\ud800\0")), 3, 1_000),
    HostileBody("bytes that are no UTF-8", _same(b'{"id":"\xff\xfe","model":"\x80"}'), 3, 1_000),
)  # fmt: skip
"""Bodies with records that parsers choke on, among good ones."""

LARGE: Final = (
    HostileBody("a record of many keys", _one(_keys), 20_000, 240_000),
    HostileBody("a record with the same key again and again", _one(_same_keys), 20_000, 340_000),
    HostileBody("brackets in brackets", _one(_deep(b"[", b"", b"]")), 20_000, MILLION),
    HostileBody("objects in objects", _one(_deep(b'{"a":', b"1", b"}")), 20_000, MILLION),
    HostileBody("envelopes in envelopes", _one(_envelopes), 500, 20_000),
    HostileBody("a deep field of a good record", _one(lambda size: _with(deep="raw:" + "[" * size + "]" * size)), 20_000, MILLION),
    HostileBody("a model of a million characters", _one(lambda size: _with(model="m" * size)), 20_000, MILLION),
    HostileBody("an id of a million characters", _one(lambda size: _with(id="i" * size)), 20_000, MILLION),
    HostileBody("a team of a million characters", _one(lambda size: b'{"team":"%s","response":%s}' % (b"t" * size, good(7))), 20_000, MILLION),
    HostileBody("a label of a million characters", _one(lambda size: b'{"labels":{"l":"%s"},"response":%s}' % (b"t" * size, good(7))), 20_000, MILLION),
    HostileBody("many labels", _one(lambda size: b'{"labels":%s,"response":%s}' % (_keys(size), good(7))), 2_000, 200_000),
    HostileBody("a number of a million digits", _one(lambda size: _with(created="raw:" + "1" * size)), 20_000, MILLION),
    HostileBody("a text of 4 MB", _one(lambda size: _with(note="x" * size)), 20_000, 4_000_000),
    HostileBody("a text of 40 MB", _one(lambda size: _with(note="x" * size)), 20_000, 40_000_000),
    HostileBody("a large record that is nearly JSON", _one(_nearly_json), 20_000, 1_900_000),
    HostileBody("large records that are nearly JSON", lambda size: [_nearly_json(size // 8)] * 40, 20_000, 1_900_000),
    HostileBody("a line without an end", _one(lambda size: b"[" + b"1," * size), 20_000, 25_000_000, join="alone"),
)  # fmt: skip
"""Bodies of records that are too large, too deep or too long."""

TABLES: Final = (
    HostileBody("a table of many columns", _header, 3_000, 60_000, CSV, "alone", "gzip"),
    HostileBody("a table of a million columns", _header, 3_000, MILLION, CSV, "alone"),
    HostileBody("a table of equal columns", _equal_header, 3_000, MILLION, CSV, "alone"),
    HostileBody("a table with as many rows as columns", _wide_table, 200, 5_000, CSV, "alone", "gzip"),
    HostileBody("a quote that never ends", _open_quote, 3_000, 3 * MILLION, CSV, "rows", breaks_off=True),
    HostileBody("rows that do not fit the header", _ragged, 3_000, 3 * MILLION, CSV, "rows", "gzip", breaks_off=True),
    HostileBody("rows of carriage returns", _same(b"\r"), 3_000, 20 * MILLION, CSV, "rows", "gzip"),
)  # fmt: skip
"""Hostile tables."""

PACKED: Final = (
    HostileBody("empty members of gzip", _empty_members, 2_000, 150_000, join="alone", packing=""),
    HostileBody("as many empty members as the limit allows", _empty_members, 3_000, 1_500_000, join="alone"),
    HostileBody("members of a byte each", _members_of_a_byte, 2_000, MILLION, join="alone"),
    HostileBody("empty frames of zstd", _empty_frames, 3_000, 2 * MILLION, join="alone"),
    HostileBody("skippable frames of zstd", _skippable_frames, 3_000, 2 * MILLION, join="alone"),
    HostileBody("blanks that unpack to 10 GB", _bomb, 2_000_000, 1_000_000_000, join="alone"),
    HostileBody("gzip that is cut", _cut_gzip, 20, 20_000, join="alone"),
    HostileBody("garbage after a member", _garbage_after_gzip, 100, MILLION, join="alone"),
)  # fmt: skip
"""Hostile packings."""

STREAMS: Final = (
    HostileBody("a stream without an end", _endless_stream, 2_000, 300_000, STREAM, "alone", "gzip"),
    HostileBody("a stream of ids", _stream_of_ids, 2_000, 300_000, STREAM, "alone", "gzip"),
    HostileBody("an event of many lines", _event_of_lines, 2_000, MILLION, STREAM, "alone", "gzip"),
    HostileBody("events of nothing", _same(b"data:\n\n"), 2_000, 5 * MILLION, STREAM, "alone", "gzip"),
    HostileBody("comments of a stream", _same(b":\n"), 2_000, 20 * MILLION, STREAM, "alone", "gzip"),
    HostileBody("events that are no JSON", _same(b"data: {\n\n"), 2_000, 5 * MILLION, STREAM, "alone", "gzip"),
    HostileBody("a chunk of brackets in brackets", _one(lambda size: b'data: {"id":"s","object":"chat.completion.chunk","choices":%s}\n\n' % (b"[" * size + b"]" * size)), 5_000, MILLION, STREAM, "alone"),
    HostileBody("an envelope before every stream", _envelopes_in_a_stream, 1_000, 300_000, STREAM, "alone", "gzip"),
)  # fmt: skip
"""Hostile streams of server-sent events."""

SPANS: Final = (
    HostileBody("spans of nothing", _same(b"{}"), 2_000, MILLION, JSON, "spans", "gzip", TRACES),
    HostileBody("an attribute in an attribute", _one(_nested_attribute), 500, 100_000, JSON, "spans", path=TRACES, spoils_all=True),
    HostileBody("a span of many attributes", _one(_many_attributes), 2_000, 500_000, JSON, "spans", "gzip", TRACES),
    HostileBody("groups of protobuf in groups", _wire_groups, 2_000, MILLION, "application/x-protobuf", "alone", path=TRACES),
    HostileBody("a protobuf value in a value", _wire_values, 200, 3_000, "application/x-protobuf", "alone", path=TRACES),
    HostileBody("protobuf that is none", _same(b"\xff"), 2_000, 10 * MILLION, "application/x-protobuf", "alone", path=TRACES),
)  # fmt: skip
"""Hostile trace requests."""

BODIES: Final = (*REJECTED, *POISON, *LARGE, *TABLES, *PACKED, *STREAMS, *SPANS)


def named(name: str) -> HostileBody:
    """The hostile body of this name."""
    return next(body for body in BODIES if body.name == name)
