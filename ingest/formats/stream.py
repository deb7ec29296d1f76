"""Streams: the JSON chunks of one response put together into one record, its content left out.

Usage and the gateway's fields stand in the last chunks: the last one counts, and nothing is added up, for a later
count repeats the earlier. The latency of a chunk is the time since the chunk before it (that of the last chunk: of
the whole call), so the first token came after the sum of the latencies up to the chunk that brought it.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from ingest.event import UsageEvent
from ingest.formats import anthropic_stream, bedrock, cohere, gemini
from ingest.formats.answer import answer, length
from ingest.formats.body import NULL, Annotation, Body, Choice, Empty, Fault, Message
from ingest.formats.chunk import Chunk, Piece, decoded, first, has_content, last
from ingest.formats.envelope import Reader, opened
from ingest.formats.format import Fields, Format
from ingest.refusal import Refused

_FINAL: Final = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done"}
)
_DONE: Final = frozenset({"speech.audio.done", "transcript.text.done"})
_MOST_CHOICES: Final = 1_000
_FIRST: Final = (
    "id",
    "model",
    "object",
    "created",
    "created_at",
    "service_tier",
    "system_fingerprint",
    "speed",
)
"""Fields that the first chunk to have them settles."""
_LAST: Final = ("type", "usage", "extra_fields", "inference_geo", "is_bifrost_error", "status_code")
"""Fields that the last chunk to have them settles."""

_DIALECTS: Final = (anthropic_stream, gemini, bedrock, cohere)
"""Streams whose chunks have nothing in common with the others'; their first chunk tells."""

_decode = msgspec.json.Decoder(Chunk).decode
_decode_first = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
_THERE: Final = Raw(b"[]")


def assemble(chunks: Sequence[bytes]) -> bytes:
    """The record of a stream: an envelope around the response that its chunks make, as JSON.

    Raises:
        Refused: there is no chunk, or one of them cannot be read.
    """
    if not chunks:
        raise Refused("empty_stream", "the stream holds no chunk")
    for dialect in _DIALECTS:
        if dialect.speaks(_fields(chunks[0])):
            return _encode({**dialect.joined(chunks), "chunk_count": len(chunks)})
    read = [decoded(_decode, raw, index) for index, raw in enumerate(chunks)]
    return _encode(
        {**_record(read), "chunk_count": len(read), "time_to_first_token_ms": _time_to_first_token(read)}
    )


def event_format(reader: Reader) -> Format:
    """The final event of a Responses API stream, kept alone: it holds the whole response."""

    def read(raw: bytes) -> UsageEvent:
        return opened(_encode(_record([decoded(_decode, raw, 0)])), reader)

    title = "the final event of a Responses API stream"
    return Format(name="responses-event", title=title, recognises=_recognises, read=read)


def _recognises(fields: Fields) -> bool:
    kind, response = fields.get("type"), fields.get("response")
    if kind is None or response is None:
        return False
    return bytes(kind)[:10] == b'"response.' and bytes(response)[:1] == b"{"


