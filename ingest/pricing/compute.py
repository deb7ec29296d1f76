"""The computed cost: quantities times rates, in exclusive components, each rounded once.

* Tokens of a kind without a rate of its own are charged as the kind that contains them: audio, images and
  cached tokens as input, reasoning and citations as output. No token is charged twice: cached audio and
  images have rates of the cache where usage says how many are cached; else cached tokens are charged as text.
* Characters, seconds, pages, images and search units are charged where they have a rate. Without a rate, they
  leave the call priced only if its tokens count the same content. Tokens without a rate leave the call priced
  only if the model is sold by such a measure.
* A count that has no rate and needs one is missing: unknown is never zero. If other counts have rates, the
  call is partly priced: its cost is the sum of the rest, and the charge says what is missing. If no count has
  a rate, the call is unpriced.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from ingest.model.event import UsageEvent
from ingest.model.money import LARGEST, MoneyError
from ingest.pricing.charge import Charge
from ingest.pricing.rates import CONTAINED_IN, MissingPrice, PriceSet, Unpriced

UNSTATED: Final = "USD"
"""The currency of events whose source states no cost. Their computed cost is in the currency of the
prices."""


def tokens_of(event: UsageEvent) -> int:
    """Input and output tokens together."""
    return (event.input_tokens or 0) + (event.output_tokens or 0)


MEASURES: Final[tuple[tuple[str, Mapping[str, str], Callable[[UsageEvent], int | None]], ...]] = (
    ("characters", {"character": "input_cost"}, attrgetter("input_tokens")),
    ("pages", {"page": "input_cost"}, attrgetter("input_tokens")),
    ("audio_ms", {"input_audio_ms": "input_cost", "audio_ms": "other_cost"}, tokens_of),
    ("video_ms", {"video_ms": "output_cost"}, attrgetter("output_tokens")),
    ("images", {"image": "output_cost"}, attrgetter("output_tokens")),
    ("search_units", {"search_unit": "other_cost"}, tokens_of),
)
"""Counts other than tokens: the meters that can price each and their component, and the tokens of the same
content."""


def meter_without_price(meters: Iterable[str]) -> str:
    """The meter that is missing where none of the meters that can price a count has a price."""
    return [*meters][-1]


METERS_WITH_MINIMUM: Final = frozenset(meter for _, meters, _ in MEASURES for meter in meters)
"""Meters that can have a least billed quantity. Token meters have none."""


def compute(
    event: UsageEvent, prices: PriceSet | Unpriced, lookup: Charge | Unpriced | None
) -> Charge | Unpriced:
    """The cost of a call at `prices` and of the cache look-up before it, or the reason why it is unpriced.

    Raises:
        MoneyError: the cost is larger than one event can have.
    """
    if isinstance(prices, Unpriced):
        return prices
    if event.currency != prices.currency and (event.reported is not None or event.currency != UNSTATED):
        return Unpriced(f"no price in {event.currency} for {prices.provider}/{prices.model}")
    amounts: dict[str, int] = {}
    missing: list[str] = []
    saved = _add_all(event, prices, amounts, missing)
    reason = missing_text(missing, prices) if missing else None
    if reason and not amounts:
        return Unpriced(reason)
    if isinstance(lookup, Unpriced):
        if not amounts:
            return lookup
        return _charge(prices, amounts, saved, None, reason or lookup.reason)
    return _charge(prices, amounts, saved, lookup, reason)


def missing_text(meters: Sequence[str], prices: PriceSet) -> str:
    """The reason that meters without a price give."""
    word = "meter" if len(meters) == 1 else "meters"
    return f"no price for the {word} {' and '.join(meters)} of {prices.provider}/{prices.model}"


def _add_all(event: UsageEvent, prices: PriceSet, amounts: dict[str, int], missing: list[str]) -> int:
    """Add the cost of every count, and the meters without a price to `missing`. Returns the saving."""
    saved = 0
    measured = _add_measures(event, prices, amounts, missing)
    if not measured or "input" in prices.by_meter or "output" in prices.by_meter:
        try:
            saved = _add_input(event, prices, amounts)
        except MissingPrice as meter:
            missing.append(str(meter))
        try:
            _add_output(event, prices, amounts)
        except MissingPrice as meter:
            missing.append(str(meter))
    _add_fees(event, prices, amounts, missing)
    if prices.steps:
        _add_steps(event, prices, amounts, missing)
    return saved


def _charge(
    prices: PriceSet, amounts: dict[str, int], saved: int, lookup: Charge | None, reason: str | None
) -> Charge:
    costs: dict[str, Any] = amounts
    if prices.denominator != 1 or prices.terms:
        costs = {component: prices.charged.of(amount) for component, amount in amounts.items()}
        saved = prices.charged.of(saved)
    listed = contracted = total = sum(costs.values())
    if prices.terms:
        listed = prices.listed(amounts.values())
        if prices.contracted != prices.charged:
            contracted = sum([prices.contracted.of(amount) for amount in amounts.values()])
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
        unpriced_reason=reason,
        price_set=prices.digest,
        total_cost=total,
        computed_total=total,
        list_total=listed,
        contracted_total=contracted,
        saved_cost=saved,
        **costs,
    )


def _add_input(event: UsageEvent, prices: PriceSet, amounts: dict[str, int]) -> int:
    """Add the cost of the input.

    Returns the saving by the provider's cache, less the surcharge for cache writes.
    """
    tokens = event.input_tokens
    if not tokens:
        return 0
    rates = prices.numerators
    input_rate = rates["input"]
    reads, writes = event.cache_read_tokens, event.cache_write_tokens
    saved = audio_read = images_read = 0
    if reads:
        audio_read, images_read = event.cache_read_audio_tokens or 0, event.cache_read_image_tokens or 0
        read = (reads - audio_read - images_read) * rates["cache_read"]
        if audio_read or images_read:
            read += audio_read * rates["cache_read_audio"] + images_read * rates["cache_read_image"]
        amounts["cache_read_cost"] = read
        saved = reads * input_rate - read
        tokens -= reads
    if writes:
        for_1h, for_12h = event.cache_write_1h_tokens or 0, event.cache_write_12h_tokens or 0
        write = (writes - for_1h - for_12h) * rates["cache_write"] + for_1h * rates["cache_write_1h"]
        if for_12h:
            write += for_12h * rates["cache_write_12h"]
        amounts["cache_write_cost"] = write
        saved += writes * input_rate - write
        tokens -= writes
    amounts["input_cost"] = amounts.get("input_cost", 0) + tokens * input_rate
    audio, images = event.input_audio_tokens, event.input_image_tokens
    if audio or images:
        audio = min(max((audio or 0) - audio_read, 0), tokens)
        images = min(max((images or 0) - images_read, 0), tokens - audio)
        amounts["input_cost"] += audio * (rates["input_audio"] - input_rate) + images * (
            rates["input_image"] - input_rate
        )
    return saved


def _add_output(event: UsageEvent, prices: PriceSet, amounts: dict[str, int]) -> None:
    """Add the cost of the output. Reasoning and citations are separate where they have rates of their own."""
    tokens = event.output_tokens
    if not tokens:
        return
    rates = prices.numerators
    output_rate = rates["output"]
    measured = amounts.get("output_cost", 0)
    audio, images = event.output_audio_tokens, event.output_image_tokens
    if audio or images:
        audio = min(audio or 0, tokens)
        images = min(images or 0, tokens - audio)
        measured += audio * rates["output_audio"] + images * rates["output_image"]
        tokens -= audio + images
    if event.reasoning_tokens and "reasoning" in prices.by_meter:
        reasoning = min(event.reasoning_tokens, tokens)
        amounts["reasoning_cost"] = reasoning * rates["reasoning"]
        tokens -= reasoning
    if event.citation_tokens and "citation" in prices.by_meter:
        citations = min(event.citation_tokens, tokens)
        amounts["citation_cost"] = citations * rates["citation"]
        tokens -= citations
    amounts["output_cost"] = measured + tokens * output_rate


def _add_fees(event: UsageEvent, prices: PriceSet, amounts: dict[str, int], missing: list[str]) -> None:
    """Add fees counted per call: searches, the request itself, and tool calls where they have a price."""
    if event.search_queries:
        if "search" in prices.by_meter:
            amounts["search_cost"] = event.search_queries * prices.numerators["search"]
        else:
            missing.append("search")
    if "request" in prices.by_meter:
        amounts["request_cost"] = prices.numerators["request"]
    if event.tool_calls and "tool_call" in prices.by_meter:
        amounts["tool_cost"] = event.tool_calls * prices.numerators["tool_call"]


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
"""Meters that can have marginal prices: the component of each, and its quantity in a call."""

MARGINAL: Final = frozenset(STEPPED)
"""Meters that can have marginal prices."""


def _cached(event: UsageEvent) -> int:
    return (event.cache_read_tokens or 0) + (event.cache_write_tokens or 0)


def _add_steps(event: UsageEvent, prices: PriceSet, amounts: dict[str, int], missing: list[str]) -> None:
    """Add the difference of each marginal price to the price below it, for the units above its start."""
    before: dict[str, int] = {}
    for step, numerator in zip(prices.steps, prices.step_numerators, strict=True):
        component, count = STEPPED[step.meter]
        beyond = (count(event) or 0) - step.above
        needed = CONTAINED_IN[step.meter] or step.meter  # cached tokens are input, and need a price of input
        if beyond > 0 and needed not in prices.numerators:
            if needed not in missing:
                missing.append(needed)
        elif beyond > 0:
            lower = before.get(step.meter, prices.numerators[step.meter])
            amounts[component] = amounts.get(component, 0) + beyond * (numerator - lower)
        before[step.meter] = numerator


def _add_measures(event: UsageEvent, prices: PriceSet, amounts: dict[str, int], missing: list[str]) -> bool:
    """Add the cost of counts other than tokens. Returns whether any was added."""
    if not (
        event.characters
        or event.pages
        or event.audio_ms
        or event.video_ms
        or event.images
        or event.search_units
    ):
        if event.total_tokens and not tokens_of(event):
            missing.append("total_tokens")
        return False
    for name, meters, same_content in MEASURES:
        count = getattr(event, name)
        if not count:
            continue
        meter = next((candidate for candidate in meters if candidate in prices.by_meter), None)
        if meter is not None:
            component = meters[meter]
            billed = max(count, prices.by_meter[meter].least)
            amounts[component] = amounts.get(component, 0) + billed * prices.numerators[meter]
        elif not same_content(event):
            missing.append(meter_without_price(meters))
    return bool(amounts)
