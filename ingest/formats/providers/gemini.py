"""Gemini's generateContent, of Google AI and Vertex, in camelCase or (from the Python library) snake_case.

The prompt count includes cached tokens. Thoughts are not part of the candidates' count, and tokens that a
tool adds to the prompt are not part of the prompt count. Counts of 0 are left out. Every chunk of a stream
repeats the counts up to that chunk, so the last chunk counts. All chunks have the id of the response, so
chunks that are sent one by one are versions of one call. Enumerations are names or, from some clients, the
numbers of the protobuf.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Raw, Struct
from msgspec.structs import asdict

from ingest.formats.completion import provider
from ingest.formats.completion.body import NULL, is_present
from ingest.formats.completion.chunk import decode_chunk, last_value
from ingest.formats.completion.doubtful_parts import settle, thoughts_outside
from ingest.formats.completion.response_id import is_id
from ingest.formats.completion.usage import Count, Detail, Meters, cached_part
from ingest.formats.format import Fields, Format
from ingest.formats.json.camel_case import S, camel_struct
from ingest.formats.json.decoder import decoder
from ingest.formats.json.timestamps import record_time
from ingest.formats.json.unknown_numbers import refuse_unknown
from ingest.model.event import Status, UsageEvent
from ingest.model.rejection import Refused

_OWN_FIELDS: Final = frozenset({"usageMetadata", "usage_metadata", "promptFeedback", "prompt_feedback"})
_CANDIDATES: Final = "candidates"
_ID_FIELDS: Final = ("modelVersion", "model_version", "responseId", "response_id")
_FOREIGN_FIELDS: Final = frozenset({"choices", "extra_fields", "usage", "response"})
_MODALITIES: Final = {1: "TEXT", 2: "IMAGE", 3: "VIDEO", 4: "AUDIO", 5: "DOCUMENT"}
_TRAFFIC_TYPES: Final = {1: "ON_DEMAND", 2: "PROVISIONED_THROUGHPUT"}
_FINISH_REASONS: Final = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
"""Numbers of the enumerations; 0 is "unspecified". From 6 on the finish reasons of the two APIs differ."""
_GROUNDING_PER_RESPONSE: Final = ("gemini-1", "gemini-2")
"""Models whose grounding is billed per response; later models bill each search."""


class ModalityCount(Struct, gc=False, omit_defaults=True):
    """The tokens of one modality."""

    modality: str | int | None = None
    token_count: Detail | None = None


class UsageMetadata(Struct, gc=False, omit_defaults=True):
    """The token counts. The Live API has `response` in place of `candidates` in their names."""

    prompt_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    candidates_token_count: Count | None = None
    response_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None
    total_token_count: Count | None = None
    prompt_tokens_details: list[ModalityCount] | None = None
    tool_use_prompt_tokens_details: list[ModalityCount] | None = None
    candidates_tokens_details: list[ModalityCount] | None = None
    response_tokens_details: list[ModalityCount] | None = None
    cache_tokens_details: list[ModalityCount] | None = None
    traffic_type: str | int | None = None
    service_tier: str | int | None = None


class Part(Struct, gc=False):
    """A part of a candidate. Only the presence of a function call is used."""

    function_call: Raw = NULL


class Content(Struct, gc=False):
    """The parts of a candidate."""

    parts: list[Part] | None = None


class GroundingMetadata(Struct, gc=False):
    """The web searches of a candidate. They are counted, not decoded."""

    web_search_queries: list[Raw] | None = None


class Candidate(Struct, gc=False):
    """One candidate of a response."""

    finish_reason: str | int | None = None
    content: Content | None = None
    grounding_metadata: GroundingMetadata | None = None


class PromptFeedback(Struct, gc=False):
    """The reason why a prompt was blocked."""

    block_reason: str | int | None = None


class Response(Struct, gc=False):
    """A response, or one chunk of a stream."""

    response_id: str | None = None
    model_version: str | None = None
    create_time: str | float | None = None
    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: UsageMetadata | None = None
    embedding: Raw = NULL
    embeddings: Raw = NULL
    name: Raw = NULL


class CamelRecord(Struct, gc=False, rename="camel"):
    """A response, of which only the usage is decoded."""

    usage_metadata: Raw = NULL


class Record(Struct, gc=False):
    """A response in snake_case, of which only the usage is decoded."""

    usage_metadata: Raw = NULL


CamelResponse: Final = camel_struct(Response)

CamelUsageMetadata: Final = camel_struct(UsageMetadata)

_decode_snake = decoder(Response)
_decode_camel = decoder(CamelResponse)
_decode_record = decoder(Record)
_decode_camel_record = decoder(CamelRecord)
_NO_USAGE: Final = UsageMetadata()
_SNAKE_CASE: Final = re.compile(
    rb'"(?:usage_metadata|model_version|response_id|prompt_feedback)"\s*:(?!\s*null)'
)
_EMPTY_OBJECT: Final = Raw(b"{}")


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a response of Gemini."""
    if _OWN_FIELDS.isdisjoint(fields) and not (
        _CANDIDATES in fields and any(name in fields for name in _ID_FIELDS)
    ):
        return False
    return _FOREIGN_FIELDS.isdisjoint(fields)


