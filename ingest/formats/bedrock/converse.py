"""Amazon Bedrock's Converse: a response, and the events of its stream.

Bedrock counts cached tokens beside `inputTokens`; the input of the ledger includes them. A response names a
model only where a prompt router chose it. Otherwise the model comes from the envelope, or from the
invocation log (`ingest.formats.bedrock.invocation_log`).
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Raw, Struct, field
from msgspec.structs import asdict

from ingest.formats.completion import provider
from ingest.formats.completion.body import NULL, Milliseconds, is_present
from ingest.formats.completion.chunk import decode_chunk, last_value
from ingest.formats.completion.completion import microseconds
from ingest.formats.completion.doubtful_parts import settle
from ingest.formats.completion.response_id import is_id
from ingest.formats.completion.usage import Count, Detail, Meters
from ingest.formats.format import Fields, Format
from ingest.formats.json.decoder import decoder
from ingest.formats.json.unknown_numbers import refuse_unknown
from ingest.model.event import UsageEvent

PROVIDER: Final = "bedrock"
_FOREIGN_FIELDS: Final = frozenset({"extra_fields", "choices", "response"})


class CacheDetail(Struct, rename="camel", gc=False):
    """Tokens written to the cache with one time to live."""

    ttl: str | None = None
    input_tokens: Detail | None = None


class ConverseUsage(Struct, rename="camel", gc=False, omit_defaults=True):
    """The token counts. The cache counts have two names, by the version of the API."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_write_input_tokens: Count | None = None
    cache_read_input_token_count: Count | None = None
    cache_write_input_token_count: Count | None = None
    cache_details: list[CacheDetail] | None = None


class Metrics(Struct, rename="camel", gc=False):
    """The duration of the call."""

    latency_ms: Milliseconds | None = None


class Block(Struct, rename="camel", gc=False):
    """A content block. Only the presence of a tool call is used."""

    tool_use: Raw = NULL


class Message(Struct, gc=False):
    """The message of the model."""

    content: list[Block] | None = None


class Output(Struct, gc=False):
    """The object around the message."""

    message: Message | None = None


class ServiceTier(Struct, gc=False):
    """The service tier of the call."""

    type: str | None = None


class Performance(Struct, gc=False):
    """The latency option of the call; `optimized` is faster and has its own price."""

    latency: str | None = None


class PromptRouter(Struct, rename="camel", gc=False):
    """The model that a prompt router chose."""

    invoked_model_id: str | None = None


class Trace(Struct, rename="camel", gc=False):
    """The trace of the call through guardrails and prompt routers."""

    prompt_router: PromptRouter | None = None


class ResponseMetadata(Struct, gc=False):
    """The metadata that boto3 adds to a response."""

    request_id: str | None = field(default=None, name="RequestId")


class Converse(Struct, rename="camel", gc=False, omit_defaults=True):
    """A response of Converse. `model` is what a sender may have added."""

    model: str | None = None
    usage: ConverseUsage | None = None
    metrics: Metrics | None = None
    stop_reason: str | None = None
    output: Output | None = None
    service_tier: ServiceTier | None = None
    performance_config: Performance | None = None
    trace: Trace | None = None
    response_metadata: ResponseMetadata | None = field(default=None, name="ResponseMetadata")


class Record(Struct, gc=False):
    """A response, of which only the usage is decoded."""

    usage: Raw = NULL


class ContentBlockStart(Struct, rename="camel", gc=False):
    """The start of a content block in a stream."""

    start: Block | None = None


class MessageStop(Struct, rename="camel", gc=False):
    """The end of the message in a stream."""

    stop_reason: str | None = None


class StreamEvent(Struct, rename="camel", gc=False):
    """One event of a ConverseStream response."""

    content_block_start: ContentBlockStart | None = None
    message_stop: MessageStop | None = None
    metadata: Converse | None = None


