"""The envelope: a response with fields of the sender beside it, which override those of the response.

The response inside is recognised by the other formats, through the reader that `format_of` takes. What a
sender states of a whole request (`Stated`) only fills what a record and its envelope leave open.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from ingest.formats.completion.body import Milliseconds
from ingest.formats.completion.completion import cache_hit_key, microseconds
from ingest.formats.completion.provider import UNKNOWN, provider_and_model
from ingest.formats.completion.request_type import streamed_request_type
from ingest.formats.completion.response_id import first_id
from ingest.formats.completion.usage import Count
from ingest.formats.format import Fields, Format
from ingest.formats.json.decoder import decoder
from ingest.formats.json.lenient import without_field
from ingest.formats.json.timestamps import parse_timestamp
from ingest.model.event import UsageEvent
from ingest.model.rejection import Refused

RecordReader = Callable[[bytes], UsageEvent]

_FOREIGN_FIELDS: Final = frozenset(
    {"extra_fields", "choices", "usage", "custom_id", "call_type", "response_cost"}
)
"""Fields of other records with a `response`: responses, batch lines, logs of other gateways."""
_STATUSES: Final = frozenset({"success", "error", "cancelled"})
_TIME_FIELDS: Final = frozenset({"created", "created_at", "createTime", "timestamp"})
"""Fields of a response with the time of the call."""

Label = str | int | float | bool | None


class Envelope(Struct, gc=False):
    """The fields of an envelope. Only the response is required."""

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
    session: str | None = None
    agent: str | None = None
    workflow: str | None = None
    labels: dict[str, Label] | None = None
    latency_ms: Milliseconds | None = None
    time_to_first_token_ms: Milliseconds | None = None
    status: str | None = None
    parent_id: str | None = None
    trace_id: str | None = None
    attempt: Count | None = None
    stream: bool | None = None
    chunk_count: Count | None = None


class Stated(Struct, frozen=True, gc=False):
    """What the sender of a request says of all its records. Times are microseconds UTC."""

    provider: str | None = None
    model: str | None = None
    occurred_at: int | None = None
    session: str | None = None
    labels: dict[str, str] | None = None


BESIDE_RESPONSE: Final = frozenset(Envelope.__struct_fields__) - {"response"}
"""The fields of an envelope without its response."""


class ResponseId(Struct, gc=False):
    """A response, of which only the id is decoded."""

    id: str | int | None = None


_decode = decoder(Envelope)
_decode_id = decoder(ResponseId)


def recognises(fields: Fields) -> bool:
    """Whether this is an envelope: it has a response and no field of another record with a response."""
    response = fields.get("response")
    if response is None or bytes(response)[:1] != b"{" or not _FOREIGN_FIELDS.isdisjoint(fields):
        return False
    return "type" not in fields


def format_of(reader: RecordReader) -> Format:
    """The format of envelopes. `reader` reads the response inside."""

    def read(raw: bytes) -> UsageEvent:
        return read_envelope(raw, reader)

    title = "an envelope: a response with its time, key, team, labels and the like beside it"
    return Format(name="envelope", title=title, recognises=recognises, read=read)


def read_envelope(raw: bytes, reader: RecordReader) -> UsageEvent:
    """The event of the response inside, with the fields of the envelope."""
    envelope = _decode(raw)
    event = _response_event(envelope, reader)
    if envelope.event_id or envelope.source or envelope.provider or envelope.model:
        event = msgspec.structs.replace(event, former=None)
    overrides = _overrides(envelope, event)
    return msgspec.structs.replace(
        event, **{name: value for name, value in overrides.items() if value is not None}
    )


def filled(event: UsageEvent, stated: Stated) -> UsageEvent:
    """`event` with what `stated` says where the event does not say it."""
    provider, model = _provider_and_model(
        stated.provider if event.provider == UNKNOWN else None,
        stated.model if event.model == UNKNOWN else None,
        event,
    )
    return msgspec.structs.replace(
        event,
        source=provider if event.source == event.provider else event.source,
        source_event_id=_renamed_key(event, provider),
        occurred_at=stated.occurred_at if event.occurred_at is None else event.occurred_at,
        provider=provider,
        model=model,
        session=event.session or stated.session,
        labels={**(stated.labels or {}), **(event.labels or {})} or None,
    )


def _response_event(envelope: Envelope, reader: RecordReader) -> UsageEvent:
    """The event of the response inside. Its time does not matter where the envelope states one."""
    response = bytes(envelope.response)
    try:
        return reader(response)
    except Refused as refused:
        names = (refused.field or "").split(".")
        if envelope.occurred_at is not None and names[-1] in _TIME_FIELDS:
            timeless = without_field(response, names)
            return _response_event(msgspec.structs.replace(envelope, response=Raw(timeless)), reader)
        field = f"response.{refused.field}" if refused.field else "response"
        raise Refused(refused.code, refused.reason, field) from None


def _overrides(envelope: Envelope, event: UsageEvent) -> dict[str, Any]:
    """The envelope's values by field of the event; None where the envelope has no value."""
    provider, model = _provider_and_model(envelope.provider, envelope.model, event)
    occurred_at = (
        None if envelope.occurred_at is None else parse_timestamp(envelope.occurred_at, "occurred_at")
    )
    is_from_provider = event.source == event.provider
    return {
        "source": envelope.source or (provider if is_from_provider else None),
        "source_event_id": _event_key(envelope, event, provider, occurred_at),
        "request_type": streamed_request_type(event.request_type)
        if is_from_provider and envelope.stream
        else None,
        "parent_id": envelope.parent_id or None,
        "trace_id": envelope.trace_id or None,
        "attempt": envelope.attempt,
        "occurred_at": occurred_at,
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
        "session": envelope.session or None,
        "agent": envelope.agent or None,
        "workflow": envelope.workflow or None,
        "project": envelope.project or None,
        "environment": envelope.environment or None,
        "application": envelope.application or None,
        "labels": text_labels(envelope.labels),
        "latency_us": microseconds(envelope.latency_ms),
        "time_to_first_token_us": microseconds(envelope.time_to_first_token_ms),
    }


