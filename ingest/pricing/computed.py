"""The computed cost: quantities times rates, in exclusive components, each rounded once.

* Tokens of a kind without a rate of its own are charged as the kind that holds them: audio, images and cached tokens
  as input, reasoning and citations as output. No token is charged twice: cached tokens have the cache's rates whatever
  their modality, because usage does not say how the two overlap.
* Characters, seconds, pages, images and search units are charged where they have a rate. Without one they pass only
  where tokens count the same content. Tokens without a rate pass only where the model is sold by such a measure.
* Searches have a rate or the call is unpriced, also where the model is otherwise sold by tokens: unknown is never zero.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final

from ingest.event import UsageEvent
from ingest.money import LARGEST, MoneyError
from ingest.pricing.charge import Charge
from ingest.pricing.rates import MissingPrice, PriceSet, Unpriced

UNSTATED: Final = "USD"
"""The currency of events whose source states no money. What they cost is then in the currency of the prices."""


def tokens_of(event: UsageEvent) -> int:
    """What went in and came out."""
    return (event.input_tokens or 0) + (event.output_tokens or 0)


MEASURES: Final[tuple[tuple[str, Mapping[str, str], Callable[[UsageEvent], int | None]], ...]] = (
    ("characters", {"character": "input_cost"}, attrgetter("input_tokens")),
    ("pages", {"page": "input_cost"}, attrgetter("input_tokens")),
    ("audio_ms", {"input_audio_ms": "input_cost", "audio_ms": "other_cost"}, tokens_of),
    ("video_ms", {"video_ms": "output_cost"}, attrgetter("output_tokens")),
    ("images", {"image": "output_cost"}, attrgetter("output_tokens")),
    ("search_units", {"search_unit": "other_cost"}, tokens_of),
)
"""Counts other than tokens: the meters that can price them, by the component of each; the tokens of the same content."""

WITH_LEAST: Final = frozenset(meter for _, meters, _ in MEASURES for meter in meters)
"""Meters that a call can be billed a least quantity of; nobody sells tokens so."""


def compute(
    event: UsageEvent, prices: PriceSet | Unpriced, lookup: Charge | Unpriced | None
) -> Charge | Unpriced:
    """The cost of a call at `prices`, and of the cache look-up that came before it.

    Raises:
        MoneyError: it is more than one event can cost.
    """
    if isinstance(prices, Unpriced):
        return prices
    if isinstance(lookup, Unpriced):
        return lookup
    if event.currency != prices.currency and (event.reported is not None or event.currency != UNSTATED):
        return Unpriced(f"no price in {event.currency} for {prices.provider}/{prices.model}")
    try:
        return _charge(event, prices, lookup)
    except MissingPrice as missing:
        return Unpriced(f"no price for the meter {missing} of {prices.provider}/{prices.model}")


def _charge(event: UsageEvent, prices: PriceSet, lookup: Charge | None) -> Charge:
    owed: dict[str, int] = {}
    saved = 0
    if not _owe_measures(event, prices, owed) or "input" in prices.by_meter or "output" in prices.by_meter:
        saved = _owe_input(event, prices, owed)
        _owe_output(event, prices, owed)
    _owe_fees(event, prices, owed)
    if prices.steps:
        _owe_steps(event, prices, owed)
    costs: dict[str, Any] = owed
    if prices.denominator != 1 or prices.terms:
        costs = {component: prices.charged.of(one) for component, one in owed.items()}
        saved = prices.charged.of(saved)
    listed = contracted = total = sum(costs.values())
    if prices.terms:
        listed = prices.listed(owed.values())
        if prices.contracted != prices.charged:
            contracted = sum([prices.contracted.of(one) for one in owed.values()])
    if lookup is not None:
        costs["other_cost"] = costs.get("other_cost", 0) + (lookup.total_cost or 0)
        total += lookup.total_cost or 0
        listed += lookup.list_total or 0
        contracted += lookup.contracted_total or 0
    if max(total, listed) > LARGEST or abs(saved) > LARGEST:
        raise MoneyError(
            f"{prices.provider}/{prices.model}: the computed cost is larger than one event can cost"
        )
    return Charge(
        cost_source="computed",
        price_set=prices.digest,
        total_cost=total,
        computed_total=total,
        list_total=listed,
        contracted_total=contracted,
        saved_cost=saved,
        **costs,
    )


def _owe_input(event: UsageEvent, prices: PriceSet, owed: dict[str, int]) -> int:
    """Owe what went in. Returns what the provider's cache saved of it, less the surcharge of writing."""
    tokens = event.input_tokens
    if not tokens:
        return 0
    rates = prices.numerators
    plain = rates["input"]
    reads, writes = event.cache_read_tokens, event.cache_write_tokens
    saved = 0
    if reads:
        owed["cache_read_cost"] = read = reads * rates["cache_read"]
        saved = reads * plain - read
        tokens -= reads
    if writes:
        hours = event.cache_write_1h_tokens or 0
        owed["cache_write_cost"] = written = (writes - hours) * rates["cache_write"] + hours * rates[
            "cache_write_1h"
        ]
        saved += writes * plain - written
        tokens -= writes
    owed["input_cost"] = owed.get("input_cost", 0) + tokens * plain
    audio, images = event.input_audio_tokens, event.input_image_tokens
    if audio or images:
        audio = min(audio or 0, tokens)
        images = min(images or 0, tokens - audio)
        owed["input_cost"] += audio * (rates["input_audio"] - plain) + images * (rates["input_image"] - plain)
    return saved


