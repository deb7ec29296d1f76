"""Gemini's Interactions API: an interaction, and the events of its stream.

The input count includes cached tokens. Tokens that a tool adds are beside the input, and thoughts are beside
the output. An agent's interaction has `agent` in place of `model`.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Raw, Struct
from msgspec.structs import asdict, replace

from ingest.formats.completion import provider
from ingest.formats.completion.body import NULL, ErrorObject
from ingest.formats.completion.chunk import decode_chunk
from ingest.formats.completion.doubtful_parts import settle, thoughts_outside
from ingest.formats.completion.response_id import is_id
from ingest.formats.completion.usage import Count, Detail, Meters
from ingest.formats.format import Fields, Format
from ingest.formats.json.decoder import decoder
from ingest.formats.json.timestamps import record_time
from ingest.formats.json.unknown_numbers import refuse_unknown
from ingest.model.event import Status, UsageEvent
from ingest.model.rejection import Refused

PROVIDER: Final = "gemini"

_STATUSES: Final[dict[str, Status]] = {"failed": "error", "cancelled": "cancelled"}
_TOTAL_INPUT: Final = b'"total_input_tokens"'


class ModalityTokens(Struct, gc=False):
    """The tokens of one modality."""

    modality: str | int | None = None
    tokens: Detail | None = None


class InteractionUsage(Struct, gc=False, omit_defaults=True):
    """The token counts."""

    total_tokens: Count | None = None
    total_input_tokens: Count | None = None
    total_cached_tokens: Count | None = None
    total_output_tokens: Count | None = None
    total_tool_use_tokens: Count | None = None
    total_thought_tokens: Count | None = None
    total_reasoning_tokens: Count | None = None
    input_tokens_by_modality: list[ModalityTokens] | None = None
    cached_tokens_by_modality: list[ModalityTokens] | None = None
    output_tokens_by_modality: list[ModalityTokens] | None = None
    tool_use_tokens_by_modality: list[ModalityTokens] | None = None


class Step(Struct, gc=False, omit_defaults=True):
    """A step of an interaction. Only its type is used."""

    type: str | None = None


class Interaction(Struct, gc=False, omit_defaults=True):
    """An interaction."""

    id: str | None = None
    object: str | None = None
    status: str | None = None
    model: str | None = None
    agent: str | None = None
    created: str | float | None = None
    service_tier: str | None = None
    usage: InteractionUsage | None = None
    steps: list[Step] | None = None
    outputs: list[Step] | None = None
    error: ErrorObject | str | None = None


class StreamMetadata(Struct, gc=False):
    """The usage up to an event of a stream."""

    total_usage: InteractionUsage | None = None


class StreamEvent(Struct, gc=False):
    """One event of a stream."""

    event_type: str | None = None
    interaction: Interaction | None = None
    status: str | None = None
    step: Step | None = None
    metadata: StreamMetadata | None = None
    error: ErrorObject | str | None = None


class Record(Struct, gc=False):
    """An interaction, of which only the usage is decoded."""

    usage: Raw = NULL


_decode = decoder(Interaction)
_decode_event = decoder(StreamEvent)
_decode_record = decoder(Record)
_NO_USAGE: Final = InteractionUsage()


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of an interaction."""
    if not {"extra_fields", "choices", "response"}.isdisjoint(fields):
        return False
    usage = bytes(fields.get("usage", b""))
    return bytes(fields.get("object", b"")) == b'"interaction"' or _TOTAL_INPUT in usage


def read(raw: bytes) -> UsageEvent:
    """The event of one interaction.

    Raises:
        Refused: the interaction has not ended, or its counts are unknown or impossible.
    """
    interaction = _decode(raw)
    if interaction.status in {"in_progress", "queued"}:
        raise Refused("processing", "the interaction has not ended yet: send it again when it has", "status")
    usage = interaction.usage or _NO_USAGE
    meters, doubts = settle(_meters(usage), usage.total_tokens, "usage.total_tokens", billed=False)
    if meters == Meters():
        refuse_unknown(_decode_record(raw).usage, InteractionUsage, "usage")
    steps = interaction.steps if interaction.steps is not None else interaction.outputs
    failed = interaction.error is not None
    return UsageEvent(
        source=PROVIDER,
        source_event_id=f"{PROVIDER}:{interaction.id}" if is_id(interaction.id) else None,
        occurred_at=record_time(interaction.created, "created"),
        request_type="responses",
        object=interaction.object,
        provider=PROVIDER,
        model=(interaction.model or interaction.agent or provider.UNKNOWN).rpartition("/")[2],
        service_tier=interaction.service_tier or None,
        tool_calls=None if steps is None else sum(_is_tool_call(step) for step in steps),
        finish_reason=interaction.status or None,
        status="error" if failed else _STATUSES.get(interaction.status or "", "success"),
        flags=doubts or None,
        **asdict(meters),
    )


