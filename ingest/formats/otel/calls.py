"""Calls: which spans of a trace are model calls, and which two spans are the same call.

Only inference counts. The span of an agent, workflow, chain or tool has the sums of the calls inside it, so
it is skipped; sending it is not an error.

Two instrumentations at once (of a framework and of the SDK below it) make two spans of one call, one inside
the other. The inner span counts, because it is nearer to the provider; the outer span counts where only
that has the usage. Two spans are the same call under these conditions: one is inside the other without a
third call between them; both succeeded or both failed; and both have the same response id. Without two
response ids, no model, input or output that both state may differ. Spans are compared within one request
only: spans of different requests are different calls.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from ingest.formats.otel import names
from ingest.formats.otel.attributes import Attributes
from ingest.formats.otel.span import ERROR, Draft

CHAT: Final = "chat_completion"
UNKNOWN: Final = "unknown"

_OPERATIONS: Final = {
    "chat": CHAT,
    "generate_content": CHAT,
    "completion": CHAT,
    "messages": CHAT,
    "embeddings": "embedding",
    "embed": "embedding",
}
"""Operations whose name is not a request type of the ledger."""

_LLM_REQUEST_TYPES: Final = {"completion": "text_completion"}
"""Values of OpenLLMetry's older attribute with another name in the ledger."""

_REQUEST_TYPES: Final = frozenset(
    {
        *("chat_completion", "text_completion", "responses", "compaction", "realtime"),
        *("embedding", "rerank", "speech", "transcription", "ocr"),
        *("image_generation", "image_edit", "image_variation"),
        *("video_generation", "video_edit", "video_remix"),
    }
)
_STREAM: Final = "_stream"

_KINDS: Final = {"LLM": CHAT, "EMBEDDING": "embedding", "RERANKER": "rerank"}
"""OpenInference's span kinds that are model calls."""

_USAGE: Final = (*names.INPUT_TOKENS, *names.OUTPUT_TOKENS, *names.TOTAL_TOKENS)
_MODEL: Final = (*names.RESPONSE_MODEL, *names.REQUEST_MODEL)
_AI_SDK_STEPS: Final = {"doGenerate": CHAT, "doStream": CHAT, "doEmbed": "embedding"}
"""Vercel's AI SDK has one span for its function, with sums, and one span for each call inside."""
_MAX_DEPTH: Final = 256
_SERVER: Final = 2
"""The span kind SERVER: the span of a gateway or application. It is a call only if it has usage."""


class SortedSpans(NamedTuple):
    """The spans of one request, sorted into calls and others."""

    calls: list[Draft]
    """The spans that count, in their order."""
    repeated: int
    """The number of spans whose call another span represents."""
    others: int
    """The number of spans that are not model calls."""


def sort_spans(drafts: Sequence[Draft]) -> SortedSpans:
    """The calls among the spans, each call once."""
    calls = [draft for draft in drafts if request_type(draft.attributes, draft.kind) is not None]
    dropped = _repeated_calls(calls, drafts) if len(calls) > 1 else set()
    counted = [draft for draft in calls if id(draft) not in dropped]
    return SortedSpans(counted, len(dropped), len(drafts) - len(calls))


def request_type(values: dict[str, Any], kind: Any = None) -> str | None:
    """The request type of a span with these attributes; None for a span that is not a model call."""
    attributes = Attributes(values)
    if openinference_kind := attributes.text(names.OPENINFERENCE_KIND):
        return _KINDS.get(openinference_kind.upper())
    if operation := attributes.text(names.OPERATION):
        return _refined_type(attributes, _type_of_operation(operation))
    if attributes.text(names.TRACELOOP_KIND):
        return None
    if llm_type := attributes.text(names.LLM_REQUEST_TYPE):
        return _LLM_REQUEST_TYPES.get(llm_type.lower()) or _type_of_operation(llm_type)
    if sdk_operation := attributes.text(names.AI_SDK_OPERATION):
        return _AI_SDK_STEPS.get(sdk_operation.rpartition(".")[2])
    return _refined_type(attributes, UNKNOWN) if _is_probably_call(values, kind) else None