def _owe_output(event: UsageEvent, prices: PriceSet, owed: dict[str, int]) -> None:
    """Owe what came out, reasoning and citations apart where they have rates of their own."""
    tokens = event.output_tokens
    if not tokens:
        return
    rates = prices.numerators
    plain = rates["output"]
    measured = owed.get("output_cost", 0)
    audio, images = event.output_audio_tokens, event.output_image_tokens
    if audio or images:
        audio = min(audio or 0, tokens)
        images = min(images or 0, tokens - audio)
        measured += audio * rates["output_audio"] + images * rates["output_image"]
        tokens -= audio + images
    if event.reasoning_tokens and "reasoning" in prices.by_meter:
        reasoning = min(event.reasoning_tokens, tokens)
        owed["reasoning_cost"] = reasoning * rates["reasoning"]
        tokens -= reasoning
    if event.citation_tokens and "citation" in prices.by_meter:
        citations = min(event.citation_tokens, tokens)
        owed["citation_cost"] = citations * rates["citation"]
        tokens -= citations
    owed["output_cost"] = measured + tokens * plain


def _owe_fees(event: UsageEvent, prices: PriceSet, owed: dict[str, int]) -> None:
    """Owe what is counted in calls: searches, the request itself, and calls of tools where these are sold."""
    if event.search_queries:
        owed["search_cost"] = event.search_queries * prices.numerators["search"]
    if "request" in prices.by_meter:
        owed["request_cost"] = prices.numerators["request"]
    if event.tool_calls and "tool_call" in prices.by_meter:
        owed["tool_cost"] = event.tool_calls * prices.numerators["tool_call"]


STEPPED: Final[Mapping[str, tuple[str, Callable[[UsageEvent], int | None]]]] = {
    "input": ("input_cost", lambda event: (event.input_tokens or 0) - _cached(event)),
    "cache_read": ("cache_read_cost", attrgetter("cache_read_tokens")),
    "cache_write": ("cache_write_cost", attrgetter("cache_write_tokens")),
    "output": ("output_cost", attrgetter("output_tokens")),
    "search": ("search_cost", attrgetter("search_queries")),
    "character": ("input_cost", attrgetter("characters")),
    "page": ("input_cost", attrgetter("pages")),
    "image": ("output_cost", attrgetter("images")),
}
"""Meters that can have marginal prices: the component of each, and how much of it a call has."""

MARGINAL: Final = frozenset(STEPPED)
"""Meters that can have marginal prices."""


def _cached(event: UsageEvent) -> int:
    return (event.cache_read_tokens or 0) + (event.cache_write_tokens or 0)


def _owe_steps(event: UsageEvent, prices: PriceSet, owed: dict[str, int]) -> None:
    """Owe what units above the start of a marginal price cost more (or less) than those below."""
    before: dict[str, int] = {}
    for step, numerator in zip(prices.steps, prices.step_numerators, strict=True):
        component, count = STEPPED[step.meter]
        beyond = (count(event) or 0) - step.above
        if beyond > 0:
            lower = before.get(step.meter, prices.numerators[step.meter])
            owed[component] = owed.get(component, 0) + beyond * (numerator - lower)
        before[step.meter] = numerator


def _owe_measures(event: UsageEvent, prices: PriceSet, owed: dict[str, int]) -> bool:
    """Owe what is counted in something else than tokens. Returns whether anything was."""
    if not (
        event.characters
        or event.pages
        or event.audio_ms
        or event.video_ms
        or event.images
        or event.search_units
    ):
        if event.total_tokens and not tokens_of(event):
            raise MissingPrice("total_tokens")
        return False
    for name, meters, same_content in MEASURES:
        count = getattr(event, name)
        if not count:
            continue
        meter = next((one for one in meters if one in prices.by_meter), None)
        if meter is not None:
            component = meters[meter]
            billed = max(count, prices.by_meter[meter].least)
            owed[component] = owed.get(component, 0) + billed * prices.numerators[meter]
        elif not same_content(event):
            raise MissingPrice(name)
    return bool(owed)
