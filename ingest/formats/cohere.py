"""Cohere's own bodies: chat, embed, rerank and classify. They are billed by `billed_units`, not by `tokens`.

A body names no model: the envelope says it. `cached_tokens` counts among `tokens`, with what is not billed, and is not
kept.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import asdict

from ingest.event import UsageEvent
from ingest.formats.body import NULL, Empty, is_there
from ingest.formats.chunk import decoded, first
from ingest.formats.format import Fields, Format
from ingest.formats.usage import Count, Meters

PROVIDER: Final = "cohere"

_OTHERS: Final = frozenset({"extra_fields", "choices", "model", "object", "type", "response"})
_ANSWERS: Final = frozenset({"results", "embeddings", "classifications", "generations", "generation_id"})


class Units(Struct, gc=False):
    """Counts, billed or raw; Cohere writes them as floats."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    image_tokens: Count | None = None
    images: Count | None = None
    search_units: Count | None = None


class Billing(Struct, gc=False, omit_defaults=True):
    """`usage` of the second version of the API, `meta` of the first and of what is not chat."""

    billed_units: Units | None = None
    tokens: Units | None = None


class Answer(Struct, gc=False):
    """The message; only its tool calls and citations are counted."""

    tool_calls: list[Empty] | None = None


class Response(Struct, gc=False):
    """A response."""

    id: str | None = None
    response_id: str | None = None
    generation_id: str | None = None
    finish_reason: str | None = None
    message: Answer | None = None
    tool_calls: list[Empty] | None = None
    usage: Billing | None = None
    meta: Billing | None = None
    results: Raw = NULL
    embeddings: Raw = NULL
    classifications: Raw = NULL


class End(Struct, gc=False):
    """The last event's news."""

    finish_reason: str | None = None
    usage: Billing | None = None


class StreamEvent(Struct, gc=False):
    """One event of a stream."""

    type: str | None = None
    id: str | None = None
    delta: End | None = None


_decode = msgspec.json.Decoder(Response).decode
_decode_event = msgspec.json.Decoder(StreamEvent).decode
_NO_BILLING: Final = Billing()


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a response of Cohere."""
    if not _OTHERS.isdisjoint(fields):
        return False
    if "meta" in fields:
        return "usage" not in fields and not _ANSWERS.isdisjoint(fields)
    return "message" in fields and "finish_reason" in fields


def read(raw: bytes) -> UsageEvent:
    """One response."""
    response = _decode(raw)
    billing = response.usage or response.meta or _NO_BILLING
    units = billing.billed_units or billing.tokens or Units()
    ident = response.id or response.response_id or response.generation_id
    said = response.message.tool_calls if response.message else response.tool_calls
    kind = _request_type(response)
    return UsageEvent(
        source=PROVIDER,
        source_event_id=f"{PROVIDER}:{ident}" if ident else None,
        request_type=kind,
        provider=PROVIDER,
        tool_calls=len(said or ()) if kind == "chat_completion" else None,
        finish_reason=response.finish_reason or None,
        status="error" if response.finish_reason in {"ERROR", "TIMEOUT"} else "success",
        images=units.images if units.image_tokens is None and units.images else None,
        **asdict(_counted(units)),
    )


def _request_type(response: Response) -> str:
    if is_there(response.results):
        return "rerank"
    if is_there(response.embeddings):
        return "embedding"
    return "classification" if is_there(response.classifications) else "chat_completion"


def _counted(units: Units) -> Meters:
    """The meters of billed units."""
    if (units.input_tokens, units.output_tokens, units.image_tokens) == (None, None, None):
        return Meters(search_units=units.search_units)
    tokens_in = (units.input_tokens or 0) + (units.image_tokens or 0)
    return Meters(
        input_tokens=tokens_in,
        input_image_tokens=units.image_tokens,
        output_tokens=units.output_tokens,
        total_tokens=tokens_in + (units.output_tokens or 0),
        search_units=units.search_units,
    )


def speaks(fields: Fields) -> bool:
    """Whether a stream with this first event is one of Cohere's."""
    return bytes(fields.get("type", b"")) == b'"message-start"'


def joined(chunks: Sequence[bytes]) -> dict[str, Any]:
    """The record of a stream: the response as it would have come in one piece, its content left out."""
    read = [decoded(_decode_event, raw, index) for index, raw in enumerate(chunks)]
    end = next((event.delta for event in reversed(read) if event.type == "message-end"), None)
    response = {
        "id": first(read, "id"),
        "finish_reason": end.finish_reason if end else None,
        "message": Answer([Empty()] * sum(event.type == "tool-call-start" for event in read)),
        "usage": end.usage if end else None,
    }
    record: dict[str, Any] = {"response": response, "stream": True}
    return record if end else {**record, "status": "cancelled"}


FORMAT: Final = Format(
    name="cohere",
    title="a response of Cohere: chat, embed, rerank",
    recognises=recognises,
    read=read,
)