def _provider_and_model(provider: str | None, model: str | None, event: UsageEvent) -> tuple[str, str]:
    """Provider and model as stated. A stated model decides the provider of a response that has none."""
    if model is None:
        return provider or event.provider, event.model
    return provider_and_model(
        provider or (None if event.provider == UNKNOWN else event.provider), model, None
    )


def _event_key(envelope: Envelope, event: UsageEvent, provider: str, occurred_at: int | None) -> str | None:
    """The envelope's id, else the response's key with the envelope's provider, else id and time of a hit."""
    if envelope.event_id is not None and envelope.event_id != "":
        return str(envelope.event_id)
    if event.source_event_id is not None:
        return _renamed_key(event, provider)
    if event.cache_hit and occurred_at is not None:
        response_id = first_id(_decode_id(envelope.response).id)
        return cache_hit_key(provider, response_id, occurred_at) if response_id is not None else None
    return None


def _renamed_key(event: UsageEvent, provider: str) -> str | None:
    """The key of the response, with `provider` in place of the provider that its format gave."""
    key, prefix = event.source_event_id, f"{event.provider}:"
    return f"{provider}:{key.removeprefix(prefix)}" if key and key.startswith(prefix) else key


def _status(status: str | None) -> str | None:
    if status is not None and status not in _STATUSES:
        raise Refused("unknown_status", f"status is one of {', '.join(sorted(_STATUSES))}", "status")
    return status


def text_labels(labels: dict[str, Label] | None) -> dict[str, str] | None:
    """Labels with their values as text, without labels that have no value."""
    if not labels:
        return None
    return {name: _text(value) for name, value in labels.items() if value is not None} or None


def _text(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
