"""Calls: which spans of a trace are calls of a model, and which of two spans are the same call.

Only inference counts. A span of an agent, a workflow, a chain or a tool carries sums of what happens inside it, so it is
passed over; it is not a fault to send it.

Two instrumentations at once (a framework's and the SDK's under it) make two spans of one call, one inside the other.
Of two such spans the inner one counts, for it is nearest to the provider, or the outer one where only that knows the
usage. They are the same call if the one is inside the other with no third call between them, both ended alike, and
they have the same response id; or, where one has none, if no model, input or output that both state differs. This
can only be seen within one request: of spans that come in different ones, each is a call.
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
"""Operations whose name is not that of a request type of the ledger."""

_LLM_REQUEST_TYPES: Final = {"completion": "text_completion"}
"""What OpenLLMetry's older attribute calls otherwise."""

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
"""OpenInference's kinds of span that are calls of a model."""

_USAGE: Final = (*names.INPUT_TOKENS, *names.OUTPUT_TOKENS, *names.TOTAL_TOKENS)
_MODEL: Final = (*names.RESPONSE_MODEL, *names.REQUEST_MODEL)
_AI_SDK_STEPS: Final = {"doGenerate": CHAT, "doStream": CHAT, "doEmbed": "embedding"}
"""Vercel's AI SDK has a span for its function, which carries sums, and one for each call in it."""
_DEEPEST: Final = 256
_SERVER: Final = 2
"""The kind of a span that answers a request: a gateway's or an application's own, unless it knows the usage."""


class Sorted(NamedTuple):
    """The spans of one request."""

    calls: list[Draft]
    """Those that count, in their order."""
    repeated: int
    """How many are a call that another one stands for."""
    others: int
    """How many are no call of a model."""


def sort(drafts: Sequence[Draft]) -> Sorted:
    """Tell calls from other spans, each call once."""
    calls = [one for one in drafts if request_type(one.attributes, one.kind) is not None]
    dropped = _repeated(calls, drafts) if len(calls) > 1 else set()
    counted = [one for one in calls if id(one) not in dropped]
    return Sorted(counted, len(dropped), len(drafts) - len(calls))


def request_type(held: dict[str, Any], kind: Any = None) -> str | None:
    """The request type of the call that a span with these attributes is; None for a span that is none."""
    said = Attributes(held)
    if inference := said.text(names.OPENINFERENCE_KIND):
        return _KINDS.get(inference.upper())
    if operation := said.text(names.OPERATION):
        return _specific(said, _operation(operation))
    if said.text(names.TRACELOOP_KIND):
        return None
    if asked := said.text(names.LLM_REQUEST_TYPE):
        return _LLM_REQUEST_TYPES.get(asked.lower()) or _operation(asked)
    if step := said.text(names.AI_SDK_OPERATION):
        return _AI_SDK_STEPS.get(step.rpartition(".")[2])
    return _specific(said, UNKNOWN) if _looks_like_a_call(held, kind) else None


def _looks_like_a_call(held: dict[str, Any], kind: Any) -> bool:
    """Whether a span that does not say what it is names a model, and a provider or what was used of it."""
    if not any(held.get(name) for name in _MODEL):
        return False
    if any(held.get(name) is not None for name in _USAGE):
        return True
    return kind != _SERVER and any(held.get(name) for name in names.PROVIDER)


def _operation(name: str) -> str | None:
    """The request type of an operation; None where it is none that calls a model."""
    name = name.lower()
    plain = name.removesuffix(_STREAM)
    for one in (plain, plain.removeprefix("a")):  # some name an operation after the function: acompletion
        if one in _REQUEST_TYPES:
            return one
        if one in _OPERATIONS:
            return _OPERATIONS[one]
    return None


def _specific(said: Attributes, found: str | None) -> str | None:
    """The request type, told more finely where the span does."""
    if found not in {CHAT, UNKNOWN}:
        return found
    if exact := _operation(said.text(names.GATEWAY_REQUEST_TYPE) or ""):
        return exact
    return "responses" if said.text(names.API_TYPE) == "responses" else found


def _repeated(calls: Iterable[Draft], drafts: Iterable[Draft]) -> set[int]:
    """The calls that another one stands for, by `id`."""
    parents = {_place(one): _parent(one) for one in drafts}
    known = {_place(one): one for one in calls}
    dropped: set[int] = set()
    for inner in calls:
        outer = next((known[place] for place in _above(inner, parents) if place in known), None)
        if outer is not None and _is_same(outer, inner):
            dropped.add(id(inner if _has_usage(outer) and not _has_usage(inner) else outer))
    return dropped


def _above(span: Draft, parents: dict[Any, Any]) -> Iterator[Any]:
    """Where the spans around `span` are, from the inside out, as far as this request has them."""
    place = _parent(span)
    for _ in range(_DEEPEST):
        if place not in parents:
            return
        yield place
        place = parents[place]


def _place(span: Draft) -> tuple[str, str]:
    return str(span.trace_id).lower(), str(span.span_id).lower()


def _parent(span: Draft) -> tuple[str, str]:
    return str(span.trace_id).lower(), str(span.parent_span_id or "").lower()


def _is_same(outer: Draft, inner: Draft) -> bool:
    if outer is inner or _failed(outer) != _failed(inner):
        return False
    ids = {_said(one, names.RESPONSE_ID) for one in (outer, inner)}
    if None not in ids:
        return len(ids) == 1
    models = [set(_models(one)) for one in (outer, inner)]
    if models[0] and models[1] and models[0].isdisjoint(models[1]):
        return False
    return _agree(outer, inner, names.OUTPUT_TOKENS) and _agree(outer, inner, names.INPUT_TOKENS)


def _models(span: Draft) -> Iterator[str]:
    values = (span.attributes.get(name) for name in _MODEL)
    return (one for one in values if isinstance(one, str))


def _agree(outer: Draft, inner: Draft, meaning: names.Spellings) -> bool:
    counts = {_said(one, meaning) for one in (outer, inner)} - {None}
    return len(counts) < 2  # noqa: PLR2004 - both say the same, or one of them nothing


def _said(span: Draft, meaning: names.Spellings) -> Any:
    values = (span.attributes.get(name) for name in meaning)
    return next((one for one in values if isinstance(one, str | int | Decimal)), None)


def _has_usage(span: Draft) -> bool:
    return any(span.attributes.get(name) for name in _USAGE)


def _failed(span: Draft) -> bool:
    return bool(span.status_code == ERROR)
