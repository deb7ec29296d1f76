"""Batch outputs: a line of the file that a provider's batch leaves, with the response inside.

The response is read by its own format and belongs to the service tier `batch`, whose prices are others. It is known
by its own id or its request's, because two batches may use the same custom id. A line that is no response is a
failed call: it cost nothing and used nothing. It has no id, so it is known by its facts and how often they occur;
the custom id is kept as a label and is one of them.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from ingest.event import Status, UsageEvent
from ingest.formats import fault, provider
from ingest.formats.body import NULL, Fault
from ingest.formats.envelope import Reader
from ingest.formats.format import Fields, Format
from ingest.refusal import Refused

TIER: Final = "batch"

_FAILED: Final = 400
_ENDS: Final[dict[str, Status]] = {"errored": "error", "canceled": "cancelled", "expired": "cancelled"}


class Responded(Struct, gc=False):
    """What OpenAI answered to one request."""

    status_code: int | None = None
    request_id: str | None = None
    body: Raw = NULL


class OpenaiLine(Struct, gc=False):
    """A line of an output or an error file of OpenAI, and of those who took its shape."""

    custom_id: str | int | None = None
    id: str | None = None
    response: Responded | None = None
    error: Fault | None = None


class AnthropicFault(Struct, gc=False):
    """An error inside an error."""

    type: str | None = None
    error: Fault | None = None
    request_id: str | None = None


class Result(Struct, gc=False):
    """How one request of an Anthropic batch ended."""

    type: str | None = None
    message: Raw = NULL
    error: AnthropicFault | None = None


class AnthropicLine(Struct, gc=False):
    """A line of the results of an Anthropic batch."""

    result: Result
    custom_id: str | int | None = None


class BedrockFault(Struct, rename="camel", gc=False):
    """Why Bedrock could not serve a record."""

    error_code: str | int | None = None


class BedrockLine(Struct, rename="camel", gc=False):
    """A line of a batch inference of Bedrock."""

    record_id: str | int | None = None
    model_output: Raw = NULL
    error: BedrockFault | None = None


_decode_openai = msgspec.json.Decoder(OpenaiLine).decode
_decode_anthropic = msgspec.json.Decoder(AnthropicLine).decode
_decode_bedrock = msgspec.json.Decoder(BedrockLine).decode


def _recognises_openai(fields: Fields) -> bool:
    return (
        "custom_id" in fields
        and "response" in fields
        and "result" not in fields
        and "response_cost" not in fields
    )


def _recognises_anthropic(fields: Fields) -> bool:
    return "custom_id" in fields and "result" in fields


def _recognises_bedrock(fields: Fields) -> bool:
    return "recordId" in fields and ("modelOutput" in fields or "modelInput" in fields)


def openai_format(reader: Reader) -> Format:
    """The lines of OpenAI's batches, with `reader` for the response inside."""

    def read(raw: bytes) -> UsageEvent:
        line = _decode_openai(raw)
        responded = line.response or Responded()
        named = provider.of_id(line.id) or provider.UNKNOWN
        failed = (responded.status_code or 0) >= _FAILED or line.error is not None
        event = _failed(named, line.error or Fault(code=responded.status_code)) if failed else None
        if _is_object(responded.body):
            event = _inside(reader, responded.body, "response.body", event)
        if event is None:
            raise Refused("no_response", "the line has neither a response nor an error", "response.body")
        if event.provider == provider.UNKNOWN:
            event = replace(event, provider=named, source=named)
        if failed and event.status == "success":
            event = replace(event, status="error")
        ident = responded.request_id or line.id
        return _batched(event, f"{event.provider}:{ident}" if ident else None, "custom_id", line.custom_id)

    title = "a line of a batch's output or error file, of OpenAI, Azure or Mistral"
    return Format(name="openai-batch", title=title, recognises=_recognises_openai, read=read)


def anthropic_format(reader: Reader) -> Format:
    """The lines of Anthropic's batches, with `reader` for the message inside."""

    def read(raw: bytes) -> UsageEvent:
        line = _decode_anthropic(raw)
        result = line.result
        error = result.error or AnthropicFault()
        key = f"anthropic:{error.request_id}" if error.request_id else None
        if result.type == "succeeded":
            event = _inside(reader, result.message, "result.message", None)
        elif result.type in _ENDS:
            event = _ended("anthropic", _ENDS[result.type], result.type, error)
        else:
            known = ", ".join(("succeeded", *_ENDS))
            raise Refused("unknown_status", f"{fault.shown(result.type)} is none of {known}", "result.type")
        return _batched(event, key, "custom_id", line.custom_id)

    title = "a line of the results of an Anthropic batch"
    return Format(name="anthropic-batch", title=title, recognises=_recognises_anthropic, read=read)


def bedrock_format(reader: Reader) -> Format:
    """The lines of Bedrock's batch inference, with `reader` for the model's output inside."""

    def read(raw: bytes) -> UsageEvent:
        line = _decode_bedrock(raw)
        if line.error is not None:
            event = _failed("bedrock", Fault(code=line.error.error_code))
        else:
            event = _inside(reader, line.model_output, "modelOutput", None)
        event = replace(event, provider="bedrock", source="bedrock")
        return _batched(event, None, "record_id", line.record_id)

    title = "a line of the output of Amazon Bedrock's batch inference"
    return Format(name="bedrock-batch", title=title, recognises=_recognises_bedrock, read=read)


def _inside(reader: Reader, body: Raw, field: str, otherwise: UsageEvent | None) -> UsageEvent:
    """The event of the response inside; a failed call's body may be anything."""
    try:
        return reader(bytes(body))
    except Refused as refused:
        if otherwise is not None:
            return otherwise
        inner = f"{field}.{refused.field}" if refused.field else field
        raise Refused(refused.code, refused.reason, inner) from None


def _failed(named: str, error: Fault | None) -> UsageEvent:
    """A call that was not served. What was not done in time, or was called off, is cancelled."""
    code = str(error.code) if error is not None and error.code is not None else None
    given_up = code is not None and ("cancel" in code or "expired" in code)
    return UsageEvent(
        source=named,
        provider=named,
        status="cancelled" if given_up else "error",
        error_type=error.type if error is not None else None,
        error_code=code,
    )


def _ended(named: str, status: Status, ending: str, error: AnthropicFault) -> UsageEvent:
    inner = error.error.type if error.error is not None else error.type
    return UsageEvent(source=named, provider=named, status=status, error_type=inner or ending)


def _batched(event: UsageEvent, key: str | None, name: str, custom_id: str | int | None) -> UsageEvent:
    """`event` as one of a batch."""
    stated: dict[str, Any] = {"service_tier": TIER, "source_event_id": event.source_event_id or key}
    if custom_id is not None and custom_id != "":
        stated["labels"] = {**(event.labels or {}), name: str(custom_id)}
    return replace(event, **stated)


def _is_object(raw: Raw) -> bool:
    return bytes(raw)[:1] == b"{"
