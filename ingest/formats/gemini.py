"""Gemini's generateContent, of Google AI and of Vertex: camelCase on the wire, snake_case from the Python library.

Its prompt count includes cached tokens; thoughts stand outside the candidates, and what a tool put into the prompt
outside the prompt. Counts of 0 are left out. Every chunk of a stream repeats the counts up to there, so that the
last one counts; all carry the response's id, so that chunks that come one by one are versions of one call.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import asdict

from ingest.event import Status, UsageEvent
from ingest.formats import provider
from ingest.formats.body import NULL, is_there
from ingest.formats.chunk import decoded, last
from ingest.formats.format import Fields, Format
from ingest.formats.instant import instant
from ingest.formats.spelling import S, camel
from ingest.formats.usage import Count, Meters
from ingest.refusal import Refused

_MARKS: Final = frozenset({"usageMetadata", "usage_metadata", "promptFeedback", "prompt_feedback"})
_CANDIDATES: Final = "candidates"
_VERSIONS: Final = ("modelVersion", "model_version", "responseId", "response_id")
_OTHERS: Final = frozenset({"choices", "extra_fields", "usage", "response"})
_SOLD_BY_ANSWER: Final = ("gemini-1", "gemini-2")
"""Models whose grounding is sold by the answer; later ones sell it by the search."""


class Modality(Struct, gc=False):
    """Tokens of one kind."""

    modality: str | None = None
    token_count: Count | None = None


class UsageMetadata(Struct, gc=False):
    """The counts. The Live API says response where the others say candidates."""

    prompt_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    candidates_token_count: Count | None = None
    response_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None
    total_token_count: Count | None = None
    prompt_tokens_details: list[Modality] | None = None
    tool_use_prompt_tokens_details: list[Modality] | None = None
    candidates_tokens_details: list[Modality] | None = None
    response_tokens_details: list[Modality] | None = None
    traffic_type: str | None = None
    service_tier: str | None = None


class Part(Struct, gc=False):
    """A part of an answer; only whether it calls a function is looked at."""

    function_call: Raw = NULL


class Content(Struct, gc=False):
    """The parts of an answer."""

    parts: list[Part] | None = None


class Grounding(Struct, gc=False):
    """What an answer was looked up with: counted, not read."""

    web_search_queries: list[Raw] | None = None


class Candidate(Struct, gc=False):
    """One answer."""

    finish_reason: str | int | None = None
    content: Content | None = None
    grounding_metadata: Grounding | None = None


class Feedback(Struct, gc=False):
    """Why a prompt was not answered."""

    block_reason: str | int | None = None


class Response(Struct, gc=False):
    """A response, or one chunk of a stream."""

    response_id: str | None = None
    model_version: str | None = None
    create_time: str | float | None = None
    candidates: list[Candidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: UsageMetadata | None = None
    embedding: Raw = NULL
    embeddings: Raw = NULL


CamelResponse: Final = camel(Response)

_decode_snake = msgspec.json.Decoder(Response).decode
_decode_camel = msgspec.json.Decoder(CamelResponse).decode
_NO_USAGE: Final = UsageMetadata()
_SNAKE: Final = (b'"usage_metadata"', b'"model_version"', b'"response_id"', b'"prompt_feedback"')
_SOMETHING: Final = Raw(b"{}")


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a response of Gemini."""
    if _MARKS.isdisjoint(fields) and not (_CANDIDATES in fields and any(one in fields for one in _VERSIONS)):
        return False
    return _OTHERS.isdisjoint(fields)


def read(raw: bytes) -> UsageEvent:
    """One response."""
    return to_event(_decode(raw))


def _decode(raw: bytes) -> Response:
    return _decode_snake(raw) if any(name in raw for name in _SNAKE) else _decode_camel(raw)


def to_event(response: Response) -> UsageEvent:
    """The event of a decoded response.

    Raises:
        Refused: it is a chunk from the middle of a stream, and nothing tells of which.
    """
    usage = response.usage_metadata or _NO_USAGE
    candidates = response.candidates or []
    model = (response.model_version or "").rpartition("/")[2] or provider.UNKNOWN
    named = "vertex" if response.create_time is not None or usage.traffic_type else "gemini"
    answered = None if response.candidates is None else candidates
    embeds = is_there(response.embedding) or is_there(response.embeddings)
    return UsageEvent(
        source=named,
        source_event_id=f"{named}:{response.response_id}" if response.response_id else None,
        occurred_at=instant(response.create_time, "createTime") if response.create_time else None,
        request_type="embedding" if embeds else "chat_completion",
        provider=named,
        model=model,
        service_tier=(usage.service_tier or usage.traffic_type or "").lower() or None,
        choices=None if answered is None else len(answered),
        tool_calls=None if answered is None else sum(map(_calls, answered)),
        finish_reason=_ending(response, candidates),
        status=_status(response, candidates),
        **asdict(_counted(usage, _searches(candidates, model))),
    )


