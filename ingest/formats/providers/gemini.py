"""Gemini's generateContent, of Google AI and Vertex, in camelCase or (from the Python library) snake_case.

The prompt count includes cached tokens. Thoughts are not part of the candidates' count, and tokens that a
tool adds to the prompt are not part of the prompt count. Counts of 0 are left out. Every chunk of a stream
repeats the counts up to that chunk, so the last chunk counts. All chunks have the id of the response, so
chunks that are sent one by one are versions of one call.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import asdict

from ingest.formats.completion import provider
from ingest.formats.completion.body import NULL, is_present
from ingest.formats.completion.chunk import decode_chunk, last_value
from ingest.formats.completion.usage import Count, Meters, cached_part
from ingest.formats.format import Fields, Format
from ingest.formats.json.camel_case import S, camel_struct
from ingest.formats.json.timestamps import parse_timestamp
from ingest.model.event import Status, UsageEvent
from ingest.model.rejection import Refused

_OWN_FIELDS: Final = frozenset({"usageMetadata", "usage_metadata", "promptFeedback", "prompt_feedback"})
_CANDIDATES: Final = "candidates"
_ID_FIELDS: Final = ("modelVersion", "model_version", "responseId", "response_id")
_FOREIGN_FIELDS: Final = frozenset({"choices", "extra_fields", "usage", "response"})
_GROUNDING_PER_RESPONSE: Final = ("gemini-1", "gemini-2")
"""Models whose grounding is billed per response; later models bill each search."""


class ModalityCount(Struct, gc=False):
    """The tokens of one modality."""

    modality: str | None = None
    token_count: Count | None = None


class UsageMetadata(Struct, gc=False):
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
    traffic_type: str | None = None
    service_tier: str | None = None


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


CamelResponse: Final = camel_struct(Response)

_decode_snake = msgspec.json.Decoder(Response).decode
_decode_camel = msgspec.json.Decoder(CamelResponse).decode
_NO_USAGE: Final = UsageMetadata()
_SNAKE_CASE_NAMES: Final = (b'"usage_metadata"', b'"model_version"', b'"response_id"', b'"prompt_feedback"')
_EMPTY_OBJECT: Final = Raw(b"{}")


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a response of Gemini."""
    if _OWN_FIELDS.isdisjoint(fields) and not (
        _CANDIDATES in fields and any(name in fields for name in _ID_FIELDS)
    ):
        return False
    return _FOREIGN_FIELDS.isdisjoint(fields)


def read(raw: bytes) -> UsageEvent:
    """The event of one response."""
    return to_event(_decode(raw))


def _decode(raw: bytes) -> Response:
    return _decode_snake(raw) if any(name in raw for name in _SNAKE_CASE_NAMES) else _decode_camel(raw)


def to_event(response: Response) -> UsageEvent:
    """The event of a decoded response.

    Raises:
        Refused: the response is a chunk from the middle of a stream and has no id.
    """
    usage = response.usage_metadata or _NO_USAGE
    candidates = response.candidates or []
    model = (response.model_version or "").rpartition("/")[2] or provider.UNKNOWN
    provider_name = "vertex" if response.create_time is not None or usage.traffic_type else "gemini"
    stated_candidates = None if response.candidates is None else candidates
    is_embedding = is_present(response.embedding) or is_present(response.embeddings)
    return UsageEvent(
        source=provider_name,
        source_event_id=f"{provider_name}:{response.response_id}" if response.response_id else None,
        occurred_at=parse_timestamp(response.create_time, "createTime") if response.create_time else None,
        request_type="embedding" if is_embedding else "chat_completion",
        provider=provider_name,
        model=model,
        service_tier=(usage.service_tier or usage.traffic_type or "").lower() or None,
        choices=None if stated_candidates is None else len(stated_candidates),
        tool_calls=None if stated_candidates is None else sum(map(_function_calls, stated_candidates)),
        finish_reason=_finish_reason(response, candidates),
        status=_status(response, candidates),
        **asdict(_meters(usage, _billed_searches(candidates, model))),
    )


def _meters(usage: UsageMetadata, searches: int | None) -> Meters:
    """The meters of a usage, without tokens where no count is stated."""
    tool_tokens, thoughts = usage.tool_use_prompt_token_count or 0, usage.thoughts_token_count or 0
    candidate_tokens = usage.candidates_token_count
    candidate_tokens = usage.response_token_count if candidate_tokens is None else candidate_tokens
    total = usage.total_token_count
    if (usage.prompt_token_count, candidate_tokens, total) == (None, None, None):
        return Meters(search_queries=searches)
    tokens_in = (usage.prompt_token_count or 0) + tool_tokens
    if candidate_tokens is None:
        candidate_tokens = max((total or 0) - tokens_in - thoughts, 0)
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


def _modality_tokens(details: list[ModalityCount], kind: str) -> int | None:
    counts = [count.token_count or 0 for count in details if count.modality == kind]
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
        reason = response.prompt_feedback.block_reason
    return str(reason) if reason else None


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
        usage_metadata=last_value(responses, "usage_metadata") or in_spelling(UsageMetadata)(),
    )
    record: dict[str, Any] = {"response": response, "stream": True}
    return record if finish_reasons or feedback is not None else {**record, "status": "cancelled"}


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
