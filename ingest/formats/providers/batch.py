"""Batch outputs: a line of the output file of a provider's batch, with the response inside.

The response is read by its own format and gets the service tier `batch`, which has its own prices. The
event key is the id of the response or of its request, because two batches may use the same custom id. A
line without a response is a failed call without usage or cost. It has no id, so it is identified by its
content and by the number of equal lines; the custom id is kept as a label and is part of that content.
"""

from typing import Any, Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from ingest.formats.completion import provider
from ingest.formats.completion.body import NULL, ErrorObject
from ingest.formats.completion.response_id import first_id, is_id
from ingest.formats.envelope import RecordReader
from ingest.formats.format import Fields, Format
from ingest.formats.json import decode_errors
from ingest.formats.json.decoder import decoder
from ingest.model.event import Status, UsageEvent
from ingest.model.rejection import Refused

TIER: Final = "batch"

_FIRST_ERROR_STATUS: Final = 400
_FOREIGN_FIELDS: Final = frozenset({"result", "response_cost", "batch_id"})
"""Fields of other batch lines with a `custom_id`."""
_STATUSES: Final[dict[str, Status]] = {"errored": "error", "canceled": "cancelled", "expired": "cancelled"}


class OpenaiResponse(Struct, gc=False):
    """OpenAI's response to one request of a batch."""

    status_code: int | None = None
    request_id: str | None = None
    body: Raw = NULL


class OpenaiLine(Struct, gc=False):
    """A line of an output or error file of OpenAI, or of a provider with the same file format."""

    custom_id: str | int | None = None
    id: str | None = None
    response: OpenaiResponse | None = None
    error: ErrorObject | None = None


class AnthropicError(Struct, gc=False):
    """Anthropic's error: an object around the error itself."""

    type: str | None = None
    error: ErrorObject | None = None
    request_id: str | None = None


class AnthropicResult(Struct, gc=False):
    """The result of one request of an Anthropic batch."""

    type: str | None = None
    message: Raw = NULL
    error: AnthropicError | None = None


class AnthropicLine(Struct, gc=False):
    """A line of the results file of an Anthropic batch."""

    result: AnthropicResult
    custom_id: str | int | None = None


class BedrockError(Struct, rename="camel", gc=False):
    """The error of a record that Bedrock did not serve."""

    error_code: str | int | None = None


class BedrockLine(Struct, rename="camel", gc=False):
    """A line of the output of Bedrock's batch inference."""

    record_id: str | int | None = None
    model_output: Raw = NULL
    error: BedrockError | None = None


_decode_openai = decoder(OpenaiLine)
_decode_anthropic = decoder(AnthropicLine)
_decode_bedrock = decoder(BedrockLine)


def _recognises_openai(fields: Fields) -> bool:
    return (
        "custom_id" in fields
        and ("response" in fields or "error" in fields)
        and _FOREIGN_FIELDS.isdisjoint(fields)
    )


def _recognises_anthropic(fields: Fields) -> bool:
    return "custom_id" in fields and "result" in fields


def _recognises_bedrock(fields: Fields) -> bool:
    return "recordId" in fields and ("modelOutput" in fields or "modelInput" in fields)


def openai_format(reader: RecordReader) -> Format:
    """The format of OpenAI's batch lines. `reader` reads the response inside."""

    def read(raw: bytes) -> UsageEvent:
        line = _decode_openai(raw)
        response = line.response or OpenaiResponse()
        provider_name = provider.of_response_id(line.id) or provider.UNKNOWN
        failed = (response.status_code or 0) >= _FIRST_ERROR_STATUS or line.error is not None
        error = line.error or ErrorObject(code=response.status_code)
        event = _failed_call(provider_name, error) if failed else None
        if _is_object(response.body):
            event = _read_inner(reader, response.body, "response.body", event)
        if event is None:
            raise Refused("no_response", "the line has neither a response nor an error", "response.body")
        if event.provider == provider.UNKNOWN:
            event = replace(event, provider=provider_name, source=provider_name)
        if failed and event.status == "success":
            event = replace(event, status="error")
        response_id = first_id(response.request_id, line.id)
        key = f"{event.provider}:{response_id}" if response_id is not None else None
        return _as_batch_call(event, key, "custom_id", line.custom_id)

    title = "a line of a batch's output or error file, of OpenAI, Azure or Mistral"
    return Format(name="openai-batch", title=title, recognises=_recognises_openai, read=read)