_decode = decoder(Converse)
_decode_event = decoder(StreamEvent)
_decode_record = decoder(Record)
_NO_USAGE: Final = ConverseUsage()
_EMPTY_OBJECT: Final = Raw(b"{}")


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a response of Converse."""
    return (
        "stopReason" in fields
        and ("output" in fields or "usage" in fields)
        and _FOREIGN_FIELDS.isdisjoint(fields)
    )


def read(raw: bytes) -> UsageEvent:
    """The event of one response.

    Raises:
        Refused: its usage has numbers, of which none is a known count.
    """
    event = to_event(_decode(raw))
    if event.input_tokens is None and event.total_tokens is None:
        refuse_unknown(_decode_record(raw).usage, ConverseUsage, "usage")
    return event


def to_event(response: Converse) -> UsageEvent:
    """The event of a decoded response."""
    request_id = response.response_metadata.request_id if response.response_metadata else None
    router = response.trace.prompt_router if response.trace else None
    routed_model_id = router.invoked_model_id if router else None
    model_id = routed_model_id or response.model
    usage = response.usage or _NO_USAGE
    counts, doubts = settle(meters(usage), None, "usage.totalTokens", billed=False)
    return UsageEvent(
        source=PROVIDER,
        source_event_id=f"{PROVIDER}:{request_id}" if is_id(request_id) else None,
        request_type="chat_completion",
        provider=PROVIDER,
        model=model_name(model_id) if model_id else provider.UNKNOWN,
        model_deployment=model_id if model_id and model_id.startswith("arn:") else None,
        service_tier=_service_tier(response),
        tool_calls=_tool_calls(response.output),
        finish_reason=response.stop_reason or None,
        latency_us=microseconds(response.metrics.latency_ms) if response.metrics else None,
        flags=doubts or None,
        **asdict(counts),
    )


def meters(usage: ConverseUsage) -> Meters:
    """The meters of a usage, with inclusive input."""
    read, write = usage.cache_read_input_tokens, usage.cache_write_input_tokens
    read = usage.cache_read_input_token_count if read is None else read
    write = usage.cache_write_input_token_count if write is None else write
    if usage.input_tokens is None and usage.output_tokens is None:
        return Meters(total_tokens=usage.total_tokens)
    tokens_in = (usage.input_tokens or 0) + (read or 0) + (write or 0)
    return Meters(
        input_tokens=tokens_in,
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_5m_tokens=_cache_writes(usage, "5m"),
        cache_write_1h_tokens=_cache_writes(usage, "1h"),
        output_tokens=usage.output_tokens or 0,
        total_tokens=max(usage.total_tokens or 0, tokens_in + (usage.output_tokens or 0)),
    )


def model_name(model_id: str) -> str:
    """The model name in a model id: the last part of an ARN, or the id itself."""
    return model_id.rpartition("/")[2] if model_id.startswith("arn:") else model_id


def _cache_writes(usage: ConverseUsage, ttl: str) -> int | None:
    counts = [detail.input_tokens or 0 for detail in usage.cache_details or () if detail.ttl == ttl]
    return sum(counts) if counts else None


def _service_tier(response: Converse) -> str | None:
    """The service tier. Optimized latency has its own price, so it counts as a tier here."""
    if response.performance_config is not None and response.performance_config.latency == "optimized":
        return "latency_optimized"
    return (response.service_tier.type if response.service_tier else None) or None


def _tool_calls(output: Output | None) -> int | None:
    blocks = output.message.content if output and output.message else None
    return None if blocks is None else sum(is_present(block.tool_use) for block in blocks)


def recognises_stream(first: Fields) -> bool:
    """Whether a stream with this first event is a stream of Converse."""
    return "messageStart" in first


def join_chunks(chunks: Sequence[bytes]) -> dict[str, Any]:
    """The record of a stream: the response as a call without streaming returns it, without its content."""
    events = [decode_chunk(_decode_event, raw, index) for index, raw in enumerate(chunks)]
    blocks = [event.content_block_start.start for event in events if event.content_block_start is not None]
    tool_calls = sum(block is not None and is_present(block.tool_use) for block in blocks)
    metadata = last_value(events, "metadata") or Converse()
    stop = last_value(events, "message_stop")
    response = {
        "stopReason": (stop.stop_reason if stop else None) or "",
        "output": Output(Message([Block(_EMPTY_OBJECT)] * tool_calls)),
        "usage": metadata.usage,
        "metrics": metadata.metrics,
        "serviceTier": metadata.service_tier,
        "performanceConfig": metadata.performance_config,
        "trace": metadata.trace,
    }
    record: dict[str, Any] = {"response": response, "stream": True}
    return record if stop else {**record, "status": "cancelled"}


FORMAT: Final = Format(
    name="bedrock",
    title="a response of Amazon Bedrock's Converse",
    recognises=recognises,
    read=read,
)