def _fields(raw: bytes) -> Fields:
    """The fields of the first chunk, none where it cannot be read: whoever reads it says why."""
    try:
        return _decode_first(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _record(read: list[Chunk]) -> dict[str, Any]:
    body = _responded(read) or _merged(read)
    record: dict[str, Any] = {"response": body, "stream": True}
    return record if _ended(read, body) else {**record, "status": "cancelled"}


def _responded(read: list[Chunk]) -> Body | None:
    """The response of a Responses API stream, None for a stream of another kind."""
    events = [chunk for chunk in read if chunk.response is not None]
    if not events:
        return None
    end = next((chunk for chunk in reversed(events) if chunk.type in _FINAL), events[-1])
    body = end.response or Body()
    error = body.error if body.error is not None else _error(read)
    interrupted = "cancelled" if error is None else None
    return msgspec.structs.replace(
        _without_content(body),
        object=body.object or "response",
        status=body.status if end.type in _FINAL else interrupted,
        error=Fault() if isinstance(error, str) else error,
        extra_fields=body.extra_fields or end.extra_fields or last(read, "extra_fields"),
    )


def _without_content(body: Body) -> Body:
    """`body` with an output that has as many tool calls and url citations, and nothing else."""
    kept = answer(body)
    marks = [Annotation("url_citation")] * (kept.url_citations or 0)
    items = [{"type": "tool_call"}] * (kept.tool_calls or 0) + [
        {"type": "message", "content": [{"annotations": marks}]}
    ]
    output = Raw(_encode(items))
    return msgspec.structs.replace(
        body, output=output, data=NULL, pages=NULL, citations=NULL, text=NULL, results=NULL
    )


def _merged(read: list[Chunk]) -> Body:
    """The response that the chunks of another stream make."""
    fields = {name: first(read, name) for name in _FIRST} | {name: last(read, name) for name in _LAST}
    error = _error(read)
    groq = last(read, "x_groq")
    if groq is not None:
        fields |= {"x_groq": _THERE, "usage": fields["usage"] or groq.usage}
    if any(chunk.prompt_filter_results is not NULL for chunk in read):
        fields["prompt_filter_results"] = _THERE
    cited = max((length(chunk.citations) or 0 for chunk in read), default=0)
    if cited:
        fields["citations"] = Raw(_encode([None] * cited))
    return Body(**fields, choices=_choices(read), error=Fault() if isinstance(error, str) else error)


def _choices(read: list[Chunk]) -> list[Choice] | None:
    """One choice for every index that occurs, with its end, tool calls and citations."""
    pieces = [piece for chunk in read for piece in chunk.choices or ()]
    if all(chunk.choices is None for chunk in read):
        return None
    count = max((piece.index for piece in pieces), default=-1) + 1
    if count > _MOST_CHOICES:
        raise Refused("impossible_count", f"a stream of {count} choices is not believed", "choices")
    return [_choice([piece for piece in pieces if piece.index == index]) for index in range(count)]


def _choice(pieces: list[Piece]) -> Choice:
    deltas = [piece.delta for piece in pieces if piece.delta is not None]
    calls = [call.index for delta in deltas for call in delta.tool_calls or ()]
    distinct = len({index for index in calls if index is not None}) + calls.count(None)
    ends = [piece.finish_reason for piece in pieces if piece.finish_reason]
    marks = [mark for delta in deltas for mark in delta.annotations or ()]
    return Choice(ends[-1] if ends else None, Message([Empty()] * distinct, marks))


def _error(read: list[Chunk]) -> Fault | str | None:
    """The last error: an object of its own, or an `error` event of the Responses API, which is one itself."""
    for chunk in reversed(read):
        if chunk.error is not None:
            return chunk.error
        if chunk.type == "error":
            return Fault("error", chunk.code)
    return None


def _ended(read: list[Chunk], body: Body) -> bool:
    """Whether the stream came to its end: an interrupted one has neither usage nor a reason why it finished."""
    if body.usage is not None or body.error is not None or body.is_bifrost_error:
        return True
    if any(choice.finish_reason for choice in body.choices or ()):
        return True
    return any(chunk.type in _FINAL or chunk.type in _DONE for chunk in read)


def _time_to_first_token(read: list[Chunk]) -> float | None:
    """Milliseconds up to the first chunk with content, where every chunk up to it states its latency."""
    brought = next((index for index, chunk in enumerate(read) if has_content(chunk)), None)
    if brought is None:
        return None
    latencies = [chunk.extra_fields.latency if chunk.extra_fields else None for chunk in read[: brought + 1]]
    stated = [latency for latency in latencies if latency is not None]
    if len(stated) < len(latencies):
        return None
    return stated[-1] if brought == len(read) - 1 else sum(stated)
