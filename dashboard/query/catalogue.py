"""The catalogue: every metric and dimension that can be asked for, declared once.

A metric names the measures it needs and computes its value from their sums (`dashboard.query.sums`). Some
measures are not stored but computed while summing: `errors`, `unpriced_requests` and `priced_tokens` (the
tokens of priced calls), as are `list_cost` and `contracted_cost`, in which a reported cost counts as itself.
Money is an exact Decimal. A ratio of money is rounded once, half to even, at 12
decimals. A ratio without calls is None, a sum without calls is 0. Latencies are in milliseconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Final, Literal

from dashboard.query.sums import Sums
from ingest.model import money

Value = int | float | Decimal | None
Kind = Literal["time", "term", "flag", "person", "owner", "place", "event_term", "codes", "text", "label"]
LABEL_PREFIX: Final = "label:"


class Unit(StrEnum):
    """The unit of a metric."""

    COUNT = "count"
    TOKENS = "tokens"
    MONEY = "money"
    RATIO = "ratio"
    MILLISECONDS = "ms"
    PER_SECOND = "tokens/s"


@dataclass(frozen=True)
class Metric:
    """A number that a question can ask for."""

    key: str
    label: str
    unit: Unit
    definition: str
    needs: tuple[str, ...]
    value: Callable[[Sums], Value]
    additive: bool = True
    """Whether the values of parts add up to the value of the whole."""

    @property
    def is_money(self) -> bool:
        """Whether the values are amounts of a currency."""
        return self.unit is Unit.MONEY

    @property
    def is_percentile(self) -> bool:
        """Whether the metric is read from a histogram, which takes far longer than a sum."""
        return any(measure.endswith("_histogram") for measure in self.needs)


@dataclass(frozen=True)
class Dimension:
    """A property of calls that questions can group by and filter on."""

    key: str
    label: str
    definition: str
    kind: Kind
    """How the ledger stores it: a term or a flag of the call, a person (directory entry) or a place (term) of
    its attribution, an owner on the day of the call (directory entry), or a term (`event_term`), a term
    of codes with commas between them (`codes`), a text or a label that only events have."""


def _count(key: str, label: str, definition: str, unit: Unit = Unit.TOKENS) -> Metric:
    return Metric(key, label, unit, definition, (key,), lambda sums: sums[key])


def _cost(key: str, label: str, definition: str, measure: str | None = None) -> Metric:
    name = measure or key
    return Metric(key, label, Unit.MONEY, definition, (name,), lambda sums: money.from_pico(sums[name]))


def _percentile(key: str, label: str, histogram: str, q: float) -> Metric:
    definition = f"The time that {q:.0%} of the timed calls did not exceed, at most 1% off."
    return Metric(
        key,
        label,
        Unit.MILLISECONDS,
        definition,
        (histogram,),
        lambda s: _ms(s.percentile(histogram, q)),
        additive=False,
    )


_ratio = partial(Metric, additive=False)


def _ms(microseconds: float | None) -> float | None:
    return None if microseconds is None else round(microseconds / 1000, 3)


def _divided(numerator: int, denominator: int, digits: int) -> float | None:
    return round(numerator / denominator, digits) if denominator else None


def _money_per(pico: int, denominator: int) -> Decimal | None:
    return money.from_pico(money.divide_half_even(pico, denominator)) if denominator else None


def _cost_per_request(sums: Sums) -> Decimal | None:
    return _money_per(sums["total_cost"], sums["requests"] - sums["unpriced_requests"])


def _cost_per_million_tokens(sums: Sums) -> Decimal | None:
    return _money_per(sums["total_cost"] * 1_000_000, sums["priced_tokens"])


_ALL_METRICS = (
    _count(
        "requests",
        "Requests",
        "Calls of a model: errors, cancelled calls and cache hits included.",
        Unit.COUNT,
    ),
    _count("errors", "Errors", "Calls whose status is error.", Unit.COUNT),
    _ratio(
        "error_rate",
        "Error rate",
        Unit.RATIO,
        "Errors divided by requests; nothing where there are no requests.",
        ("errors", "requests"),
        lambda sums: _divided(sums["errors"], sums["requests"], 6),
    ),
    _count("input_tokens", "Input tokens", "All input tokens, cache reads and writes included."),
    _count("output_tokens", "Output tokens", "All output tokens, reasoning included."),
    _count("total_tokens", "Total tokens", "Input and output tokens together."),
    _count("cache_read_tokens", "Cache read tokens", "Input tokens read from a provider's prompt cache."),
    _count("cache_write_tokens", "Cache write tokens", "Input tokens written to a provider's prompt cache."),
    _count("reasoning_tokens", "Reasoning tokens", "Output tokens spent on reasoning."),
    _count("search_queries", "Search queries", "Web searches that calls made.", Unit.COUNT),
    _cost(
        "total_cost",
        "Spend",
        "The sum of the priced calls; unpriced calls are left out and counted beside it.",
    ),
    _cost(
        "list_cost",
        "List cost",
        "What computed calls would have cost by published prices, and other priced calls as they cost.",
    ),
    _cost(
        "contracted_cost",
        "Contracted cost",
        "What computed calls cost after discounts, before mark-ups, and other priced calls as they cost.",
    ),
    _cost("input_cost", "Input cost", "What uncached input cost."),
    _cost("output_cost", "Output cost", "What output cost, reasoning that is billed on its own left out."),
    _cost("reasoning_cost", "Reasoning cost", "What reasoning cost where it is billed on its own."),
    _cost("citation_cost", "Citation cost", "What citations cost."),
    _cost("search_cost", "Search cost", "What web searches cost."),
    _cost("request_cost", "Request cost", "What was charged per request."),
    _cost(
        "cache_savings",
        "Cache savings",
        "What caching saved, less what writing the cache cost.",
        "saved_cost",
    ),
    _count(
        "unpriced_requests",
        "Unpriced requests",
        "Calls whose cost is not known; no sum holds them.",
        Unit.COUNT,
    ),
    _count(
        "flagged_requests",
        "Flagged requests",
        "Calls of which a part is doubtful; they count in full, and `flag` says what is doubtful.",
        Unit.COUNT,
    ),
    _ratio(
        "cost_per_request",
        "Cost per request",
        Unit.MONEY,
        "Spend divided by priced requests (free ones included); nothing where no request is priced.",
        ("total_cost", "requests", "unpriced_requests"),
        _cost_per_request,
    ),
    _ratio(
        "cost_per_million_tokens",
        "Cost per million tokens",
        Unit.MONEY,
        "Spend divided by millions of total tokens of priced requests; nothing where they have no tokens.",
        ("total_cost", "priced_tokens"),
        _cost_per_million_tokens,
    ),
    _percentile("latency_p50", "Latency p50", "latency_histogram", 0.50),
    _percentile("latency_p90", "Latency p90", "latency_histogram", 0.90),
    _percentile("latency_p95", "Latency p95", "latency_histogram", 0.95),
    _percentile("latency_p99", "Latency p99", "latency_histogram", 0.99),
    _ratio(
        "latency_avg",
        "Latency average",
        Unit.MILLISECONDS,
        "The sum of latencies divided by the calls that have one; nothing where none has.",
        ("latency_us", "timed_requests"),
        lambda sums: _divided(sums["latency_us"], sums["timed_requests"] * 1000, 3),
    ),
    _percentile("ttft_p50", "Time to first token p50", "ttft_histogram", 0.50),
    _percentile("ttft_p95", "Time to first token p95", "ttft_histogram", 0.95),
    _ratio(
        "tokens_per_second",
        "Tokens per second",
        Unit.PER_SECOND,
        "Output tokens of timed calls divided by the sum of their latencies; nothing where no call is timed.",
        ("timed_output_tokens", "latency_us"),
        lambda sums: _divided(sums["timed_output_tokens"] * 1_000_000, sums["latency_us"], 3),
    ),
)

METRICS: Final = {metric.key: metric for metric in _ALL_METRICS}

DEFAULT_METRICS: Final = (
    "requests",
    "errors",
    "input_tokens",
    "output_tokens",
    "total_cost",
    "unpriced_requests",
)

_ALL_DIMENSIONS = (
    Dimension("time", "Time", "Hour, day, week (from Monday) or month of the question's time zone.", "time"),
    Dimension("provider", "Provider", "Who ran the model.", "term"),
    Dimension("model", "Model", "The model that was billed.", "term"),
    Dimension("model_requested", "Requested model", "The model that the caller asked for.", "term"),
    Dimension("virtual_key", "Virtual key", "The gateway's key that made the call.", "person"),
    Dimension(
        "team",
        "Team",
        "The team that owned the call on its day; where none did, what the gateway named.",
        "owner",
    ),
    Dimension(
        "customer",
        "Customer",
        "The customer of the team on the day of the call; where it had none, what the gateway named.",
        "owner",
    ),
    Dimension("cost_center", "Cost centre", "The cost centre of the team on the day of the call.", "owner"),
    Dimension("project", "Project", "The project that the call named.", "place"),
    Dimension("environment", "Environment", "The environment that the call named.", "place"),
    Dimension("end_user", "End user", "The person behind the call, as the caller named them.", "text"),
    Dimension(
        "session", "Session", "The conversation that the call is part of, as its source named it.", "text"
    ),
    Dimension("agent", "Agent", "The agent that made the call, as its source named it.", "event_term"),
    Dimension(
        "workflow", "Workflow", "The workflow that the call is part of, as its source named it.", "event_term"
    ),
    Dimension("request_type", "Request type", "Chat completion, embedding, speech and so on.", "term"),
    Dimension("status", "Status", "success, error or cancelled.", "term"),
    Dimension("service_tier", "Service tier", "The provider's tier that served the call.", "term"),
    Dimension("cache_hit", "Cache hit", "Whether the gateway answered from its own cache.", "flag"),
    Dimension("cost_source", "Cost source", "reported, computed, free or unpriced.", "term"),
    Dimension("source", "Source", "Where the record came from.", "term"),
    Dimension(
        "flag",
        "Flag",
        "What is doubtful of the call: part_dropped, cost_far_off and so on. Several have commas between them; "
        "a filter names one of them.",
        "codes",
    ),
    Dimension("currency", "Currency", "The currency of the call's cost.", "term"),
)

DIMENSIONS: Final = {dimension.key: dimension for dimension in _ALL_DIMENSIONS}


def dimension(key: str) -> Dimension | None:
    """The dimension with this key; `label:<name>` is the dimension of a label. None for an unknown key."""
    name = key.removeprefix(LABEL_PREFIX)
    if name != key and name:
        return Dimension(key, name, f"The label {name!r} that the call carries.", "label")
    return DIMENSIONS.get(key)


def column_of(key: str) -> str:
    """The column of a term or of codes that calls have, as the id of a text."""
    return "flags_id" if key == "flag" else f"{key}_id"


def kind_of(key: str) -> Kind | None:
    """The kind of the dimension with this key; None for an unknown key."""
    known = dimension(key)
    return known.kind if known else None
