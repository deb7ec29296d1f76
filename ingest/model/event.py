"""The usage event: what one model call used, in one vocabulary whatever the source called it.

Names follow OpenTelemetry's GenAI conventions for usage and the gateway's own
words for the rest. A format fills an event; nothing after it changes what was
used. Two promises hold for every event that `check` has passed:

* **Inclusive totals, exclusive parts.** `input_tokens` includes cache reads and writes and `output_tokens`
  includes reasoning, whatever the provider's own convention. No part is larger than its whole.
* **Content stays out.** There is no field for a prompt, a completion, a tool argument or a raw body.

`None` means the source did not say. Times are microseconds since 1970-01-01 UTC; durations are microseconds;
reported amounts are pico-units (see `ingest.model.money`).
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import Final, Literal, NamedTuple

import msgspec

from ingest.model.call_span import CallSpan

MAX_COUNT: Final = 10**12
"""The largest count that is accepted; a larger one is a mistake of the sender."""

DIGEST: Final = "sha256:"
"""Prefix of a virtual key given as its hex SHA-256, by sources that know only the hash.

It means the same key.
"""

ARRIVAL: Final = "arrival:"
"""Prefix of the key of a call that is known by its arrival alone."""

Status = Literal["success", "error", "cancelled"]


class ReportedCost(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the source says the call cost, in pico-units, in exclusive components.

    `total` None means that only parts were reported. Pricing books what the
    total holds beyond its parts to `other`.
    """

    input: int | None = None
    output: int | None = None
    reasoning: int | None = None
    citation: int | None = None
    search: int | None = None
    request: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    tool: int | None = None
    other: int | None = None
    total: int | None = None
    believed_zero: bool = False
    """Whether a total of 0 with billable tokens is true (most sources write 0 when they do not know)."""


class Former(NamedTuple):
    """Provider, model and key of a call in ledgers with the first version of the content hash."""

    provider: str
    model: str
    key: str | None
    facts: Mapping[str, int | None] | None = None
    """Counts that were read otherwise, by their fields."""


