"""The chunks of a stream: their structs and how they are read. Content is looked at for being there, never read."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from ingest.formats import fault, mending
from ingest.formats.body import NULL, Annotation, Body, ExtraFields, Fault
from ingest.formats.usage import Count, Usage

T = TypeVar("T")

_EMPTY: Final = frozenset({b"", b"null", b'""', b"[]", b"{}"})


class CallPiece(Struct, gc=False):
    """A piece of a tool call; pieces of one call share its index."""

    index: int | None = None


class Delta(Struct, gc=False):
    """What a chunk adds. Content is looked at for being there, never read."""

    content: Raw = NULL
    reasoning: Raw = NULL
    reasoning_content: Raw = NULL
    refusal: Raw = NULL
    audio: Raw = NULL
    tool_calls: list[CallPiece] | None = None
    annotations: list[Annotation] | None = None


class Piece(Struct, gc=False):
    """A piece of one choice."""

    index: Count = 0
    finish_reason: str | None = None
    delta: Delta | None = None
    text: Raw = NULL


class Groq(Struct, gc=False):
    """What Groq puts into its last chunk."""

    usage: Usage | None = None


class Chunk(Struct, gc=False):
    """One chunk of any family that is not a format of its own."""

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
    choices: list[Piece] | None = None
    usage: Usage | None = None
    extra_fields: ExtraFields | None = None
    response: Body | None = None
    error: Fault | str | None = None
    code: str | int | float | None = None
    is_bifrost_error: bool | None = None
    status_code: int | None = None
    x_groq: Groq | None = None
    prompt_filter_results: Raw = NULL
    citations: Raw = NULL


def decoded(decode: Callable[[bytes], T], raw: bytes, index: int) -> T:
    """One chunk, after a lenient look where the strict one fails.

    Raises:
        ingest.refusal.Refused: it cannot be read; the refusal names the chunk and the field.
    """
    try:
        return decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raw = mending.mend(raw)
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        raise fault.refusal(error, raw, within=f"chunks[{index}]") from None


def first(read: Sequence[Any], name: str) -> Any:
    """What the first chunk that says anything under `name` says; an empty text or a 0 says nothing."""
    return next((value for one in read if (value := getattr(one, name))), None)


def last(read: Sequence[Any], name: str) -> Any:
    """What the last chunk that says anything under `name` says."""
    return first(read[::-1], name)


def has_content(chunk: Chunk) -> bool:
    """Whether the chunk brings a token of any kind: text, reasoning, sound, or a piece of a tool call."""
    if chunk.type is not None and chunk.type.endswith(".delta"):
        return True
    return any(_says(piece) for piece in chunk.choices or ())


def _says(piece: Piece) -> bool:
    if bytes(piece.text) not in _EMPTY:
        return True
    delta = piece.delta
    if delta is None:
        return False
    said = (delta.content, delta.reasoning, delta.reasoning_content, delta.refusal, delta.audio)
    return bool(delta.tool_calls) or any(bytes(raw) not in _EMPTY for raw in said)
