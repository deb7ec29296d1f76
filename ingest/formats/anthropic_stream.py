"""Anthropic's stream: `message_start` with what went in, then cumulative counts, and why it stopped.

A stream that was cut before it says why it stopped is cancelled; what it said of the input is known and billed.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from ingest.formats.body import Body, ExtraFields, Fault
from ingest.formats.chunk import decoded, last
from ingest.formats.format import Fields
from ingest.formats.usage import Usage


class Kind(Struct, gc=False):
    """A block or a citation; what it holds is content."""

    type: str | None = None


class Delta(Struct, gc=False):
    """What an event changes, but for content."""

    stop_reason: str | None = None
    citation: Kind | None = None


class Event(Struct, gc=False):
    """One event of a stream."""

    type: str | None = None
    message: Body | None = None
    content_block: Kind | None = None
    delta: Delta | None = None
    usage: Usage | None = None
    error: Fault | None = None
    extra_fields: ExtraFields | None = None


_decode = msgspec.json.Decoder(Event).decode
_encode = msgspec.json.Encoder().encode
_NO_DELTA: Final = Delta()


def speaks(first: Fields) -> bool:
    """Whether a stream with this first chunk is one of Anthropic's."""
    return (
        bytes(first.get("type", b"")) == b'"message_start"' and bytes(first.get("message", b""))[:1] == b"{"
    )


def joined(chunks: Sequence[bytes]) -> dict[str, Any]:
    """The record of a stream: the message as it would have come in one piece, its content left out."""
    read = [decoded(_decode, raw, index) for index, raw in enumerate(chunks)]
    deltas = [event.delta or _NO_DELTA for event in read]
    start = next((event.message for event in read if event.message is not None), Body())
    stop_reason, error = last(deltas, "stop_reason"), last(read, "error")
    message = replace(
        start,
        type="message",
        usage=_usage([start.usage, *(event.usage for event in read)]),
        stop_reason=stop_reason,
        content=_content(read, deltas),
        error=error,
        extra_fields=last(read, "extra_fields"),
    )
    record: dict[str, Any] = {"response": message, "stream": True}
    return record if stop_reason is not None or error is not None else {**record, "status": "cancelled"}


def _usage(stated: list[Usage | None]) -> Usage:
    """What is stated last of each count."""
    usage = Usage()
    for one in stated:
        if one is not None:
            said = {name: getattr(one, name) for name in one.__struct_fields__}
            usage = replace(usage, **{name: value for name, value in said.items() if value is not None})
    return usage


def _content(read: list[Event], deltas: list[Delta]) -> Raw:
    """Content with the same blocks and citations, and nothing in them."""
    blocks = [{"type": event.content_block.type} for event in read if event.content_block is not None]
    cited = [{"type": delta.citation.type} for delta in deltas if delta.citation is not None]
    return Raw(_encode([*blocks, {"citations": cited}]))
