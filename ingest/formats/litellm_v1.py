"""LiteLLM's oldest callback (`generic_api_use_v1`): a flat record whose every value is text in Python's notation.

Its documentation shows the same record with values that are not text; both are read. It has no status, as failures
are not sent, and its times are those of the gateway's clock without a zone: they are taken for UTC.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import replace

from ingest.event import UsageEvent
from ingest.formats import litellm, litellm_repr
from ingest.formats.body import NULL
from ingest.formats.column import Column
from ingest.formats.format import Fields, Format
from ingest.formats.litellm_payload import Metadata, Payload
from ingest.formats.litellm_usage import Usage
from ingest.refusal import Refused


class Flat(Struct, gc=False):
    """The fields that are kept. Those typed `Raw` are text, or what that text is the notation of."""

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
    """What was asked for."""

    stream: bool | None = None


PARAMETERS: Final = Column[Parameters]("modelParameters", Parameters)
USAGE: Final = Column[Usage]("usage", Usage)
METADATA: Final = Column[Metadata]("metadata", Metadata)
COST: Final = Column[Decimal]("cost", Decimal)

_decode = msgspec.json.Decoder(Flat).decode
_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of the flat record."""
    return "modelParameters" in fields and "startTime" in fields and "call_type" in fields


def read(raw: bytes) -> UsageEvent:
    """One record.

    Raises:
        Refused: a value is not in Python's notation, or as `litellm.to_event` says.
    """
    flat = _decode(raw)
    metadata = METADATA.read(_told(flat.metadata, "metadata")) or Metadata()
    payload = Payload(
        call_type=_said(flat.call_type),
        started=flat.started,
        ended=flat.ended,
        id=_said(flat.id),
        stream=_stream(flat.parameters),
        response_cost=COST.read(_told(flat.cost, "cost")),
        model=_said(flat.model),
        model_group=metadata.model_group,
        cache_hit=flat.cache_hit,
        metadata=replace(metadata, usage_object=USAGE.read(_told(flat.usage, "usage"))),
        hidden_params=metadata.hidden_params,
        end_user=_said(flat.user),
    )
    return litellm.to_event(payload, cost_at="cost")


def _stream(parameters: Raw) -> bool | None:
    """Whether a stream was asked for; None where the parameters, which may hold tools of any size, cannot be read."""
    try:
        asked = PARAMETERS.read(_told(parameters, "modelParameters"))
    except Refused:
        return None
    return asked.stream if asked else None


def _told(raw: Raw, field: str) -> Raw:
    """A value as JSON, whether it came as such or as text in Python's notation."""
    held = bytes(raw)
    if held[:1] != b'"':
        return raw
    text = _text(held)
    return Raw(_encode(_loads(text, field))) if text else NULL


def _loads(text: str, field: str) -> Any:
    try:
        return litellm_repr.loads(text)
    except Refused as refused:
        raise Refused(refused.code, f"{field}: {refused.reason}", field) from None


def _said(text: str | None) -> str | None:
    return None if text in {"", "None"} else text


FORMAT: Final = Format(
    name="litellm-v1",
    title="LiteLLM's oldest callback record, whose values are all text",
    recognises=recognises,
    read=read,
)
