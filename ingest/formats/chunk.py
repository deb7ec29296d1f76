"""The structs of a stream's chunks. Content is looked at for being there, never read."""

from typing import Final

from msgspec import Raw, Struct

from ingest.formats.body import NULL, Annotation, Body, ExtraFields, Fault
from ingest.formats.usage import Count, Usage

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


class Chunk(Struct, gc=False):
    """One chunk of any family."""

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