def _counted(usage: UsageMetadata, searches: int | None) -> Meters:
    """The meters of a usage; no tokens where no count is stated."""
    tool_use, thoughts = usage.tool_use_prompt_token_count or 0, usage.thoughts_token_count or 0
    said = usage.candidates_token_count
    said = usage.response_token_count if said is None else said
    total = usage.total_token_count
    if (usage.prompt_token_count, said, total) == (None, None, None):
        return Meters(search_queries=searches)
    tokens_in = (usage.prompt_token_count or 0) + tool_use
    if said is None:
        said = max((total or 0) - tokens_in - thoughts, 0)
    inputs = [*(usage.prompt_tokens_details or ()), *(usage.tool_use_prompt_tokens_details or ())]
    outputs = usage.candidates_tokens_details or usage.response_tokens_details or []
    return Meters(
        input_tokens=tokens_in,
        input_text_tokens=_of(inputs, "TEXT"),
        input_audio_tokens=_of(inputs, "AUDIO"),
        input_image_tokens=_of(inputs, "IMAGE"),
        cache_read_tokens=usage.cached_content_token_count,
        output_tokens=said + thoughts,
        output_text_tokens=_of(outputs, "TEXT"),
        output_audio_tokens=_of(outputs, "AUDIO"),
        output_image_tokens=_of(outputs, "IMAGE"),
        reasoning_tokens=usage.thoughts_token_count,
        total_tokens=total or tokens_in + said + thoughts,
        search_queries=searches,
    )


def _of(details: list[Modality], kind: str) -> int | None:
    counts = [one.token_count or 0 for one in details if one.modality == kind]
    return sum(counts) if counts else None


def _calls(candidate: Candidate) -> int:
    parts = candidate.content.parts if candidate.content is not None else None
    return sum(is_there(part.function_call) for part in parts or ())


def _searches(candidates: list[Candidate], model: str) -> int | None:
    searches = sum(len(_queries(one)) for one in candidates)
    if not searches:
        return None
    return 1 if model.startswith(_SOLD_BY_ANSWER) else searches


def _ending(response: Response, candidates: list[Candidate]) -> str | None:
    reason = candidates[0].finish_reason if candidates else None
    if reason is None and response.prompt_feedback is not None:
        reason = response.prompt_feedback.block_reason
    return str(reason) if reason else None


def _status(response: Response, candidates: list[Candidate]) -> Status:
    if not candidates or any(one.finish_reason for one in candidates):
        return "success"
    if response.response_id is None:
        raise Refused(
            "partial",
            "a chunk from the middle of a stream that does not say of which: send the stream as server-sent events",
            "candidates",
        )
    return "cancelled"


def speaks(first: Fields) -> bool:
    """Whether a stream with this first chunk is one of Gemini."""
    return recognises(first)


def joined(chunks: Sequence[bytes]) -> dict[str, Any]:
    """The record of a stream: what the last chunk to say it says, with the function calls and searches of all."""
    read = [decoded(_decode, raw, index) for index, raw in enumerate(chunks)]
    candidates = [one for chunk in read for one in chunk.candidates or ()]
    ends = [one.finish_reason for one in candidates if one.finish_reason]
    feedback = last(read, "prompt_feedback")
    searches: list[Raw] = max((_queries(one) for one in candidates), key=len, default=[])
    spelt = camel if isinstance(read[0], CamelResponse) else _as_it_is
    answered = spelt(Candidate)(
        finish_reason=ends[-1] if ends else None,
        content=spelt(Content)(parts=[spelt(Part)(function_call=_SOMETHING)] * sum(map(_calls, candidates))),
        grounding_metadata=spelt(Grounding)(web_search_queries=[_SOMETHING] * len(searches)),
    )
    response = spelt(Response)(
        response_id=last(read, "response_id"),
        model_version=last(read, "model_version"),
        create_time=last(read, "create_time"),
        candidates=[answered] if ends else None,
        prompt_feedback=feedback,
        usage_metadata=last(read, "usage_metadata") or spelt(UsageMetadata)(),
    )
    record: dict[str, Any] = {"response": response, "stream": True}
    return record if ends or feedback is not None else {**record, "status": "cancelled"}


def _as_it_is(shape: type[S]) -> type[S]:
    return shape


def _queries(candidate: Candidate) -> list[Raw]:
    grounding = candidate.grounding_metadata
    return (grounding.web_search_queries if grounding is not None else None) or []


FORMAT: Final = Format(
    name="gemini",
    title="a response of Gemini, from Google AI or Vertex, in camelCase or snake_case",
    recognises=recognises,
    read=read,
)