def _meters(usage: InteractionUsage) -> Meters:
    tool_tokens = usage.total_tool_use_tokens or 0
    thoughts = (
        usage.total_reasoning_tokens if usage.total_thought_tokens is None else usage.total_thought_tokens
    )
    if usage.total_input_tokens is None and usage.total_output_tokens is None:
        return Meters(total_tokens=usage.total_tokens)
    tokens_in = (usage.total_input_tokens or 0) + tool_tokens
    answer = usage.total_output_tokens or 0
    tokens_out = answer + thoughts_outside(usage.total_tokens, tokens_in, answer, thoughts)
    inputs = [*(usage.input_tokens_by_modality or ()), *(usage.tool_use_tokens_by_modality or ())]
    return Meters(
        input_tokens=tokens_in,
        input_text_tokens=_modality_tokens(inputs, "text"),
        input_audio_tokens=_modality_tokens(inputs, "audio"),
        input_image_tokens=_modality_tokens(inputs, "image"),
        cache_read_tokens=usage.total_cached_tokens,
        output_tokens=tokens_out,
        output_audio_tokens=_modality_tokens(usage.output_tokens_by_modality or (), "audio"),
        output_image_tokens=_modality_tokens(usage.output_tokens_by_modality or (), "image"),
        reasoning_tokens=thoughts,
        total_tokens=usage.total_tokens or tokens_in + tokens_out,
    )


def _modality_tokens(counts: Sequence[ModalityTokens], kind: str) -> int | None:
    stated = [count.tokens or 0 for count in counts if str(count.modality).lower() == kind]
    return sum(stated) if stated else None


def _is_tool_call(step: Step) -> bool:
    return step.type is not None and step.type.endswith("_call")


def recognises_stream(first: Fields) -> bool:
    """Whether a stream with this first event is a stream of the Interactions API."""
    return bytes(first.get("event_type", b""))[:13] == b'"interaction.' and "interaction" in first


def join_chunks(chunks: Sequence[bytes]) -> dict[str, Any]:
    """The record of a stream: the interaction as a call without streaming returns it, without its content."""
    events = [decode_chunk(_decode_event, raw, index) for index, raw in enumerate(chunks)]
    stated = [event.interaction for event in events if event.interaction is not None]
    last = stated[-1] if stated else Interaction()
    ended = bool(last.status) and last.status not in {"in_progress", "queued"}
    usages = [
        usage
        for event in events
        for usage in (
            event.metadata.total_usage if event.metadata else None,
            event.interaction and event.interaction.usage,
        )
        if usage is not None
    ]
    errors = [event.error for event in events if event.error is not None]
    interaction = replace(
        last,
        object="interaction",
        id=next((one.id for one in stated if one.id), None),
        model=next((one.model for one in stated if one.model), None),
        agent=next((one.agent for one in stated if one.agent), None),
        created=next((one.created for one in stated if one.created), None),
        status=last.status if ended else "incomplete",
        usage=usages[-1] if usages else None,
        steps=[event.step for event in events if event.step is not None and event.event_type == "step.start"],
        error=ErrorObject()
        if errors and isinstance(errors[-1], str)
        else (errors[-1] if errors else last.error),
    )
    record: dict[str, Any] = {"response": interaction, "stream": True}
    return record if ended or errors else {**record, "status": "cancelled"}


FORMAT: Final = Format(
    name="gemini-interactions",
    title="an interaction of Gemini's Interactions API",
    recognises=recognises,
    read=read,
)
