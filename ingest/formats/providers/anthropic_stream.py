"""Anthropic's stream: `message_start` with the input counts, then cumulative counts, then a stop reason.

A stream that was cut before its stop reason is cancelled; its input counts are known and billed.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, ValidationError
from msgspec.structs import replace

from ingest.formats.completion.body import Body, ErrorObject, ExtraFields
from ingest.formats.completion.chunk import decode_chunk, last_value
from ingest.formats.completion.usage import Usage
from ingest.formats.format import Fields
from ingest.formats.json.decoder import decoder


class TypedObject(Struct, gc=False):
    """A content block or a citation. Only its type is decoded."""

    type: str | None = None


class Delta(Struct, gc=False):
    """The `delta` of an event, without content."""

    stop_reason: str | None = None
    citation: TypedObject | None = None


class StreamEvent(Struct, gc=False):
    """One event of a stream."""

    type: str | None = None
    message: Body | None = None
    content_block: TypedObject | None = None
    delta: Delta | None = None
    usage: Usage | None = None
    error: ErrorObject | None = None
    extra_fields: ExtraFields | None = None


_decode = decoder(StreamEvent)
_decode_blocks = decoder(list[TypedObject])
_encode = msgspec.json.Encoder().encode
_NO_DELTA: Final = Delta()


def recognises_stream(first: Fields) -> bool:
    """Whether a stream with this first chunk is a stream of Anthropic."""
    return (
        bytes(first.get("type", b"")) == b'"message_start"' and bytes(first.get("message", b""))[:1] == b"{"
    )


def join_chunks(chunks: Sequence[bytes]) -> dict[str, Any]:
    """The record of a stream: the message as a call without streaming returns it, without its content."""
    events = [decode_chunk(_decode, raw, index) for index, raw in enumerate(chunks)]
    deltas = [event.delta or _NO_DELTA for event in events]
    start = next((event.message for event in events if event.message is not None), Body())
    # programmatic tool calls send the whole message, with its stop reason, in `message_start`
    stop_reason, error = last_value(deltas, "stop_reason") or start.stop_reason, last_value(events, "error")
    message = replace(
        start,
        type="message",
        usage=_last_counts([start.usage, *(event.usage for event in events)]),
        stop_reason=stop_reason,
        content=_content_outline(start, events, deltas),
        error=error,
        extra_fields=last_value(events, "extra_fields"),
    )
    record: dict[str, Any] = {"response": message, "stream": True}
    return record if stop_reason is not None or error is not None else {**record, "status": "cancelled"}


def _last_counts(stated: list[Usage | None]) -> Usage:
    """The last value of each counter: Anthropic's stream counts cumulatively."""
    usage = Usage()
    for counts in stated:
        if counts is not None:
            values = {name: getattr(counts, name) for name in counts.__struct_fields__}
            usage = replace(usage, **{name: value for name, value in values.items() if value is not None})
    return usage


def _content_outline(start: Body, events: list[StreamEvent], deltas: list[Delta]) -> Raw:
    """Content with the types of the blocks and citations, and nothing else."""
    stated = [
        *_started_blocks(start),
        *(event.content_block for event in events if event.content_block is not None),
    ]
    blocks = [{"type": block.type} for block in stated]
    citations = [{"type": delta.citation.type} for delta in deltas if delta.citation is not None]
    return Raw(_encode([*blocks, {"citations": citations}]))


def _started_blocks(start: Body) -> list[TypedObject]:
    """The blocks of a message that is whole at its start; none for any other content."""
    try:
        return _decode_blocks(start.content) if bytes(start.content)[:1] == b"[" else []
    except ValidationError:
        return []
