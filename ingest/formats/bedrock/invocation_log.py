"""Amazon Bedrock's model invocation log, from S3 or CloudWatch: one record for each call, with its tags.

`inputBodyJson` and `outputBodyJson` are content and are not kept. Where `outputBodyJson` is a response of
Converse, its metrics, stop reason and cache split are used.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from ingest.formats.bedrock.converse import PROVIDER, Converse, ConverseUsage, meters, model_name
from ingest.formats.bedrock.converse import to_event as converse_event
from ingest.formats.completion.body import NULL
from ingest.formats.completion.usage import Count
from ingest.formats.envelope import Label, text_labels
from ingest.formats.format import Fields, Format
from ingest.formats.json.decoder import decoder
from ingest.formats.json.timestamps import parse_timestamp
from ingest.model.event import Status, UsageEvent

_FIRST_ERROR_STATUS: Final = 400


class InvocationInput(Struct, rename="camel", gc=False):
    """The input counts; cached tokens are counted beside the input."""

    input_token_count: Count | None = None
    cache_read_input_token_count: Count | None = None
    cache_write_input_token_count: Count | None = None


class InvocationOutput(Struct, rename="camel", gc=False):
    """The output count and the response."""

    output_token_count: Count | None = None
    output_body_json: Raw = NULL


class Identity(Struct, gc=False):
    """The AWS identity of the caller."""

    arn: str | None = None


class Invocation(Struct, rename="camel", gc=False):
    """One record of the log."""

    model_id: str
    timestamp: str | float | None = None
    request_id: str | None = None
    operation: str | None = None
    region: str | None = None
    account_id: str | int | None = None
    identity: Identity | None = None
    input: InvocationInput | None = None
    output: InvocationOutput | None = None
    request_metadata: dict[str, Label] | None = None
    error_code: str | int | None = None
    status: str | int | None = None


_PLACES: Final = ("session", "agent", "workflow")
"""Tags of the caller that are columns too."""
_decode = decoder(Invocation)
_decode_response = decoder(Converse)


def recognises(fields: Fields) -> bool:
    """Whether this is a record of the log."""
    return bytes(fields.get("schemaType", b"")) == b'"ModelInvocationLog"' and "modelId" in fields


def read(raw: bytes) -> UsageEvent:
    """The event of one record."""
    record = _decode(raw)
    model = model_name(record.model_id)
    operation = record.operation or ""
    is_streamed = operation.endswith("Stream")
    invocation_input = record.input or InvocationInput()
    invocation_output = record.output or InvocationOutput()
    tags = record.request_metadata or {}
    values: dict[str, Any] = {
        **{name: str(tags[name]) for name in _PLACES if tags.get(name)},
        "source_event_id": f"{PROVIDER}:{record.request_id}" if record.request_id else None,
        "occurred_at": parse_timestamp(record.timestamp, "timestamp", naive_is_utc=True)
        if record.timestamp
        else None,
        "request_type": _request_type(operation, model, invocation_output, is_streamed=is_streamed),
        "model": model,
        "model_deployment": record.model_id if record.model_id.startswith("arn:") else None,
        "region": record.region or None,
        "stream": is_streamed if operation else None,
        "status": _status(record),
        "error_code": str(record.error_code) if record.error_code else None,
        "user": record.identity.arn if record.identity else None,
        "labels": _labels(record),
    }
    usage = ConverseUsage(
        input_tokens=invocation_input.input_token_count,
        output_tokens=invocation_output.output_token_count,
        cache_read_input_tokens=invocation_input.cache_read_input_token_count,
        cache_write_input_tokens=invocation_input.cache_write_input_token_count,
    )
    return msgspec.structs.replace(_response_event(invocation_output.output_body_json, usage), **values)


def _response_event(body: Raw, usage: ConverseUsage) -> UsageEvent:
    """The event of a readable response, with the log's counts and the response's cache split."""
    try:
        response = _decode_response(body) if bytes(body)[:1] == b"{" else Converse()
    except msgspec.DecodeError:
        response = Converse()  # a model's own shape is content, and a call is never refused for its content
    split = response.usage.cache_details if response.usage else None
    if split and sum(detail.input_tokens or 0 for detail in split) <= (usage.cache_write_input_tokens or 0):
        usage = msgspec.structs.replace(usage, cache_details=split)
    event = converse_event(response)
    if usage.input_tokens is None and usage.output_tokens is None:
        return event
    return msgspec.structs.replace(event, **msgspec.structs.asdict(meters(usage)))


def _request_type(operation: str, model: str, output: InvocationOutput, *, is_streamed: bool) -> str:
    if "embed" in model:
        return "embedding"
    if "rerank" in model:
        return "rerank"
    if not operation.startswith("Converse") and not output.output_token_count:
        return "unknown"  # InvokeModel serves models of every kind
    return "chat_completion_stream" if is_streamed else "chat_completion"


def _status(record: Invocation) -> Status:
    status = str(record.status or "")
    failed = status.isdecimal() and int(status) >= _FIRST_ERROR_STATUS
    return "error" if record.error_code or failed else "success"


def _labels(record: Invocation) -> dict[str, str] | None:
    """The tags of the caller, and the AWS account that pays."""
    account: dict[str, Label] = {"aws_account": record.account_id} if record.account_id else {}
    return text_labels(account | (record.request_metadata or {}))


FORMAT: Final = Format(
    name="bedrock-log",
    title="a record of Amazon Bedrock's model invocation log",
    recognises=recognises,
    read=read,
)