def anthropic_format(reader: RecordReader) -> Format:
    """The format of Anthropic's batch lines. `reader` reads the message inside."""

    def read(raw: bytes) -> UsageEvent:
        line = _decode_anthropic(raw)
        result = line.result
        error = result.error or AnthropicError()
        key = f"anthropic:{error.request_id}" if is_id(error.request_id) else None
        if result.type == "succeeded":
            event = _read_inner(reader, result.message, "result.message", None)
        elif result.type in _STATUSES:
            event = _unserved_call("anthropic", _STATUSES[result.type], result.type, error)
        else:
            statuses = ", ".join(("succeeded", *_STATUSES))
            raise Refused(
                "unknown_status",
                f"{decode_errors.safe_repr(result.type)} is none of {statuses}",
                "result.type",
            )
        return _as_batch_call(event, key, "custom_id", line.custom_id)

    title = "a line of the results of an Anthropic batch"
    return Format(name="anthropic-batch", title=title, recognises=_recognises_anthropic, read=read)


def bedrock_format(reader: RecordReader) -> Format:
    """The format of Bedrock's batch lines. `reader` reads the model output inside."""

    def read(raw: bytes) -> UsageEvent:
        line = _decode_bedrock(raw)
        if line.error is not None:
            event = _failed_call("bedrock", ErrorObject(code=line.error.error_code))
        else:
            event = _read_inner(reader, line.model_output, "modelOutput", None)
        event = replace(event, provider="bedrock", source="bedrock")
        return _as_batch_call(event, None, "record_id", line.record_id)

    title = "a line of the output of Amazon Bedrock's batch inference"
    return Format(name="bedrock-batch", title=title, recognises=_recognises_bedrock, read=read)


def _read_inner(reader: RecordReader, body: Raw, field: str, fallback: UsageEvent | None) -> UsageEvent:
    """The event of the response inside; `fallback`, if there is one, where the response is refused."""
    try:
        return reader(bytes(body))
    except Refused as refused:
        if fallback is not None:
            return fallback
        inner = f"{field}.{refused.field}" if refused.field else field
        raise Refused(refused.code, refused.reason, inner) from None


def _failed_call(provider_name: str, error: ErrorObject | None) -> UsageEvent:
    """The event of a call that was not served. Expired and cancelled requests have the status `cancelled`."""
    code = str(error.code) if error is not None and error.code is not None else None
    is_cancelled = code is not None and ("cancel" in code or "expired" in code)
    return UsageEvent(
        source=provider_name,
        provider=provider_name,
        status="cancelled" if is_cancelled else "error",
        error_type=error.type if error is not None else None,
        error_code=code,
    )


def _unserved_call(provider_name: str, status: Status, result_type: str, error: AnthropicError) -> UsageEvent:
    inner = error.error.type if error.error is not None else error.type
    return UsageEvent(
        source=provider_name, provider=provider_name, status=status, error_type=inner or result_type
    )


def _as_batch_call(event: UsageEvent, key: str | None, label: str, custom_id: str | int | None) -> UsageEvent:
    """`event` as a call of a batch, with the custom id as a label."""
    changes: dict[str, Any] = {"service_tier": TIER, "source_event_id": event.source_event_id or key}
    if custom_id is not None and custom_id != "":
        changes["labels"] = {**(event.labels or {}), label: str(custom_id)}
    return replace(event, **changes)


def _is_object(raw: Raw) -> bool:
    return bytes(raw)[:1] == b"{"
