"""The envelope: a response with what the sender knows beside it; what the envelope says overrides the response.

The response inside is recognised by the other formats, through the reader that `format_of` is given.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from ingest.event import UsageEvent
from ingest.formats import family
from ingest.formats.body import Milliseconds
from ingest.formats.completion import hit_key, microseconds
from ingest.formats.format import Fields, Format
from ingest.formats.instant import instant
from ingest.formats.provider import UNKNOWN, named
from ingest.formats.usage import Count
from ingest.refusal import Refused

Reader = Callable[[bytes], UsageEvent]

_OTHERS: Final = frozenset({"extra_fields", "choices", "usage", "custom_id", "call_type", "response_cost"})
"""Marks of other shapes that hold a response too: responses, batch lines, other gateways' logs."""
_STATUSES: Final = frozenset({"success", "error", "cancelled"})

Label = str | int | float | bool | None


class Envelope(Struct, gc=False):
    """The fields of an envelope; all but the response may be missing."""

    response: Raw
    event_id: str | int | None = None
    occurred_at: float | str | None = None
    source: str | None = None
    provider: str | None = None
    model: str | None = None
    virtual_key: str | None = None
    team: str | None = None
    customer: str | None = None
    project: str | None = None
    environment: str | None = None
    application: str | None = None
    user: str | None = None
    end_user: str | None = None
    labels: dict[str, Label] | None = None
    latency_ms: Milliseconds | None = None
    time_to_first_token_ms: Milliseconds | None = None
    status: str | None = None
    parent_id: str | None = None
    trace_id: str | None = None
    attempt: Count | None = None
    stream: bool | None = None
    chunk_count: Count | None = None


class Identified(Struct, gc=False):
    """The id of a response."""

    id: str | int | None = None


_decode = msgspec.json.Decoder(Envelope).decode
_identified = msgspec.json.Decoder(Identified).decode


def recognises(fields: Fields) -> bool:
    """Whether there is a response inside, and no mark of a shape that holds one for another reason."""
    response = fields.get("response")
    if response is None or bytes(response)[:1] != b"{" or not _OTHERS.isdisjoint(fields):
        return False
    return "type" not in fields


def format_of(reader: Reader) -> Format:
    """The format, with `reader` for the response inside."""

    def read(raw: bytes) -> UsageEvent:
        return opened(raw, reader)

    title = "an envelope: a response with its time, key, team, labels and the like beside it"
    return Format(name="envelope", title=title, recognises=recognises, read=read)


def opened(raw: bytes, reader: Reader) -> UsageEvent:
    """The event of the response inside, with what the envelope says."""
    envelope = _decode(raw)
    try:
        event = reader(bytes(envelope.response))
    except Refused as refused:
        field = f"response.{refused.field}" if refused.field else "response"
        raise Refused(refused.code, refused.reason, field) from None
    stated = _stated(envelope, event)
    return msgspec.structs.replace(
        event, **{name: value for name, value in stated.items() if value is not None}
    )


def _stated(envelope: Envelope, event: UsageEvent) -> dict[str, Any]:
    """What the envelope says of an event, in the event's names; None where it says nothing."""
    provider, model = _served(envelope, event)
    when = None if envelope.occurred_at is None else instant(envelope.occurred_at, "occurred_at")
    bare = event.source == event.provider
    return {
        "source": envelope.source or (provider if bare else None),
        "source_event_id": _key(envelope, event, provider, when),
        "request_type": family.streamed(event.request_type) if bare and envelope.stream else None,
        "parent_id": envelope.parent_id or None,
        "trace_id": envelope.trace_id or None,
        "attempt": envelope.attempt,
        "occurred_at": when,
        "provider": provider,
        "model": model,
        "stream": envelope.stream,
        "chunk_count": envelope.chunk_count,
        "status": _status(envelope.status),
        "virtual_key": envelope.virtual_key or None,
        "team": envelope.team or None,
        "customer": envelope.customer or None,
        "user": envelope.user or None,
        "end_user": envelope.end_user or None,
        "project": envelope.project or None,
        "environment": envelope.environment or None,
        "application": envelope.application or None,
        "labels": labelled(envelope.labels),
        "latency_us": microseconds(envelope.latency_ms),
        "time_to_first_token_us": microseconds(envelope.time_to_first_token_ms),
    }


def _served(envelope: Envelope, event: UsageEvent) -> tuple[str, str]:
    """Provider and model. A response without a model has no provider but that which the envelope's model tells."""
    if envelope.model is None:
        return envelope.provider or event.provider, event.model
    stated = envelope.provider or (None if event.provider == UNKNOWN else event.provider)
    return named(stated, envelope.model, None)


def _key(envelope: Envelope, event: UsageEvent, provider: str, when: int | None) -> str | None:
    """The envelope's own key, else the record's with the provider that the envelope states, else time for a hit."""
    if envelope.event_id is not None and envelope.event_id != "":
        return str(envelope.event_id)
    own = event.source_event_id
    if own is not None:
        prefix = f"{event.provider}:"
        return f"{provider}:{own.removeprefix(prefix)}" if own.startswith(prefix) else own
    if event.cache_hit and when is not None:
        ident = _identified(envelope.response).id
        return hit_key(provider, ident, when) if ident else None
    return None


def _status(status: str | None) -> str | None:
    if status is not None and status not in _STATUSES:
        raise Refused("unknown_status", f"status is one of {', '.join(sorted(_STATUSES))}", "status")
    return status


def labelled(labels: dict[str, Label] | None) -> dict[str, str] | None:
    """Labels with text for values; those without a value are left out."""
    if not labels:
        return None
    return {name: _text(value) for name, value in labels.items() if value is not None} or None


def _text(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
