"""Call spans: which spans of a trace show the same call, and which of them stands for it.

Several instrumentations may watch one call: of the provider's SDK, by the SDK itself, of a framework above
it. Each makes a span, inside the other or beside it, and sends it when and with whom it likes. So the rule
looks at all spans of a trace together, whatever order they came in:

* Spans show the same call if they were made by different instrumentations (scopes), share a moment, were not
  sent with different virtual keys, and do not contradict each other: they have the same response id, or one
  states none, both succeeded or both failed, and no model, input or output that both state differs.
* A call has at most one span of each scope. Where several could be its span, in this order: the same response
  id (with the same counts before others), the parent or child, the same counts, the others; and the one that
  surrounds the other most closely.
* Two spans of one scope are two calls, with two exceptions: the child of a span, and a record of no length
  that states the usage of a stream whose span ended, without usage, when the stream began.
* The most complete span stands.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, Self

import msgspec

LONGEST_STREAM: Final = 3_600_000_000
"""Microseconds: how long after its span the usage of a stream may be recorded."""

_RUNNING: Final = 256
"""How many calls that run at the same time are compared with one more."""

_VERSION: Final = re.compile(r"[-@](\d{4,8}|\d{4}-\d{2}-\d{2}|latest)$")
"""The end of a model's name by which some instrumentations are more exact than others."""


