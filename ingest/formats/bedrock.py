"""Amazon Bedrock's Converse: a response, and the events of its stream.

Cached tokens stand beside `inputTokens`, and the input of the ledger holds them all. A response names no model
unless a prompt router chose one: the envelope says it, or the invocation log (`ingest.formats.bedrock_log`).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import asdict

from ingest.event import UsageEvent
from ingest.formats import provider
from ingest.formats.body import NULL, Milliseconds, is_there
from ingest.formats.chunk import decoded, last
from ingest.formats.completion import microseconds
from ingest.formats.format import Fields, Format
from ingest.formats.usage import Count, Meters

PROVIDER: Final = "bedrock"
_OTHERS: Final = frozenset({"extra_fields", "choices", "model", "object", "response"})


class Kept(Struct, rename="camel", gc=False):
    """Tokens written to the cache, by how long they are kept."""

    ttl: str | None = None
    input_tokens: Count | None = None


class ConverseUsage(Struct, rename="camel", gc=False):
    """The counts; the cache's have had two names."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_write_input_tokens: Count | None = None
    cache_read_input_token_count: Count | None = None
    cache_write_input_token_count: Count | None = None
    cache_details: list[Kept] | None = None


class Metrics(Struct, rename="camel", gc=False):
    """How long it took."""

    latency_ms: Milliseconds | None = None


class Block(Struct, rename="camel", gc=False):
    """A block of content; only whether it calls a tool is looked at."""

    tool_use: Raw = NULL


class Message(Struct, gc=False):
    """The answer."""

    content: list[Block] | None = None


class Output(Struct, gc=False):
    """Where the answer stands."""

    message: Message | None = None


class ServiceTier(Struct, gc=False):
    """The tier that served the call."""

    type: str | None = None


class Performance(Struct, gc=False):
    """Whether the call was served faster, for another price."""

    latency: str | None = None


class PromptRouter(Struct, rename="camel", gc=False):
    """The model that a router chose."""

    invoked_model_id: str | None = None


class Trace(Struct, rename="camel", gc=False):
    """What was looked at on the way."""

    prompt_router: PromptRouter | None = None


class ResponseMetadata(Struct, gc=False):
    """What boto3 adds."""

    request_id: str | None = field(default=None, name="RequestId")


class Converse(Struct, rename="camel", gc=False, omit_defaults=True):
    """A response."""

    usage: ConverseUsage | None = None
    metrics: Metrics | None = None
    stop_reason: str | None = None
    output: Output | None = None
    service_tier: ServiceTier | None = None
    performance_config: Performance | None = None
    trace: Trace | None = None
    response_metadata: ResponseMetadata | None = field(default=None, name="ResponseMetadata")


class Begun(Struct, rename="camel", gc=False):
    """The start of a block."""

    start: Block | None = None


class Stopped(Struct, rename="camel", gc=False):
    """The end of the answer."""

    stop_reason: str | None = None


class StreamEvent(Struct, rename="camel", gc=False):
    """One event of a stream."""

    content_block_start: Begun | None = None
    message_stop: Stopped | None = None
    metadata: Converse | None = None


_decode = msgspec.json.Decoder(Converse).decode
_decode_event = msgspec.json.Decoder(StreamEvent).decode
_NO_USAGE: Final = ConverseUsage()
_SOMETHING: Final = Raw(b"{}")


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a response of Converse."""
    return "output" in fields and "stopReason" in fields and _OTHERS.isdisjoint(fields)


def read(raw: bytes) -> UsageEvent:
    """One response."""
    return to_event(_decode(raw))


def to_event(response: Converse) -> UsageEvent:
    """The event of a decoded response."""
    request_id = response.response_metadata.request_id if response.response_metadata else None
    router = response.trace.prompt_router if response.trace else None
    chosen = router.invoked_model_id if router else None
    return UsageEvent(
        source=PROVIDER,
        source_event_id=f"{PROVIDER}:{request_id}" if request_id else None,
        request_type="chat_completion",
        provider=PROVIDER,
        model=model_of(chosen) if chosen else provider.UNKNOWN,
        model_deployment=chosen if chosen and chosen.startswith("arn:") else None,
        service_tier=_tier(response),
        tool_calls=_calls(response.output),
        finish_reason=response.stop_reason or None,
        latency_us=microseconds(response.metrics.latency_ms) if response.metrics else None,
        **asdict(counted(response.usage or _NO_USAGE)),
    )


def counted(usage: ConverseUsage) -> Meters:
    """The meters of a usage."""
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
        cache_write_5m_tokens=_kept(usage, "5m"),
        cache_write_1h_tokens=_kept(usage, "1h"),
        output_tokens=usage.output_tokens or 0,
        total_tokens=tokens_in + (usage.output_tokens or 0),
    )


def model_of(model_id: str) -> str:
    """The model of a model id: that of an ARN is its last part."""
    return model_id.rpartition("/")[2] if model_id.startswith("arn:") else model_id


def _kept(usage: ConverseUsage, ttl: str) -> int | None:
    counts = [one.input_tokens or 0 for one in usage.cache_details or () if one.ttl == ttl]
    return sum(counts) if counts else None


def _tier(response: Converse) -> str | None:
    """The service tier. To be served faster has a price of its own, so it is one here."""
    if response.performance_config is not None and response.performance_config.latency == "optimized":
        return "latency_optimized"
    return (response.service_tier.type if response.service_tier else None) or None


def _calls(output: Output | None) -> int | None:
    blocks = output.message.content if output and output.message else None
    return None if blocks is None else sum(is_there(block.tool_use) for block in blocks)


def speaks(first: Fields) -> bool:
    """Whether a stream with this first event is one of Converse."""
    return "messageStart" in first


def joined(chunks: Sequence[bytes]) -> dict[str, Any]:
    """The record of a stream: the response as it would have come in one piece, its content left out."""
    read = [decoded(_decode_event, raw, index) for index, raw in enumerate(chunks)]
    begun = [event.content_block_start.start for event in read if event.content_block_start is not None]
    calls = sum(block is not None and is_there(block.tool_use) for block in begun)
    metadata = last(read, "metadata") or Converse()
    stopped = last(read, "message_stop")
    response = {
        "stopReason": stopped.stop_reason if stopped else None,
        "output": Output(Message([Block(_SOMETHING)] * calls)),
        "usage": metadata.usage,
        "metrics": metadata.metrics,
        "serviceTier": metadata.service_tier,
        "performanceConfig": metadata.performance_config,
        "trace": metadata.trace,
    }
    record: dict[str, Any] = {"response": response, "stream": True}
    return record if stopped else {**record, "status": "cancelled"}


FORMAT: Final = Format(
    name="bedrock",
    title="a response of Amazon Bedrock's Converse",
    recognises=recognises,
    read=read,
)