def read(raw: bytes) -> UsageEvent:
    """The event of one response.

    Raises:
        Refused: the record is no response, or its counts are unknown or impossible.
    """
    event = to_event(_decode(raw))
    if event.input_tokens is None and event.total_tokens is None:
        refuse_unknown(_decode_camel_record(raw).usage_metadata, CamelUsageMetadata, "usageMetadata")
        refuse_unknown(_decode_record(raw).usage_metadata, UsageMetadata, "usage_metadata")
    return event


def _decode(raw: bytes) -> Response:
    return _decode_snake(raw) if _SNAKE_CASE.search(raw) else _decode_camel(raw)


def to_event(response: Response) -> UsageEvent:
    """The event of a decoded response.

    Raises:
        Refused: the response is a chunk from the middle of a stream and has no id, or is no response.
    """
    if is_present(response.name) and response.candidates is None:
        raise Refused(
            "not_a_call",
            "a resource with a name, such as a cached content, is no call: send the responses",
            "name",
        )
    usage = response.usage_metadata or _NO_USAGE
    candidates = response.candidates or []
    model = (response.model_version or "").rpartition("/")[2] or provider.UNKNOWN
    traffic_type = _name_of(usage.traffic_type, _TRAFFIC_TYPES)
    provider_name = "vertex" if response.create_time is not None or traffic_type else "gemini"
    stated, total = _meters(usage, _billed_searches(candidates, model)), usage.total_token_count
    meters, doubts = settle(stated, total, "usageMetadata.totalTokenCount", billed=False)
    stated_candidates = None if response.candidates is None else candidates
    is_embedding = is_present(response.embedding) or is_present(response.embeddings)
    return UsageEvent(
        source=provider_name,
        source_event_id=f"{provider_name}:{response.response_id}" if is_id(response.response_id) else None,
        occurred_at=record_time(response.create_time, "createTime"),
        request_type="embedding" if is_embedding else "chat_completion",
        provider=provider_name,
        model=model,
        service_tier=(_name_of(usage.service_tier, {}) or traffic_type or "").lower() or None,
        choices=None if stated_candidates is None else len(stated_candidates),
        tool_calls=None if stated_candidates is None else sum(map(_function_calls, stated_candidates)),
        finish_reason=_finish_reason(response, candidates),
        status=_status(response, candidates),
        flags=doubts or None,
        **asdict(meters),
    )


def _meters(usage: UsageMetadata, searches: int | None) -> Meters:
    """The meters of a usage, without tokens where no count is stated."""
    tool_tokens = usage.tool_use_prompt_token_count or 0
    candidate_tokens = usage.candidates_token_count
    candidate_tokens = usage.response_token_count if candidate_tokens is None else candidate_tokens
    total = usage.total_token_count
    if (usage.prompt_token_count, candidate_tokens, total) == (None, None, None):
        return Meters(search_queries=searches)
    tokens_in = (usage.prompt_token_count or 0) + tool_tokens
    if candidate_tokens is None:
        candidate_tokens = max((total or 0) - tokens_in - (usage.thoughts_token_count or 0), 0)
    thoughts = thoughts_outside(total, tokens_in, candidate_tokens, usage.thoughts_token_count)
    inputs = [*(usage.prompt_tokens_details or ()), *(usage.tool_use_prompt_tokens_details or ())]
    outputs = usage.candidates_tokens_details or usage.response_tokens_details or []
    return Meters(
        input_tokens=tokens_in,
        input_text_tokens=_modality_tokens(inputs, "TEXT"),
        input_audio_tokens=_modality_tokens(inputs, "AUDIO"),
        input_image_tokens=_modality_tokens(inputs, "IMAGE"),
        cache_read_tokens=usage.cached_content_token_count,
        output_tokens=candidate_tokens + thoughts,
        output_text_tokens=_modality_tokens(outputs, "TEXT"),
        output_audio_tokens=_modality_tokens(outputs, "AUDIO"),
        output_image_tokens=_modality_tokens(outputs, "IMAGE"),
        reasoning_tokens=usage.thoughts_token_count,
        total_tokens=total or tokens_in + candidate_tokens + thoughts,
        search_queries=searches,
        cache_read_audio_tokens=_cached_part(usage, inputs, "AUDIO"),
        cache_read_image_tokens=_cached_part(usage, inputs, "IMAGE"),
    )


