"""The computed cost: quantities times rates, in exclusive components, each rounded once.

Tokens of a kind without a rate of its own are charged as the kind that holds them: audio, images and cached tokens as
input, reasoning and citations as output. Cached tokens are charged at the cache's rates whatever their modality,
because usage does not say how the two overlap. A meter that nothing holds (searches, characters, seconds, pages) has
a rate, or the call is unpriced.
"""

from typing import NamedTuple

from ingest.event import UsageEvent
from ingest.money import LARGEST, MoneyError
from ingest.pricing.book import Unpriced
from ingest.pricing.rates import PriceSet


class Computed(NamedTuple):
    """A cost in pico-units by component, and the prices it was computed with. None is a component that did not occur."""

    prices: PriceSet
    input: int | None
    output: int | None
    reasoning: int | None
    citation: int | None
    search: int | None
    request: int | None
    cache_read: int | None
    cache_write: int | None
    other: int | None
    total: int
    saved: int
    """What the provider's cache saved: reads at the difference to the input price, less the surcharge of writes."""


class _NoRate(Exception):
    """A meter was used that the prices say nothing about."""


def compute(
    event: UsageEvent, prices: PriceSet | Unpriced, lookup: int | Unpriced | None
) -> Computed | Unpriced:
    """The cost of a call at `prices`, and of the cache look-up that came before it.

    Raises:
        MoneyError: it is more than one event can cost.
    """
    if isinstance(prices, Unpriced):
        return prices
    if isinstance(lookup, Unpriced):
        return lookup
    try:
        computed = _computed(event, prices, lookup)
    except _NoRate as missing:
        return Unpriced(f"no price for the meter {missing} of {prices.provider}/{prices.model}")
    if computed.total > LARGEST:
        raise MoneyError(
            f"{prices.provider}/{prices.model}: the computed cost is larger than one event can cost"
        )
    return computed


def _computed(event: UsageEvent, prices: PriceSet, lookup: int | None) -> Computed:
    read, write, saved = _cached(event, prices)
    output, reasoning, citation = _output(event, prices)
    search = _charged(event.search_queries, "search", prices)
    request = _charged(1, "request", prices) if prices.rate("request") is not None else None
    parts = (_input(event, prices), output, reasoning, citation, search, request, read, write, lookup)
    return Computed(prices, *parts, sum(part for part in parts if part), saved)


def _input(event: UsageEvent, prices: PriceSet) -> int | None:
    """Everything that went in and was not cached. Without tokens, what was measured in their place."""
    tokens = event.input_tokens
    if not tokens:
        return None if event.output_tokens else _in_place_of_tokens(event, prices)
    left = tokens - (event.cache_read_tokens or 0) - (event.cache_write_tokens or 0)
    numerator = 0
    for count, meter in (
        (event.input_audio_tokens, "input_audio"),
        (event.input_image_tokens, "input_image"),
    ):
        if count and (rate := prices.rate(meter)) is not None:
            apart = min(count, left)
            numerator += apart * rate
            left -= apart
    if left:
        numerator += left * _rate("input", prices)
    return prices.rounded(numerator)


def _in_place_of_tokens(event: UsageEvent, prices: PriceSet) -> int | None:
    """Characters, seconds, pages, search units: a call that counts no tokens is billed by one of these."""
    meters = (
        (event.pages, "page"),
        (event.search_units, "search_unit"),
        (event.characters, "character"),
        (event.audio_ms, "audio_ms"),
        (event.video_ms, "video_ms"),
        (event.images, "image"),
        (event.total_tokens, "total_tokens"),
    )
    for count, meter in meters:
        if count:
            return prices.rounded(count * _rate(meter, prices))
    return None


def _output(event: UsageEvent, prices: PriceSet) -> tuple[int | None, int | None, int | None]:
    """Output, and reasoning and citations where they have rates of their own."""
    tokens = event.output_tokens
    if not tokens:
        return None, None, None
    left = tokens
    numerator = 0
    for count, meter in (
        (event.output_audio_tokens, "output_audio"),
        (event.output_image_tokens, "output_image"),
    ):
        if count and (rate := prices.rate(meter)) is not None:
            apart = min(count, left)
            numerator += apart * rate
            left -= apart
    reasoning = citation = None
    if event.reasoning_tokens and prices.rate("reasoning") is not None:
        apart = min(event.reasoning_tokens, left)
        reasoning = _charged(apart, "reasoning", prices)
        left -= apart
    if event.citation_tokens and prices.rate("citation") is not None:
        apart = min(event.citation_tokens, left)
        citation = _charged(apart, "citation", prices)
        left -= apart
    if left:
        numerator += left * _rate("output", prices)
    return prices.rounded(numerator), reasoning, citation


def _cached(event: UsageEvent, prices: PriceSet) -> tuple[int | None, int | None, int]:
    """Cache reads, cache writes, and what both saved against the plain input price."""
    reads, writes = event.cache_read_tokens or 0, event.cache_write_tokens or 0
    if not reads and not writes:
        return None, None, 0
    plain = _rate("input", prices)
    read_rate = prices.rate("cache_read")
    write_rate = prices.rate("cache_write")
    read_rate = plain if read_rate is None else read_rate
    write_rate = plain if write_rate is None else write_rate
    long_rate = prices.rate("cache_write_1h")
    hours = (event.cache_write_1h_tokens or 0) if long_rate is not None else 0
    read = reads * read_rate
    write = (writes - hours) * write_rate + hours * (long_rate or 0)
    saved = (reads + writes) * plain - read - write
    return (
        prices.rounded(read) if reads else None,
        prices.rounded(write) if writes else None,
        prices.rounded(saved),
    )


def _charged(count: int | None, meter: str, prices: PriceSet) -> int | None:
    return prices.rounded(count * _rate(meter, prices)) if count else None


def _rate(meter: str, prices: PriceSet) -> int:
    rate = prices.rate(meter)
    if rate is None:
        raise _NoRate(meter)
    return rate