class UsageEvent(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One model call. All fields but `reported`, `former` and `span` are columns of `usage_event`."""

    # identity
    source: str
    source_event_id: str | None = None
    parent_id: str | None = None
    trace_id: str | None = None
    attempt: int | None = None
    source_updated_at: int | None = None
    # when
    occurred_at: int | None = None
    # call
    request_type: str = "unknown"
    object: str | None = None
    provider: str = "unknown"
    model: str = "unknown"
    model_requested: str | None = None
    model_deployment: str | None = None
    provider_key: str | None = None
    service_tier: str | None = None
    region: str | None = None
    system_fingerprint: str | None = None
    stream: bool | None = None
    chunk_count: int | None = None
    choices: int | None = None
    tool_calls: int | None = None
    url_citations: int | None = None
    finish_reason: str | None = None
    status: Status = "success"
    error_type: str | None = None
    error_code: str | None = None
    # who
    virtual_key: str | None = None
    virtual_key_name: str | None = None
    team: str | None = None
    team_name: str | None = None
    customer: str | None = None
    customer_name: str | None = None
    business_unit: str | None = None
    business_unit_name: str | None = None
    project: str | None = None
    environment: str | None = None
    application: str | None = None
    user: str | None = None
    end_user: str | None = None
    labels: dict[str, str] | None = None
    # speed
    latency_us: int | None = None
    time_to_first_token_us: int | None = None
    upstream_latency_us: int | None = None
    retries: int | None = None
    # input tokens
    input_tokens: int | None = None
    input_text_tokens: int | None = None
    input_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    # output tokens
    output_tokens: int | None = None
    output_text_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_image_tokens: int | None = None
    reasoning_tokens: int | None = None
    citation_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None
    # other meters
    total_tokens: int | None = None
    search_queries: int | None = None
    audio_ms: int | None = None
    video_ms: int | None = None
    characters: int | None = None
    images: int | None = None
    pages: int | None = None
    search_units: int | None = None
    # cache
    cache_hit: bool | None = None
    cache_hit_type: str | None = None
    cache_id: str | None = None
    cache_requested_provider: str | None = None
    cache_requested_model: str | None = None
    cache_used_provider: str | None = None
    cache_used_model: str | None = None
    cache_similarity: str | None = None
    cache_threshold: str | None = None
    cache_lookup_tokens: int | None = None
    replayed_input_tokens: int | None = None
    replayed_output_tokens: int | None = None
    replayed_cache_read_tokens: int | None = None
    replayed_cache_write_tokens: int | None = None
    replayed_total_tokens: int | None = None
    # money as the source has it
    currency: str = "USD"
    reported: ReportedCost | None = None
    # images: these two came later, and stand last so that the hash of a call without them stays what it was
    image_size: str | None = None
    image_quality: str | None = None
    # outside the hash of the content: where the call was made, and what is doubtful of it
    session: str | None = None
    agent: str | None = None
    workflow: str | None = None
    flags: tuple[str, ...] | None = None
    # outside the hash too: parts of the cached tokens, of which older ledgers know only the sum
    cache_read_audio_tokens: int | None = None
    cache_read_image_tokens: int | None = None
    cache_write_12h_tokens: int | None = None
    # not stored: how a release before this one named the call, where it was otherwise
    former: Former | None = None
    # not stored here: what tells the call of a span from others
    span: CallSpan | None = None


_NO_COLUMNS: Final = frozenset(("reported", "former", "span"))

COLUMNS: Final = tuple(name for name in UsageEvent.__struct_fields__ if name not in _NO_COLUMNS)
"""The event's own columns: every field but the nested reported cost, which pricing turns into a charge, the
former identity, and the span."""

_INPUT_PARTS = (
    "input_text_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
)
_INPUT_MODALITIES = ("input_text_tokens", "input_audio_tokens", "input_image_tokens")
_OUTPUT_MODALITIES = ("output_text_tokens", "output_audio_tokens", "output_image_tokens")
_OUTPUT_PARTS = (
    "output_text_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "reasoning_tokens",
    "citation_tokens",
    "accepted_prediction_tokens",
    "rejected_prediction_tokens",
)
_SPLIT_CACHE = (
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "cache_write_12h_tokens",
    "cache_read_audio_tokens",
    "cache_read_image_tokens",
)
_input_parts = attrgetter(*_INPUT_PARTS)
_output_parts = attrgetter(*_OUTPUT_PARTS)
_all_parts = attrgetter(*_INPUT_PARTS, *_OUTPUT_PARTS, *_SPLIT_CACHE)


class ImpossibleCount(ValueError):
    """A count that is larger than its total; `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check(event: UsageEvent) -> None:
    """Refuse an event whose parts do not fit their whole.

    Raises:
        ImpossibleCount: a part is larger than its total; both numbers are in the message.
    """
    if any(_all_parts(event)):
        _fit_parts(event)
    _fit_total(event)


def _fit_parts(event: UsageEvent) -> None:
    _fit(_INPUT_PARTS, _input_parts(event), "input_tokens", event.input_tokens or 0)
    cached = (event.cache_read_tokens or 0) + (event.cache_write_tokens or 0)
    _fit(("cache_read_tokens + cache_write_tokens",), (cached,), "input_tokens", event.input_tokens or 0)
    _fit(_OUTPUT_PARTS, _output_parts(event), "output_tokens", event.output_tokens or 0)
    _fit_together(_INPUT_MODALITIES, event, "input_tokens")
    _fit_together(_OUTPUT_MODALITIES, event, "output_tokens")
    split = (event.cache_write_5m_tokens or 0) + (event.cache_write_1h_tokens or 0)
    name = ("cache_write_5m_tokens + cache_write_1h_tokens",)
    _fit(name, (split,), "cache_write_tokens", event.cache_write_tokens or 0)
    if event.cache_write_12h_tokens:
        split += event.cache_write_12h_tokens
        name = ("cache_write_12h_tokens and shorter ones",)
        _fit(name, (split,), "cache_write_tokens", event.cache_write_tokens or 0)
    for kind in ("audio", "image"):
        part = f"cache_read_{kind}_tokens"
        if cached := getattr(event, part):
            _fit((part,), (cached,), "cache_read_tokens", event.cache_read_tokens or 0)
            _fit((part,), (cached,), f"input_{kind}_tokens", getattr(event, f"input_{kind}_tokens") or 0)


def _fit_together(parts: tuple[str, ...], event: UsageEvent, whole: str) -> None:
    """Refuse parts that exclude each other and together are larger than their whole."""
    counts = [getattr(event, part) for part in parts]
    together = sum(filter(None, counts))
    total = getattr(event, whole) or 0
    if together > total:
        names = " + ".join(part for part, count in zip(parts, counts, strict=True) if count)
        raise ImpossibleCount(parts[0], f"{names} ({together}) cannot be larger than {whole} ({total})")


def _fit_total(event: UsageEvent) -> None:
    """Refuse a total of tokens that is not input and output.

    Replayed tokens may be in it too, the tokens of audio that is counted in seconds, and input or output
    that is not stated.
    """
    total, tokens = event.total_tokens, (event.input_tokens or 0) + (event.output_tokens or 0)
    if total is None or total == tokens:
        return
    replayed = (event.replayed_input_tokens or 0) + (event.replayed_output_tokens or 0)
    may_hold_more = bool(event.audio_ms) or None in {event.input_tokens, event.output_tokens}
    if total > tokens and (total <= tokens + replayed or may_hold_more):
        return
    raise ImpossibleCount(
        "total_tokens",
        f"total_tokens ({total}) cannot be {'smaller' if total < tokens else 'larger'} "
        f"than input_tokens + output_tokens ({tokens})",
    )


def _fit(names: tuple[str, ...], parts: tuple[int | None, ...], whole: str, total: int) -> None:
    for count in parts:
        if count is not None and count > total:
            part = names[parts.index(count)]
            raise ImpossibleCount(part, f"{part} ({count}) cannot be larger than {whole} ({total})")


def billable_tokens(event: UsageEvent) -> int:
    """The tokens the call is billed for; used to rank versions and to doubt a reported cost of zero."""
    return max((event.input_tokens or 0) + (event.output_tokens or 0), event.total_tokens or 0)


def billable_units(event: UsageEvent) -> int:
    """Tokens and all other billable meters of the call together; 0 means that there is nothing to bill."""
    return billable_tokens(event) + sum(
        meter or 0
        for meter in (
            event.search_queries,
            event.audio_ms,
            event.video_ms,
            event.characters,
            event.images,
            event.pages,
            event.search_units,
        )
    )