def _is_probably_call(values: dict[str, Any], kind: Any) -> bool:
    """Whether a span without an operation names a model, with usage or (except SERVER spans) a provider."""
    if not any(values.get(name) for name in _MODEL):
        return False
    if any(values.get(name) is not None for name in _USAGE):
        return True
    return kind != _SERVER and any(values.get(name) for name in names.PROVIDER)


def _type_of_operation(name: str) -> str | None:
    """The request type of an operation; None where it is not a model call."""
    name = name.lower()
    plain = name.removesuffix(_STREAM)
    for candidate in (plain, plain.removeprefix("a")):  # acompletion: the name of the async function
        if candidate in _REQUEST_TYPES:
            return candidate
        if candidate in _OPERATIONS:
            return _OPERATIONS[candidate]
    return None


def _refined_type(attributes: Attributes, general: str | None) -> str | None:
    """A general request type made specific by other attributes of the span."""
    if general not in {CHAT, UNKNOWN}:
        return general
    if gateway_type := _type_of_operation(attributes.text(names.GATEWAY_REQUEST_TYPE) or ""):
        return gateway_type
    return "responses" if attributes.text(names.API_TYPE) == "responses" else general


def _repeated_calls(calls: Iterable[Draft], drafts: Iterable[Draft]) -> set[int]:
    """The `id` of each call that another span represents."""
    parents = {_span_key(draft): _parent_key(draft) for draft in drafts}
    calls_by_key = {_span_key(call): call for call in calls}
    dropped: set[int] = set()
    for inner in calls:
        ancestors = _ancestors(inner, parents)
        outer = next((calls_by_key[key] for key in ancestors if key in calls_by_key), None)
        if outer is not None and _is_same_call(outer, inner):
            dropped.add(id(inner if _has_usage(outer) and not _has_usage(inner) else outer))
    return dropped


def _ancestors(span: Draft, parents: dict[Any, Any]) -> Iterator[Any]:
    """The keys of the spans around `span`, from the inside out, as far as the request has them."""
    key = _parent_key(span)
    for _ in range(_MAX_DEPTH):
        if key not in parents:
            return
        yield key
        key = parents[key]


def _span_key(span: Draft) -> tuple[str, str]:
    return str(span.trace_id).lower(), str(span.span_id).lower()


def _parent_key(span: Draft) -> tuple[str, str]:
    return str(span.trace_id).lower(), str(span.parent_span_id or "").lower()


def _is_same_call(outer: Draft, inner: Draft) -> bool:
    if outer is inner or _has_failed(outer) != _has_failed(inner):
        return False
    ids = {_first_scalar(span, names.RESPONSE_ID) for span in (outer, inner)}
    if None not in ids:
        return len(ids) == 1
    models = [set(_models(span)) for span in (outer, inner)]
    if models[0] and models[1] and models[0].isdisjoint(models[1]):
        return False
    return _counts_agree(outer, inner, names.OUTPUT_TOKENS) and _counts_agree(
        outer, inner, names.INPUT_TOKENS
    )


def _models(span: Draft) -> Iterator[str]:
    values = (span.attributes.get(name) for name in _MODEL)
    return (model for model in values if isinstance(model, str))


def _counts_agree(outer: Draft, inner: Draft, meaning: names.Spellings) -> bool:
    counts = {_first_scalar(span, meaning) for span in (outer, inner)} - {None}
    return len(counts) < 2  # noqa: PLR2004 - equal, or stated only once


def _first_scalar(span: Draft, meaning: names.Spellings) -> Any:
    values = (span.attributes.get(name) for name in meaning)
    return next((value for value in values if isinstance(value, str | int | Decimal)), None)


def _has_usage(span: Draft) -> bool:
    return any(span.attributes.get(name) for name in _USAGE)


def _has_failed(span: Draft) -> bool:
    return bool(span.status_code == ERROR)