class CallSpan(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a span says that tells its call from others. Times are microseconds UTC."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    scope: str
    """The name of the instrumentation; empty if unknown."""
    response_id: str | None
    started_at: int
    ended_at: int
    model: str | None
    model_requested: str | None
    input_tokens: int | None
    output_tokens: int | None
    succeeded: bool
    completeness: int
    """How much of the call the span knows; see `ingest.formats.otel.call_span`."""
    sent_with: str | None = None
    """The virtual key of the request that brought the span."""

    @property
    def earliest_at(self) -> int:
        """The earliest moment at which the call of this span may have begun."""
        return self.started_at - LONGEST_STREAM if _is_record(self) else self.started_at


def standing(spans: Iterable[CallSpan]) -> dict[str, str]:
    """The spans of a trace by their id, each with the id of the span that stands for its call."""
    trace = _Trace(spans)
    _join_records(trace)
    if len(trace.scopes) > 1:
        _pair(trace, _Call.response)
        _pair(trace, lambda call: call.response_id)
    _join_children(trace)
    if len(trace.scopes) > 1:
        _pair(trace, _Call.counts)
        _pair(trace, lambda _: ())
    stands: dict[str, str] = {}
    for call in trace.calls():
        best = max(call.spans, key=_rank).span_id
        stands.update((span.span_id, best) for span in call.spans)
    return stands


class _Call(NamedTuple):
    """Spans of one call, and what they say together."""

    spans: tuple[CallSpan, ...]
    scopes: frozenset[str]
    start: int
    end: int
    """Start and end are those of the time that all spans share."""
    response_id: str | None
    models: frozenset[str]
    input_tokens: int | None
    output_tokens: int | None
    succeeded: bool
    sent_with: str | None

    def response(self) -> tuple[str, int, int] | None:
        """Response id, input and output, if all are stated."""
        counts = self.counts()
        return None if self.response_id is None or counts is None else (self.response_id, *counts)

    def counts(self) -> tuple[int, int] | None:
        """Input and output, if both are stated."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens, self.output_tokens

    def joined(self, other: Self) -> "_Call":
        """The call of the spans of both."""
        first, second = (self, other) if _best(self) >= _best(other) else (other, self)
        return _Call(
            (*self.spans, *other.spans),
            self.scopes | other.scopes,
            max(self.start, other.start),
            min(self.end, other.end),
            first.response_id or second.response_id,
            self.models | other.models,
            second.input_tokens if first.input_tokens is None else first.input_tokens,
            second.output_tokens if first.output_tokens is None else first.output_tokens,
            first.succeeded,
            first.sent_with or second.sent_with,
        )


class _Trace:
    """The spans of a trace, sorted into calls so far."""

    def __init__(self, spans: Iterable[CallSpan]) -> None:
        self.spans = sorted(spans, key=lambda span: (span.started_at, -span.ended_at, span.span_id))
        self.scopes = sorted({span.scope for span in self.spans})
        self._by_id = {span.span_id: span for span in self.spans}
        self._calls = {span.span_id: _call_of(span) for span in self.spans}

    def parent(self, span: CallSpan) -> CallSpan | None:
        """The parent of a span, if it is a call too."""
        return self._by_id.get(span.parent_span_id or "")

    def call(self, span: CallSpan) -> _Call:
        """The call that a span is of."""
        return self._calls[span.span_id]

    def calls(self) -> list[_Call]:
        """All calls, in the order of their starts; of those that start together the longest first."""
        different = {id(call): call for call in self._calls.values()}.values()
        return sorted(different, key=lambda call: (call.start, -call.end, call.spans[0].span_id))

    def replace(self, call: _Call) -> _Call:
        """Make `call` the call of its spans."""
        self._calls.update((span.span_id, call) for span in call.spans)
        return call


def _call_of(span: CallSpan) -> _Call:
    names = (span.model, span.model_requested)
    return _Call(
        (span,),
        frozenset((span.scope,)),
        span.started_at,
        span.ended_at,
        span.response_id,
        frozenset(_plain_model(name) for name in names if name and name != "unknown"),
        span.input_tokens,
        span.output_tokens,
        span.succeeded,
        span.sent_with,
    )


@lru_cache(maxsize=4096)
def _plain_model(name: str) -> str:
    """A model's name without the provider before it and the version behind it."""
    return _VERSION.sub("", name.lower().rpartition("/")[2])


def _join_records(trace: _Trace) -> None:
    """Join each record of a stream's usage with the last span before it that can be that stream's."""
    begun: dict[Hashable, list[CallSpan]] = defaultdict(list)
    for span in trace.spans:
        if not _has_usage(span) and span.succeeded:
            begun[_stream_key(span)].append(span)
    for record in filter(_is_record, trace.spans):
        streams = begun[_stream_key(record)]
        before = [one for one in streams if record.earliest_at <= one.ended_at <= record.started_at]
        if before:
            streams.remove(stream := before[-1])
            whole = _call_of(stream).joined(_call_of(record))
            trace.replace(whole._replace(start=stream.started_at, end=record.ended_at))


def _stream_key(span: CallSpan) -> Hashable:
    return span.scope, span.parent_span_id, span.model_requested, span.sent_with


def _join_children(trace: _Trace) -> None:
    """Join each span with its parent, if they can be one call."""
    family = [(parent, span) for span in trace.spans if (parent := trace.parent(span)) is not None]
    with_child: set[tuple[str, str]] = set()
    for parent, span in sorted(family, key=lambda pair: not _is_alike(*map(_call_of, pair))):
        outer, inner = trace.call(parent), trace.call(span)
        link = (parent.span_id, span.scope)
        shared = outer.scopes & inner.scopes
        if outer is inner or link in with_child or not shared <= {parent.scope} & {span.scope}:
            continue
        if _share_time(outer, inner) and _can_be_one(outer, inner):
            trace.replace(outer.joined(inner))
            with_child.add(link)


def _pair(trace: _Trace, key: Callable[[_Call], Hashable]) -> None:
    """Join calls of different scopes that have the same key, one scope after the other."""
    for number, scope in enumerate(trace.scopes[1:], 2):
        for reaches in (_surrounds, _share_time):
            groups: dict[Hashable, list[_Call]] = defaultdict(list)
            for call in trace.calls():
                if call.scopes.issubset(trace.scopes[:number]) and (group := key(call)) is not None:
                    groups[group].append(call)
            for calls in groups.values():
                _pair_in_order(trace, calls, scope, reaches)


def _pair_in_order(
    trace: _Trace, calls: Sequence[_Call], scope: str, reaches: Callable[[_Call, _Call], bool]
) -> None:
    """Join calls that have a span of this scope with calls that have none.

    A call is joined with the call before it that reaches it and ends first. In the order of their starts this
    finds a partner for as many calls as possible.
    """
    running: list[_Call] = []
    for call in calls:
        running = [other for other in running if other.end >= call.start][-_RUNNING:]
        fitting = [
            other
            for other in running
            if (scope in call.scopes) != (scope in other.scopes)
            and other.scopes.isdisjoint(call.scopes)
            and reaches(other, call)
            and _can_be_one(other, call)
        ]
        if fitting:
            partner = min(fitting, key=lambda other: (other.end, -other.start, other.spans[0].span_id))
            running.remove(partner)
            trace.replace(partner.joined(call))
        else:
            running.append(call)


def _surrounds(outer: _Call, inner: _Call) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _share_time(one: _Call, other: _Call) -> bool:
    return max(one.start, other.start) <= min(one.end, other.end)


def _can_be_one(one: _Call, other: _Call) -> bool:
    """Whether nothing that both say tells them apart. The same response id tells more than all else."""
    if not _agree(one.sent_with, other.sent_with):
        return False
    if one.response_id and other.response_id:
        return one.response_id == other.response_id
    if one.succeeded != other.succeeded:
        return False
    if one.models and other.models and one.models.isdisjoint(other.models):
        return False
    return _agree(one.input_tokens, other.input_tokens) and _agree(one.output_tokens, other.output_tokens)


def _is_alike(one: _Call, other: _Call) -> bool:
    """Whether both say the same of what tells most."""
    if one.response_id and other.response_id:
        return one.response_id == other.response_id
    return one.counts() is not None and one.counts() == other.counts()


def _agree(one: int | str | None, other: int | str | None) -> bool:
    """Whether two facts are equal, or one of them is not stated."""
    return one is None or other is None or one == other


def _is_record(span: CallSpan) -> bool:
    """Whether the span has no length and yet knows a usage: a call that was recorded when it was over."""
    return span.started_at == span.ended_at and _has_usage(span)


def _has_usage(span: CallSpan) -> bool:
    return bool(span.input_tokens or span.output_tokens)


def _best(call: _Call) -> tuple[int, int, int, str]:
    return max(map(_rank, call.spans))


def _rank(span: CallSpan) -> tuple[int, int, int, str]:
    """The rank of a span among those of its call; of equally complete spans the inner one stands."""
    return span.completeness, span.started_at, -span.ended_at, span.span_id
