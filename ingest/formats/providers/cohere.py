"""Cohere's own bodies: chat, embed, rerank and classify. They are billed by `billed_units`, not by `tokens`.

A body names no model: the model comes from the envelope. `cached_tokens` is part of `tokens`, which are not
billed, and is not kept.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Raw, Struct
from msgspec.structs import asdict

from ingest.formats.completion import provider
from ingest.formats.completion.body import NULL, Empty, is_present
from ingest.formats.completion.chunk import decode_chunk, first_value
from ingest.formats.completion.response_id import first_id
from ingest.formats.completion.usage import Count, Meters
from ingest.formats.format import Fields, Format
from ingest.formats.json.decoder import decoder
from ingest.formats.json.unknown_numbers import refuse_unknown
from ingest.model.event import UsageEvent

PROVIDER: Final = "cohere"

_FOREIGN_FIELDS: Final = frozenset({"extra_fields", "choices", "response"})
_BILLED: Final = b'"billed_units"'
_RESULT_FIELDS: Final = frozenset(
    {"results", "embeddings", "classifications", "generations", "generation_id"}
)


class Units(Struct, gc=False, omit_defaults=True):
    """Counts, billed or raw. Cohere writes them as floats."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    image_tokens: Count | None = None
    images: Count | None = None
    search_units: Count | None = None
    classifications: Count | None = None


class ApiVersion(Struct, gc=False, omit_defaults=True):
    """The version of the API, which is a number as text."""

    version: str | int | None = None


class Billing(Struct, gc=False, omit_defaults=True):
    """`usage` in version 2 of the chat API; `meta` in version 1 and in the other APIs."""

    billed_units: Units | None = None
    tokens: Units | None = None
    cached_tokens: Count | None = None
    api_version: ApiVersion | None = None


class Message(Struct, gc=False):
    """The message. Only its tool calls are counted."""

    tool_calls: list[Empty] | None = None


class Response(Struct, gc=False):
    """A response of any API of Cohere. `model` is what a sender may have added."""

    model: str | None = None
    id: str | None = None
    response_id: str | None = None
    generation_id: str | None = None
    finish_reason: str | None = None
    message: Message | None = None
    tool_calls: list[Empty] | None = None
    usage: Billing | None = None
    meta: Billing | None = None
    results: Raw = NULL
    embeddings: Raw = NULL
    classifications: Raw = NULL


class Record(Struct, gc=False):
    """A response, of which only the counts are decoded."""

    usage: Raw = NULL
    meta: Raw = NULL


class EndDelta(Struct, gc=False):
    """The `delta` of the event `message-end`."""

    finish_reason: str | None = None
    usage: Billing | None = None


class StreamEvent(Struct, gc=False):
    """One event of a chat stream."""

    type: str | None = None
    id: str | None = None
    delta: EndDelta | None = None


_decode = decoder(Response)
_decode_event = decoder(StreamEvent)
_decode_record = decoder(Record)
_NO_BILLING: Final = Billing()


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a response of Cohere."""
    if not _FOREIGN_FIELDS.isdisjoint(fields):
        return False
    if _BILLED in bytes(fields.get("usage", b"")):
        return True
    if "meta" in fields:
        return "usage" not in fields and (
            _BILLED in bytes(fields["meta"]) or not _RESULT_FIELDS.isdisjoint(fields)
        )
    return "message" in fields and "finish_reason" in fields and "model" not in fields


def read(raw: bytes) -> UsageEvent:
    """The event of one response.

    Raises:
        Refused: its usage has numbers, of which none is a known count.
    """
    response = _decode(raw)
    billing = response.usage or response.meta or _NO_BILLING
    units = billing.billed_units or billing.tokens or Units()
    meters = _meters(units)
    if meters == Meters() and not units.images:
        for name, counts in asdict(_decode_record(raw)).items():
            refuse_unknown(counts, Billing, name)
    response_id = first_id(response.id, response.response_id, response.generation_id)
    tool_calls = response.message.tool_calls if response.message else response.tool_calls
    request_type = _request_type(response)
    return UsageEvent(
        source=PROVIDER,
        source_event_id=f"{PROVIDER}:{response_id}" if response_id else None,
        request_type=request_type,
        provider=PROVIDER,
        model=response.model or provider.UNKNOWN,
        tool_calls=len(tool_calls or ()) if request_type == "chat_completion" else None,
        finish_reason=response.finish_reason or None,
        status="error" if response.finish_reason in {"ERROR", "TIMEOUT"} else "success",
        images=units.images if units.image_tokens is None and units.images else None,
        **asdict(meters),
    )


def _request_type(response: Response) -> str:
    if is_present(response.results):
        return "rerank"
    if is_present(response.embeddings):
        return "embedding"
    return "classification" if is_present(response.classifications) else "chat_completion"


def _meters(units: Units) -> Meters:
    """The meters of the billed units."""
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


def recognises_stream(fields: Fields) -> bool:
    """Whether a stream with this first event is a stream of Cohere."""
    return bytes(fields.get("type", b"")) == b'"message-start"'


def join_chunks(chunks: Sequence[bytes]) -> dict[str, Any]:
    """The record of a stream: the response as a call without streaming returns it, without its content."""
    events = [decode_chunk(_decode_event, raw, index) for index, raw in enumerate(chunks)]
    end = next((event.delta for event in reversed(events) if event.type == "message-end"), None)
    response = {
        "id": first_value(events, "id"),
        "finish_reason": (end.finish_reason if end else None) or "",
        "message": Message([Empty()] * sum(event.type == "tool-call-start" for event in events)),
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
