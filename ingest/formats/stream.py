"""Streams: the JSON chunks of one response joined into one record, without its content.

Usage and the gateway's fields are in the last chunks. The last value counts and nothing is added up,
because a later count includes the earlier. The latency of a chunk is the time since the chunk before it (in
the last chunk: the time of the whole call). The time to the first token is therefore the sum of the
latencies up to the first chunk with content.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from ingest.formats.bedrock import converse
from ingest.formats.completion.body import (
    NULL,
    Annotation,
    Body,
    Choice,
    Empty,
    ErrorObject,
    Message,
    XGroq,
    is_present,
)
from ingest.formats.completion.chunk import (
    ChoiceDelta,
    Chunk,
    decode_chunk,
    first_value,
    has_content,
    last_value,
)
from ingest.formats.completion.content_counts import content_counts, list_length
from ingest.formats.completion.response_id import first_id, is_id
from ingest.formats.completion.usage import Usage
from ingest.formats.envelope import BESIDE_RESPONSE, RecordReader, read_envelope
from ingest.formats.format import Fields, Format, marks
from ingest.formats.json import decode_errors
from ingest.formats.json.decoder import decoder
from ingest.formats.json.lenient import loads
from ingest.formats.json.unknown_numbers import has_numbers, unknown_numbers
from ingest.formats.json.unknown_numbers import refusal as unknown_numbers_refusal
from ingest.formats.providers import anthropic_stream, cohere, gemini, gemini_interactions
from ingest.model.event import UsageEvent
from ingest.model.rejection import Refused

_FINAL_EVENTS: Final = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done"}
)
_DONE_EVENTS: Final = frozenset({"speech.audio.done", "transcript.text.done"})
_MOST_CHOICES: Final = 1_000
_FIRST_VALUES: Final = (
    "model",
    "object",
    "created",
    "created_at",
    "service_tier",
    "system_fingerprint",
    "speed",
)
"""Fields whose first value counts."""
_LAST_VALUES: Final = ("type", "status", "extra_fields", "inference_geo", "is_bifrost_error", "status_code")
"""Fields whose last value counts."""

_RUN: Final = "thread.run"
"""The object of an assistant's run. Its stream also has the run's steps, whose usage it includes."""
_USAGE_NAMES: Final = ("usage", "usageMetadata", "usage_metadata")
_PLACES_OF_USAGE: Final = ("response", "message", "metadata", "delta", "interaction", "x_groq")
"""Objects in a chunk that may have the usage."""

_DIALECTS: Final = (anthropic_stream, gemini, gemini_interactions, converse, cohere)
"""Streams with chunks of their own shape. Each is recognised by its first chunk."""

_decode = decoder(Chunk)
_decode_first = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
_EMPTY_LIST: Final = Raw(b"[]")
_NO_USAGE: Final = Usage()


def assemble(raw_chunks: Sequence[bytes]) -> bytes:
    """The record of a stream as JSON: an envelope around the response that its chunks make.

    Raises:
        Refused: there is no chunk, or a chunk cannot be decoded.
    """
    if not raw_chunks:
        raise Refused("empty_stream", "the stream holds no chunk")
    first = _fields(raw_chunks[0])
    dialect = next((dialect for dialect in _DIALECTS if dialect.recognises_stream(first)), None)
    if dialect is not None:
        record = dialect.join_chunks(raw_chunks)
    else:
        chunks = [decode_chunk(_decode, raw, index) for index, raw in enumerate(raw_chunks)]
        record = _stream_record(chunks) | {"time_to_first_token_ms": _time_to_first_token(chunks)}
    _refuse_unknown_usage(raw_chunks, record["response"])
    return _encode({**record, "chunk_count": len(raw_chunks)})


def _refuse_unknown_usage(raw_chunks: Sequence[bytes], response: Any) -> None:
    """Refuse a stream whose usage has numbers, of which none is a known count.

    Raises:
        Refused: all numbers are unknown; the refusal has their names.
    """
    fields = response if isinstance(response, dict) else msgspec.structs.asdict(response)
    usage = next((fields[name] for name in _USAGE_NAMES if fields.get(name) is not None), None)
    if usage is None or has_numbers(msgspec.to_builtins(usage)):
        return
    for index, raw in enumerate(raw_chunks):
        for name, stated in _usage_objects(raw):
            if names := list(unknown_numbers(stated, type(usage))):
                raise unknown_numbers_refusal(names, f"chunks[{index}].{name}")


def _usage_objects(raw: bytes) -> Iterator[tuple[str, Any]]:
    """The usage objects of a chunk, by their names."""
    chunk = loads(raw) if b"sage" in raw else None
    if not isinstance(chunk, dict):
        return
    for place in (chunk, *(chunk.get(name) for name in _PLACES_OF_USAGE)):
        if isinstance(place, dict):
            yield from ((name, place[name]) for name in _USAGE_NAMES if isinstance(place.get(name), dict))


def open_envelope(line: bytes) -> Callable[[bytes, int], bytes]:
    """What puts the record of a stream into the envelope of a line: an envelope without a response.

    What the envelope states stands before what the stream says. Its event id is the id of its first stream.

    Raises:
        Refused: the line is no JSON object, or has a field that an envelope does not have.
    """
    fields = {name: value for name, value in _envelope_fields(line).items() if bytes(value) != b"null"}

    def enclose(record: bytes, number: int) -> bytes:
        own = dict(fields)
        if "event_id" in own and number > 1:
            event_id = msgspec.json.decode(own["event_id"])
            own["event_id"] = Raw(_encode(f"{event_id}#{number}"))
        return _encode({**_decode_first(record), **own})

    return enclose


def _envelope_fields(line: bytes) -> Fields:
    try:
        fields = _decode_first(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("bad_envelope", "the line before the stream is no JSON object on one line") from None
    unknown = next((name for name in fields if name not in BESIDE_RESPONSE), None)
    if unknown is not None:
        raise Refused(
            "bad_envelope",
            f"the line before the stream has {decode_errors.safe_repr(unknown)}, which an envelope does not "
            f"have; it may have {', '.join(sorted(BESIDE_RESPONSE))}",
            "response" if unknown == "response" else None,
        )
    return fields


def event_format(reader: RecordReader) -> Format:
    """The format of a final event of a Responses API stream, stored alone: it has the whole response."""

    def read(raw: bytes) -> UsageEvent:
        record = _stream_record([decode_chunk(_decode, raw, 0)])
        _refuse_unknown_usage([raw], record["response"])
        return read_envelope(_encode(record), reader)

    title = "the final event of a Responses API stream"
    return Format(name="responses-event", title=title, recognises=_recognises, read=read)


def _recognises(fields: Fields) -> bool:
    event_type, response = fields.get("type"), fields.get("response")
    if event_type is None or response is None:
        return False
    return bytes(event_type)[:10] == b'"response.' and bytes(response)[:1] == b"{"


def _fields(raw: bytes) -> Fields:
    """The fields of the first chunk; none for an invalid chunk, which is refused when it is decoded."""
    try:
        return marks(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _stream_record(chunks: list[Chunk]) -> dict[str, Any]:
    body = _final_response(chunks) or _merge_chunks(chunks)
    record: dict[str, Any] = {"response": body, "stream": True}
    return record if _has_ended(chunks, body) else {**record, "status": "cancelled"}


def _final_response(chunks: list[Chunk]) -> Body | None:
    """The response of a Responses API stream, None for a stream of another kind."""
    events = [chunk for chunk in chunks if chunk.response is not None]
    if not events:
        return None
    end = next((chunk for chunk in reversed(events) if chunk.type in _FINAL_EVENTS), events[-1])
    body = end.response or Body()
    error = body.error if body.error is not None else _last_error(chunks)
    interrupted = "cancelled" if error is None else None
    return msgspec.structs.replace(
        _outline(body),
        id=first_id(*(event.response.id for event in (end, *events) if event.response is not None)),
        usage=_last_usage([chunk.usage for chunk in chunks] + [body.usage]),
        object=body.object or "response",
        status=body.status if end.type in _FINAL_EVENTS else interrupted,
        error=ErrorObject() if isinstance(error, str) else error,
        extra_fields=body.extra_fields or end.extra_fields or last_value(chunks, "extra_fields"),
    )


def _outline(body: Body) -> Body:
    """`body` with an output of the same numbers of tool calls and URL citations, without content."""
    counts = content_counts(body)
    annotations = [Annotation("url_citation")] * (counts.url_citations or 0)
    items = [{"type": "tool_call"}] * (counts.tool_calls or 0) + [
        {"type": "message", "content": [{"annotations": annotations}]}
    ]
    output = Raw(_encode(items))
    return msgspec.structs.replace(
        body, output=output, data=NULL, pages=NULL, citations=NULL, text=NULL, results=NULL
    )


def _merge_chunks(chunks: list[Chunk]) -> Body:
    """The response that the chunks of any other stream make."""
    chunks = [chunk for chunk in chunks if chunk.object == _RUN] or chunks
    fields = {name: first_value(chunks, name) for name in _FIRST_VALUES} | {
        name: last_value(chunks, name) for name in _LAST_VALUES
    }
    error = _last_error(chunks)
    fields["usage"] = _last_usage([usage for chunk in chunks for usage in _usages(chunk)])
    groq = [chunk.x_groq for chunk in chunks if chunk.x_groq is not None]
    if groq:
        fields["x_groq"] = XGroq(first_value(groq, "id"))
    ids = list(dict.fromkeys(chunk.id for chunk in chunks if is_id(chunk.id)))
    own_ids = len(ids) > 1  # each chunk has an id of its own
    fields["id"] = first_id(*([first_value(groq, "id")] if own_ids else []), *ids)
    for mark in ("prompt_filter_results", "content_filters"):
        if any(is_present(getattr(chunk, mark)) for chunk in chunks):
            fields[mark] = _EMPTY_LIST
    citations = max((list_length(chunk.citations) or 0 for chunk in chunks), default=0)
    if citations:
        fields["citations"] = Raw(_encode([None] * citations))
    return Body(**fields, choices=_choices(chunks), error=ErrorObject() if isinstance(error, str) else error)


def _usages(chunk: Chunk) -> tuple[Usage | None, ...]:
    return (chunk.x_groq.usage if chunk.x_groq else None, chunk.usage)


def _last_usage(stated: Sequence[Usage | None]) -> Usage | None:
    """The last usage that says something; an empty one where there are only such."""
    usages = [usage for usage in stated if usage is not None]
    return next((usage for usage in reversed(usages) if usage != _NO_USAGE), usages[-1] if usages else None)


def _choices(chunks: list[Chunk]) -> list[Choice] | None:
    """A choice for each index, with its finish reason, tool calls and citations."""
    deltas = [delta for chunk in chunks for delta in chunk.choices or ()]
    if all(chunk.choices is None for chunk in chunks):
        return None
    count = max((delta.index for delta in deltas), default=-1) + 1
    if count > _MOST_CHOICES:
        raise Refused("impossible_count", f"a stream of {count} choices is not believed", "choices")
    pieces: list[list[ChoiceDelta]] = [[] for _ in range(count)]
    for delta in deltas:
        pieces[delta.index].append(delta)
    return [_choice(of_choice) for of_choice in pieces]


def _choice(pieces: list[ChoiceDelta]) -> Choice:
    deltas = [piece.delta for piece in pieces if piece.delta is not None]
    call_indexes = [call.index for delta in deltas for call in delta.tool_calls or ()]
    tool_calls = len({index for index in call_indexes if index is not None}) + call_indexes.count(None)
    finish_reasons = [piece.finish_reason for piece in pieces if piece.finish_reason]
    annotations = [annotation for delta in deltas for annotation in delta.annotations or ()]
    return Choice(
        finish_reasons[-1] if finish_reasons else None, Message([Empty()] * tool_calls, annotations)
    )


def _last_error(chunks: list[Chunk]) -> ErrorObject | str | None:
    """The last error: the `error` of a chunk, or an `error` event of the Responses API."""
    for chunk in reversed(chunks):
        if chunk.error is not None:
            return chunk.error
        if chunk.type == "error":
            return ErrorObject("error", chunk.code)
    return None


def _has_ended(chunks: list[Chunk], body: Body) -> bool:
    """Whether the stream is complete: an interrupted stream has neither usage nor a finish reason."""
    if body.usage is not None or body.error is not None or body.is_bifrost_error:
        return True
    if any(choice.finish_reason for choice in body.choices or ()):
        return True
    return any(chunk.type in _FINAL_EVENTS or chunk.type in _DONE_EVENTS for chunk in chunks)


def _time_to_first_token(chunks: list[Chunk]) -> float | None:
    """Milliseconds up to the first chunk with content; None where an earlier chunk has no latency."""
    first_token = next((index for index, chunk in enumerate(chunks) if has_content(chunk)), None)
    if first_token is None:
        return None
    latencies = [
        chunk.extra_fields.latency if chunk.extra_fields else None for chunk in chunks[: first_token + 1]
    ]
    known_latencies = [latency for latency in latencies if latency is not None]
    if len(known_latencies) < len(latencies):
        return None
    return known_latencies[-1] if first_token == len(chunks) - 1 else sum(known_latencies)
