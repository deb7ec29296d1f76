"""Amazon Bedrock's model invocation log, from S3 or CloudWatch: one record a call, with its tags.

What was asked and answered stands in `inputBodyJson` and `outputBodyJson` and is not kept; the answer's metrics, stop
reason and cache split are read from the latter where it is an answer of Converse.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from ingest.event import Status, UsageEvent
from ingest.formats.bedrock import PROVIDER, Converse, ConverseUsage, counted, model_of
from ingest.formats.bedrock import to_event as of_converse
from ingest.formats.body import NULL
from ingest.formats.envelope import Label, labelled
from ingest.formats.format import Fields, Format
from ingest.formats.instant import instant
from ingest.formats.usage import Count

_FAILED: Final = 400


class Asked(Struct, rename="camel", gc=False):
    """What went in; cached tokens are counted beside the input."""

    input_token_count: Count | None = None
    cache_read_input_token_count: Count | None = None
    cache_write_input_token_count: Count | None = None


class Answered(Struct, rename="camel", gc=False):
    """What came out."""

    output_token_count: Count | None = None
    output_body_json: Raw = NULL


class Identity(Struct, gc=False):
    """Who called."""

    arn: str | None = None


class Invocation(Struct, rename="camel", gc=False):
    """One record."""

    model_id: str
    timestamp: str | float | None = None
    request_id: str | None = None
    operation: str | None = None
    region: str | None = None
    account_id: str | int | None = None
    identity: Identity | None = None
    input: Asked | None = None
    output: Answered | None = None
    request_metadata: dict[str, Label] | None = None
    error_code: str | int | None = None
    status: str | int | None = None


_decode = msgspec.json.Decoder(Invocation).decode
_decode_answer = msgspec.json.Decoder(Converse).decode


def recognises(fields: Fields) -> bool:
    """Whether this is a record of the log."""
    return bytes(fields.get("schemaType", b"")) == b'"ModelInvocationLog"' and "modelId" in fields


def read(raw: bytes) -> UsageEvent:
    """One record."""
    record = _decode(raw)
    model = model_of(record.model_id)
    operation = record.operation or ""
    streams = operation.endswith("Stream")
    asked, answered = record.input or Asked(), record.output or Answered()
    stated: dict[str, Any] = {
        "source_event_id": f"{PROVIDER}:{record.request_id}" if record.request_id else None,
        "occurred_at": instant(record.timestamp, "timestamp", naive_is_utc=True)
        if record.timestamp
        else None,
        "request_type": _request_type(operation, model, answered, streams=streams),
        "model": model,
        "model_deployment": record.model_id if record.model_id.startswith("arn:") else None,
        "region": record.region or None,
        "stream": streams if operation else None,
        "status": _status(record),
        "error_code": str(record.error_code) if record.error_code else None,
        "user": record.identity.arn if record.identity else None,
        "labels": _labels(record),
    }
    usage = ConverseUsage(
        input_tokens=asked.input_token_count,
        output_tokens=answered.output_token_count,
        cache_read_input_tokens=asked.cache_read_input_token_count,
        cache_write_input_tokens=asked.cache_write_input_token_count,
    )
    return msgspec.structs.replace(_answer(answered.output_body_json, usage), **stated)


def _answer(body: Raw, usage: ConverseUsage) -> UsageEvent:
    """The event of the answer as far as it can be read, with the log's own counts and the answer's cache split."""
    try:
        answer = _decode_answer(body) if bytes(body)[:1] == b"{" else Converse()
    except msgspec.DecodeError:
        answer = Converse()  # an answer in a model's own words: content, for which no call is refused
    split = answer.usage.cache_details if answer.usage else None
    if split and sum(one.input_tokens or 0 for one in split) <= (usage.cache_write_input_tokens or 0):
        usage = msgspec.structs.replace(usage, cache_details=split)
    event = of_converse(answer)
    if usage.input_tokens is None and usage.output_tokens is None:
        return event
    return msgspec.structs.replace(event, **msgspec.structs.asdict(counted(usage)))


def _request_type(operation: str, model: str, answered: Answered, *, streams: bool) -> str:
    if "embed" in model:
        return "embedding"
    if "rerank" in model:
        return "rerank"
    if not operation.startswith("Converse") and not answered.output_token_count:
        return "unknown"  # InvokeModel serves models of every kind
    return "chat_completion_stream" if streams else "chat_completion"


def _status(record: Invocation) -> Status:
    status = str(record.status or "")
    failed = status.isdecimal() and int(status) >= _FAILED
    return "error" if record.error_code or failed else "success"


def _labels(record: Invocation) -> dict[str, str] | None:
    """The caller's tags, and the account that pays."""
    account: dict[str, Label] = {"aws_account": record.account_id} if record.account_id else {}
    return labelled(account | (record.request_metadata or {}))


FORMAT: Final = Format(
    name="bedrock-log",
    title="a record of Amazon Bedrock's model invocation log",
    recognises=recognises,
    read=read,
)
