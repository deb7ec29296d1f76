"""The gateway's own cache: a replayed answer is free, a semantic hit costs the look-up that found it.

The cost that a source reports for a semantic hit is the cost of the look-up, and counts. A direct hit needs
no look-up: a cost reported for it can only be the cost of the replayed call, and does not count.
"""

from ingest.model.event import UsageEvent
from ingest.pricing.book import PriceBook
from ingest.pricing.charge import Charge
from ingest.pricing.compute import compute
from ingest.pricing.rates import Unpriced


def price(event: UsageEvent, book: PriceBook, at: int, believed: int | None, stated: int | None) -> Charge:
    """The charge of a cache hit.

    `stated` is the total that the source reports, `believed` the same if it counts.
    """
    saved = _saved(event, book, at)
    if event.cache_hit_type == "direct":
        return Charge(cost_source="free", total_cost=0, reported_total=stated, saved_cost=saved)
    charge = lookup_charge(event, book, at)
    computed_charge = charge if isinstance(charge, Charge) else None
    computed = computed_charge.total_cost if computed_charge else None
    if believed is None and charge is None:
        return Charge(cost_source="free", total_cost=0, reported_total=stated, saved_cost=saved)
    if believed is None and isinstance(charge, Unpriced):
        return Charge(
            cost_source="unpriced", unpriced_reason=charge.reason, reported_total=stated, saved_cost=saved
        )
    total = computed if believed is None else believed
    return Charge(
        cost_source="computed" if believed is None else "reported",
        price_set=computed_charge.price_set if believed is None and computed_charge else None,
        other_cost=total,
        total_cost=total,
        reported_total=stated,
        computed_total=computed,
        list_total=computed_charge.list_total if computed_charge else None,
        contracted_total=computed_charge.contracted_total if computed_charge else None,
        saved_cost=saved,
    )


def lookup_charge(event: UsageEvent, book: PriceBook, at: int) -> Charge | Unpriced | None:
    """The cost of embedding the request for the semantic cache; None where the call had no look-up."""
    tokens = event.cache_lookup_tokens
    if not tokens:
        return None
    embedding = lookup_call(event)
    if embedding is None:
        return Unpriced("the cache look-up names no model")
    charge = compute(embedding, book.find(embedding.provider, embedding.model, None, at, tokens), None)
    return Unpriced(f"cache look-up: {charge.reason}") if isinstance(charge, Unpriced) else charge


def lookup_call(event: UsageEvent) -> UsageEvent | None:
    """The look-up of the semantic cache as a call of its own; None without a look-up or without its model."""
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
    """The cost that the replayed call would have had, or None where it is unknown."""
    if not event.replayed_input_tokens and not event.replayed_output_tokens:
        return None
    has_model = event.model != "unknown"
    replayed_call = UsageEvent(
        source=event.source,
        provider=event.provider if has_model else event.cache_requested_provider or "unknown",
        model=event.model if has_model else event.cache_requested_model or "unknown",
        input_tokens=event.replayed_input_tokens,
        output_tokens=event.replayed_output_tokens,
        cache_read_tokens=event.replayed_cache_read_tokens,
        cache_write_tokens=event.replayed_cache_write_tokens,
        currency=event.currency,
    )
    prices = book.find(
        replayed_call.provider, replayed_call.model, event.service_tier, at, replayed_call.input_tokens or 0
    )
    charge = compute(replayed_call, prices, None)
    return None if isinstance(charge, Unpriced) else charge.total_cost
