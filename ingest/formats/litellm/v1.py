"""LiteLLM's oldest callback (`generic_api_use_v1`): a flat record with values as text in Python's notation.

LiteLLM's documentation shows the same record with values that are not text; both are read. The record has
no status, because failures are not sent. Its times are local times of the gateway without a zone; they are
taken for UTC.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import replace

from ingest.formats.completion.body import NULL
from ingest.formats.format import Fields, Format
from ingest.formats.json.column import JsonColumn
from ingest.formats.litellm import payload_event, python_repr
from ingest.formats.litellm.payload import Metadata, Payload
from ingest.formats.litellm.usage import Usage
from ingest.model.event import UsageEvent
from ingest.model.rejection import Refused


class FlatRecord(Struct, gc=False):
    """The fields that are kept. A field of type `Raw` is a value, or text in Python's notation."""

    started: float | str = field(name="startTime")
    ended: float | str | None = field(name="endTime", default=None)
    id: str | None = None
    call_type: str | None = None
    cache_hit: str | bool | None = None
    model: str | None = None
    user: str | None = None
    parameters: Raw = field(name="modelParameters", default=NULL)
    usage: Raw = NULL
    metadata: Raw = NULL
    cost: Raw = NULL


class Parameters(Struct, gc=False):
    """The parameters of the request."""

    stream: bool | None = None


PARAMETERS: Final = JsonColumn[Parameters]("modelParameters", Parameters)
USAGE: Final = JsonColumn[Usage]("usage", Usage)
METADATA: Final = JsonColumn[Metadata]("metadata", Metadata)
COST: Final = JsonColumn[Decimal]("cost", Decimal)

_decode = msgspec.json.Decoder(FlatRecord).decode
_decode_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of the flat record."""
    return "modelParameters" in fields and "startTime" in fields and "call_type" in fields


def read(raw: bytes) -> UsageEvent:
    """The event of one record.

    Raises:
        Refused: a value is not in Python's notation, or for a reason of `litellm.to_event`.
    """
    flat = _decode(raw)
    metadata = METADATA.read(_as_json(flat.metadata, "metadata")) or Metadata()
    payload = Payload(
        call_type=_text_or_none(flat.call_type),
        started=flat.started,
        ended=flat.ended,
        id=_text_or_none(flat.id),
        stream=_stream(flat.parameters),
        response_cost=COST.read(_as_json(flat.cost, "cost")),
        model=_text_or_none(flat.model),
        model_group=metadata.model_group,
        cache_hit=flat.cache_hit,
        metadata=replace(metadata, usage_object=USAGE.read(_as_json(flat.usage, "usage"))),
        hidden_params=metadata.hidden_params,
        end_user=_text_or_none(flat.user),
    )
    return payload_event.to_event(payload, cost_at="cost")


def _stream(parameters: Raw) -> bool | None:
    """Whether the request asked for a stream; None where the parameters (with tools) are unreadable."""
    try:
        parsed = PARAMETERS.read(_as_json(parameters, "modelParameters"))
    except Refused:
        return None
    return parsed.stream if parsed else None


def _as_json(raw: Raw, field: str) -> Raw:
    """A value as JSON, converted where it is text in Python's notation."""
    value = bytes(raw)
    if value[:1] != b'"':
        return raw
    text = _decode_text(value)
    return Raw(_encode(_parse(text, field))) if text else NULL


def _parse(text: str, field: str) -> Any:
    try:
        return python_repr.loads(text)
    except Refused as refused:
        raise Refused(refused.code, f"{field}: {refused.reason}", field) from None


def _text_or_none(text: str | None) -> str | None:
    return None if text in {"", "None"} else text


FORMAT: Final = Format(
    name="litellm-v1",
    title="LiteLLM's oldest callback record, whose values are all text",
    recognises=recognises,
    read=read,
)
