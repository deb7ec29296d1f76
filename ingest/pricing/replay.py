"""The gateway's own cache: a replayed answer is free, a semantic hit costs the look-up that found it.

What a source reports of a semantic hit is the cost of the look-up and is kept. A direct hit looks nothing up: what is
reported of it can only be the cost of the call that is replayed, and is not kept.
"""

from ingest.event import UsageEvent
from ingest.pricing.book import PriceBook
from ingest.pricing.charge import Charge
from ingest.pricing.computed import compute
from ingest.pricing.rates import Unpriced


def price(event: UsageEvent, book: PriceBook, at: int, told: int | None, stated: int | None) -> Charge:
    """The charge of a cache hit. `stated` is what the source reports, `told` that where it is believed."""
    saved = _saved(event, book, at)
    if event.cache_hit_type == "direct":
        return Charge(cost_source="free", total_cost=0, reported_total=stated, saved_cost=saved)
    found = lookup(event, book, at)
    mine = found if isinstance(found, Charge) else None
    computed = mine.total_cost if mine else None
    if told is None and found is None:
        return Charge(cost_source="free", total_cost=0, reported_total=stated, saved_cost=saved)
    if told is None and isinstance(found, Unpriced):
        return Charge(
            cost_source="unpriced", unpriced_reason=found.reason, reported_total=stated, saved_cost=saved
        )
    total = computed if told is None else told
    return Charge(
        cost_source="computed" if told is None else "reported",
        price_set=mine.price_set if told is None and mine else None,
        other_cost=total,
        total_cost=total,
        reported_total=stated,
        computed_total=computed,
        list_total=mine.list_total if mine else None,
        contracted_total=mine.contracted_total if mine else None,
        saved_cost=saved,
    )


def lookup(event: UsageEvent, book: PriceBook, at: int) -> Charge | Unpriced | None:
    """What the semantic cache spent on embedding the question; None where it did not."""
    tokens = event.cache_lookup_tokens
    if not tokens:
        return None
    embedding = looked_up(event)
    if embedding is None:
        return Unpriced("the cache look-up names no model")
    charge = compute(embedding, book.find(embedding.provider, embedding.model, None, at, tokens), None)
    return Unpriced(f"cache look-up: {charge.reason}") if isinstance(charge, Unpriced) else charge


def looked_up(event: UsageEvent) -> UsageEvent | None:
    """The look-up of the semantic cache as a call of its own; None where there was none or it names no model."""
    if not event.cache_lookup_tokens or event.cache_used_model is None:
        return None
    return UsageEvent(
        source=event.source,
        provider=event.cache_used_provider or "unknown",
        model=event.cache_used_model,
        input_tokens=event.cache_lookup_tokens,
        currency=event.currency,
    )


def _saved(event: UsageEvent, book: PriceBook, at: int) -> int | None:
    """What the replayed call would have cost, where that is known."""
    if not event.replayed_input_tokens and not event.replayed_output_tokens:
        return None
    known = event.model != "unknown"
    asked = UsageEvent(
        source=event.source,
        provider=event.provider if known else event.cache_requested_provider or "unknown",
        model=event.model if known else event.cache_requested_model or "unknown",
        input_tokens=event.replayed_input_tokens,
        output_tokens=event.replayed_output_tokens,
        cache_read_tokens=event.replayed_cache_read_tokens,
        cache_write_tokens=event.replayed_cache_write_tokens,
        currency=event.currency,
    )
    prices = book.find(asked.provider, asked.model, event.service_tier, at, asked.input_tokens or 0)
    charge = compute(asked, prices, None)
    return None if isinstance(charge, Unpriced) else charge.total_cost
