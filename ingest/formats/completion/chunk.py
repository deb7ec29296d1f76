"""The chunks of a stream: their structs, and how they are decoded. Only the presence of content is used."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from ingest.formats.completion.body import NULL, Annotation, Body, ErrorObject, ExtraFields, XGroq
from ingest.formats.completion.usage import Count, Usage
from ingest.formats.json import decode_errors, lenient

T = TypeVar("T")

_EMPTY: Final = frozenset({b"", b"null", b'""', b"[]", b"{}"})


class ToolCallDelta(Struct, gc=False):
    """A piece of a tool call. All pieces of one call have the same index."""

    index: int | None = None


class Delta(Struct, gc=False):
    """The content that a chunk adds to a choice. Only its presence is used."""

    content: Raw = NULL
    reasoning: Raw = NULL
    reasoning_content: Raw = NULL
    refusal: Raw = NULL
    audio: Raw = NULL
    tool_calls: list[ToolCallDelta] | None = None
    annotations: list[Annotation] | None = None


class ChoiceDelta(Struct, gc=False):
    """A piece of a choice. All pieces of one choice have the same index."""

    index: Count = 0
    finish_reason: str | None = None
    delta: Delta | None = None
    text: Raw = NULL


class Chunk(Struct, gc=False):
    """One chunk of any stream that has no structs of its own."""

    id: str | int | None = None
    type: str | None = None
    model: str | None = None
    object: str | None = None
    created: float | str | None = None
    created_at: float | str | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    choices: list[ChoiceDelta] | None = None
    usage: Usage | None = None
    extra_fields: ExtraFields | None = None
    response: Body | None = None
    error: ErrorObject | str | None = None
    code: str | int | float | None = None
    is_bifrost_error: bool | None = None
    status: str | int | None = None
    status_code: int | None = None
    x_groq: XGroq | None = None
    prompt_filter_results: Raw = NULL
    content_filters: Raw = NULL
    citations: Raw = NULL


def decode_chunk(decode: Callable[[bytes], T], raw: bytes, index: int) -> T:
    """One chunk, decoded leniently where the strict decoder fails.

    Raises:
        ingest.model.rejection.Refused: the chunk cannot be decoded; the refusal names chunk and field.
    """
    try:
        return decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raw = lenient.to_strict_json(raw)
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        raise decode_errors.refusal(error, raw, within=f"chunks[{index}]") from None


def first_value(chunks: Sequence[Any], name: str) -> Any:
    """The first value of the field `name` that is neither None, empty nor 0."""
    return next((value for chunk in chunks if (value := getattr(chunk, name))), None)


def last_value(chunks: Sequence[Any], name: str) -> Any:
    """The last value of the field `name` that is neither None, empty nor 0."""
    return first_value(chunks[::-1], name)


def has_content(chunk: Chunk) -> bool:
    """Whether the chunk has a token of any kind: text, reasoning, audio, or a piece of a tool call."""
    if chunk.type is not None and chunk.type.endswith(".delta"):
        return True
    return any(_has_text_or_calls(choice) for choice in chunk.choices or ())


def _has_text_or_calls(choice: ChoiceDelta) -> bool:
    if bytes(choice.text) not in _EMPTY:
        return True
    delta = choice.delta
    if delta is None:
        return False
    contents = (delta.content, delta.reasoning, delta.reasoning_content, delta.refusal, delta.audio)
    return bool(delta.tool_calls) or any(bytes(raw) not in _EMPTY for raw in contents)
