"""A line of a finished batch, as LiteLLM's batch log writes it: the request beside the provider's answer.

The lines of a batch and LiteLLM's own record of its whole cost are two accounts of one thing: the lines have a source
of their own. A line does not say when it was; the time of its answer is that, where the answer is there.
"""

from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ingest.event import UsageEvent
from ingest.formats import litellm
from ingest.formats.format import Fields, Format
from ingest.formats.instant import instant
from ingest.formats.litellm_payload import Metadata, Payload
from ingest.formats.litellm_usage import Usage

SOURCE: Final = "litellm-batch-line"

_CALLS: Final = {
    "/v1/chat/completions": "completion",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embedding",
    "/v1/responses": "responses",
}


class Request(Struct, gc=False):
    """What was asked: only by which call."""

    url: str | None = None


class Body(Struct, gc=False):
    """The provider's answer: only when it was."""

    created: float | None = None
    created_at: float | None = None


class Answer(Struct, gc=False):
    """The answer's envelope."""

    body: Body | None = None


class Result(Struct, gc=False):
    """The line that the provider wrote."""

    response: Answer | None = None


class Line(Struct, gc=False):
    """One line."""

    batch_id: str
    custom_id: str | None = None
    status: str | None = None
    request: Request | None = None
    response: Result | None = None
    usage: Usage | None = None
    response_cost: Decimal | None = None
    model: str | None = None
    custom_llm_provider: str | None = None
    metadata: Metadata | None = None


_decode = msgspec.json.Decoder(Line).decode


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a line."""
    return "batch_id" in fields and "custom_id" in fields and "response_cost" in fields


def read(raw: bytes) -> UsageEvent:
    """One line."""
    line = _decode(raw)
    payload = Payload(
        call_type=_CALLS.get(line.request.url or "", "batch") if line.request else "batch",
        started=0,
        status=line.status,
        response_cost=line.response_cost,
        custom_llm_provider=line.custom_llm_provider,
        model=line.model,
        metadata=replace(line.metadata or Metadata(), usage_object=line.usage),
    )
    return replace(
        litellm.to_event(payload),
        source=SOURCE,
        source_event_id=f"{line.batch_id}:{line.custom_id}" if line.custom_id else None,
        parent_id=line.batch_id,
        occurred_at=_answered(line),
        service_tier="batch",
    )


def _answered(line: Line) -> int | None:
    answer = line.response.response if line.response else None
    body = (answer.body if answer else None) or Body()
    when = body.created or body.created_at
    return None if when is None else instant(when, "response.response.body.created")


FORMAT: Final = Format(
    name="litellm-batch-line",
    title="a line of a finished batch, as LiteLLM's batch log writes it",
    recognises=recognises,
    read=read,
)