def _cached_part(usage: UsageMetadata, inputs: list[ModalityCount], kind: str) -> int | None:
    count = _modality_tokens(usage.cache_tokens_details or [], kind)
    return cached_part(count, _modality_tokens(inputs, kind), usage.cached_content_token_count)


def _name_of(value: str | int | None, names: Mapping[int, str]) -> str | None:
    """The name of an enumeration's value, from its name, its number, or its name in Python (`Enum.NAME`)."""
    if isinstance(value, str):
        return value.rpartition(".")[2] or None
    return (names.get(value) or str(value)) if value else None


def _modality_tokens(details: list[ModalityCount], kind: str) -> int | None:
    counts = [count.token_count or 0 for count in details if _name_of(count.modality, _MODALITIES) == kind]
    return sum(counts) if counts else None


def _function_calls(candidate: Candidate) -> int:
    parts = candidate.content.parts if candidate.content is not None else None
    return sum(is_present(part.function_call) for part in parts or ())


def _billed_searches(candidates: list[Candidate], model: str) -> int | None:
    searches = sum(len(_search_queries(candidate)) for candidate in candidates)
    if not searches:
        return None
    return 1 if model.startswith(_GROUNDING_PER_RESPONSE) else searches


def _finish_reason(response: Response, candidates: list[Candidate]) -> str | None:
    reason = candidates[0].finish_reason if candidates else None
    if reason is None and response.prompt_feedback is not None:
        return _name_of(response.prompt_feedback.block_reason, {})
    return _name_of(reason, _FINISH_REASONS)


def _status(response: Response, candidates: list[Candidate]) -> Status:
    if not candidates or any(candidate.finish_reason for candidate in candidates):
        return "success"
    if response.response_id is None:
        raise Refused(
            "partial",
            "a chunk from the middle of a stream that does not say of which: "
            "send the stream as server-sent events",
            "candidates",
        )
    return "cancelled"


def recognises_stream(first: Fields) -> bool:
    """Whether a stream with this first chunk is a stream of Gemini."""
    return recognises(first)


def join_chunks(chunks: Sequence[bytes]) -> dict[str, Any]:
    """The record of a stream: the last value of each field, with the function calls of all chunks."""
    responses = [decode_chunk(_decode, raw, index) for index, raw in enumerate(chunks)]
    candidates = [candidate for chunk in responses for candidate in chunk.candidates or ()]
    finish_reasons = [candidate.finish_reason for candidate in candidates if candidate.finish_reason]
    feedback = last_value(responses, "prompt_feedback")
    searches: list[Raw] = max((_search_queries(candidate) for candidate in candidates), key=len, default=[])
    in_spelling = camel_struct if isinstance(responses[0], CamelResponse) else _snake_case
    candidate = in_spelling(Candidate)(
        finish_reason=finish_reasons[-1] if finish_reasons else None,
        content=in_spelling(Content)(
            parts=[in_spelling(Part)(function_call=_EMPTY_OBJECT)] * sum(map(_function_calls, candidates))
        ),
        grounding_metadata=in_spelling(GroundingMetadata)(web_search_queries=[_EMPTY_OBJECT] * len(searches)),
    )
    response = in_spelling(Response)(
        response_id=last_value(responses, "response_id"),
        model_version=last_value(responses, "model_version"),
        create_time=last_value(responses, "create_time"),
        candidates=[candidate] if finish_reasons else None,
        prompt_feedback=feedback,
        usage_metadata=_last_usage(responses, in_spelling(UsageMetadata)()),
    )
    record: dict[str, Any] = {"response": response, "stream": True}
    return record if finish_reasons or feedback is not None else {**record, "status": "cancelled"}


def _last_usage(responses: Sequence[Response], empty: UsageMetadata) -> UsageMetadata:
    """The last usage that says something; an empty one where there are only such."""
    usages = [response.usage_metadata for response in responses if response.usage_metadata is not None]
    return next((usage for usage in reversed(usages) if usage != empty), empty)


def _snake_case(struct: type[S]) -> type[S]:
    return struct


def _search_queries(candidate: Candidate) -> list[Raw]:
    grounding = candidate.grounding_metadata
    return (grounding.web_search_queries if grounding is not None else None) or []


FORMAT: Final = Format(
    name="gemini",
    title="a response of Gemini, from Google AI or Vertex, in camelCase or snake_case",
    recognises=recognises,
    read=read,
)
