"""Ollama's own bodies: chat, generate and embed. A stream is one JSON object a line; the last has the counts.

A body has no id, and its time is that of its end. Counts of 0 are left out.
"""

from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

from ingest.formats.completion import provider
from ingest.formats.completion.body import NULL, Empty, is_present
from ingest.formats.completion.usage import Count
from ingest.formats.format import Fields, Format
from ingest.formats.json.decoder import decoder
from ingest.formats.json.timestamps import record_time
from ingest.model.event import MAX_COUNT, UsageEvent
from ingest.model.rejection import PassedOver

PROVIDER: Final = "ollama"

_COUNTS: Final = frozenset({"prompt_eval_count", "eval_count"})
_DURATIONS: Final = frozenset({"total_duration", "load_duration"})
_FOREIGN_FIELDS: Final = frozenset({"extra_fields", "choices", "usage"})
_NANOSECONDS_PER_MICROSECOND: Final = 1_000


Nanoseconds = Annotated[int, Meta(ge=0, le=1000 * MAX_COUNT)]


class Message(Struct, gc=False):
    """The message. Only its tool calls are counted."""

    tool_calls: list[Empty] | None = None


class Response(Struct, gc=False):
    """A response, or one line of a stream."""

    model: str | None = None
    created_at: str | float | None = None
    done: bool | None = None
    done_reason: str | None = None
    message: Message | None = None
    embeddings: Raw = NULL
    total_duration: Nanoseconds | None = None
    prompt_eval_count: Count | None = None
    eval_count: Count | None = None


_decode = decoder(Response)


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a response of Ollama."""
    if "model" not in fields or not _FOREIGN_FIELDS.isdisjoint(fields):
        return False
    if bytes(fields.get("response", b'"'))[:1] != b'"':
        return False
    is_line = "done" in fields and "created_at" in fields
    return (
        is_line
        or not _COUNTS.isdisjoint(fields)
        or ("embeddings" in fields and not _DURATIONS.isdisjoint(fields))
    )


def read(raw: bytes) -> UsageEvent:
    """The event of one response.

    Raises:
        PassedOver: the record is a line of a stream before its last, which has no counts.
    """
    response = _decode(raw)
    is_embedding = is_present(response.embeddings)
    tokens_in, tokens_out = response.prompt_eval_count, response.eval_count
    stated = (tokens_in, tokens_out) != (None, None)
    if response.done is False and not stated:
        raise PassedOver
    return UsageEvent(
        source=PROVIDER,
        occurred_at=record_time(response.created_at, "created_at"),
        request_type=_request_type(response, is_embedding=is_embedding),
        provider=PROVIDER,
        model=response.model or provider.UNKNOWN,
        tool_calls=None if response.message is None else len(response.message.tool_calls or ()),
        finish_reason=response.done_reason or None,
        latency_us=None
        if response.total_duration is None
        else response.total_duration // _NANOSECONDS_PER_MICROSECOND,
        input_tokens=(tokens_in or 0) if stated else None,
        output_tokens=tokens_out,
        total_tokens=(tokens_in or 0) + (tokens_out or 0) if stated else None,
    )


def _request_type(response: Response, *, is_embedding: bool) -> str:
    if is_embedding:
        return "embedding"
    return "text_completion" if response.message is None else "chat_completion"


FORMAT: Final = Format(
    name="ollama",
    title="a response of Ollama's own API: chat, generate, embed",
    recognises=recognises,
    read=read,
)
