"""Calls: which spans of a trace are model calls, and of which type.

Only inference counts. The span of an agent, workflow, chain or tool has the sums of the calls inside it, so
it is skipped; sending it is not an error. Several spans may show the same call: see
`ingest.model.call_span`.
"""

from typing import Any, Final

from ingest.formats.otel import names
from ingest.formats.otel.attributes import Attributes

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
_AI_SDK_STEPS: Final = {
    "doGenerate": CHAT,
    "doStream": CHAT,
    "doEmbed": "embedding",
    "doRerank": "rerank",
}
"""Vercel's AI SDK has one span for its function, with sums, and one span for each call inside."""
_SERVER: Final = 2
"""The span kind SERVER: the span of a gateway or application. It is a call only if it has usage."""


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
