"""A line of LiteLLM's batch log for a finished batch: the request with the provider's response.

The lines of a batch, and LiteLLM's own record of the cost of the whole batch, are two accounts of the same
usage. The lines therefore have a source of their own. A line has no time; the time of its response is used,
if there is one.
"""

from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ingest.formats.format import Fields, Format
from ingest.formats.json.timestamps import parse_timestamp
from ingest.formats.litellm import payload_event
from ingest.formats.litellm.payload import Metadata, Payload
from ingest.formats.litellm.usage import Usage
from ingest.model.event import UsageEvent

SOURCE: Final = "litellm-batch-line"

_CALL_TYPES: Final = {
    "/v1/chat/completions": "completion",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embedding",
    "/v1/responses": "responses",
}


class BatchRequest(Struct, gc=False):
    """The request. Only its path is decoded."""

    url: str | None = None


class ResponseBody(Struct, gc=False):
    """The provider's response. Only its time is decoded."""

    created: float | None = None
    created_at: float | None = None


class ResponseEnvelope(Struct, gc=False):
    """The object around the response body."""

    body: ResponseBody | None = None


class ProviderLine(Struct, gc=False):
    """The line of the provider's output file."""

    response: ResponseEnvelope | None = None


class BatchLine(Struct, gc=False):
    """One line of the batch log."""

    batch_id: str
    custom_id: str | None = None
    status: str | None = None
    request: BatchRequest | None = None
    response: ProviderLine | None = None
    usage: Usage | None = None
    response_cost: Decimal | None = None
    model: str | None = None
    custom_llm_provider: str | None = None
    metadata: Metadata | None = None


_decode = msgspec.json.Decoder(BatchLine).decode


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a line."""
    return "batch_id" in fields and "custom_id" in fields


def read(raw: bytes) -> UsageEvent:
    """The event of one line."""
    line = _decode(raw)
    payload = Payload(
        call_type=_CALL_TYPES.get(line.request.url or "", "batch") if line.request else "batch",
        started=0,
        status=line.status,
        response_cost=line.response_cost,
        custom_llm_provider=line.custom_llm_provider,
        model=line.model,
        metadata=replace(line.metadata or Metadata(), usage_object=line.usage),
    )
    return replace(
        payload_event.to_event(payload),
        source=SOURCE,
        source_event_id=f"{line.batch_id}:{line.custom_id}" if line.custom_id else None,
        parent_id=line.batch_id,
        occurred_at=_response_time(line),
        service_tier="batch",
    )


def _response_time(line: BatchLine) -> int | None:
    answer = line.response.response if line.response else None
    body = (answer.body if answer else None) or ResponseBody()
    created = body.created or body.created_at
    return None if created is None else parse_timestamp(created, "response.response.body.created")


FORMAT: Final = Format(
    name="litellm-batch-line",
    title="a line of a finished batch, as LiteLLM's batch log writes it",
    recognises=recognises,
    read=read,
)
