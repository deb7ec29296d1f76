"""Pricing: what a call costs, and whose word for it counts.

A reported cost is kept. A reported 0 for something billable is not believed, because most sources write 0 where they do
not know. Otherwise the cost is computed from the price book, and where that cannot be done the call is unpriced and
says why. What cannot cost anything (a failed call without billed usage, a replayed answer, a listing of models) is free.
The computed total stands beside a reported one, so that the two can be compared.
"""

import re
from typing import Final

from ingest.event import ReportedCost, UsageEvent, billable_units
from ingest.pricing.book import PriceBook, Unpriced
from ingest.pricing.charge import Charge
from ingest.pricing.computed import Computed, compute

_NEVER_BILLED: Final = re.compile(
    r"list_models|count_tokens|responses_input_items|file_\w+|container_file_\w+|cached_content_\w+"
    r"|batch_(create|list|retrieve|cancel|delete)|\w+_(retrieve|retrieve_stream|delete|list|cancel|download)"
)
"""Request types that move no tokens through a model. Rows of these without usage are free."""

NO_USAGE: Final = Unpriced("the response has no usage")


def price(event: UsageEvent, book: PriceBook, at: int) -> Charge:
    """The charge of a call at the instant `at` (microseconds UTC).

    Raises:
        ingest.money.MoneyError: it would cost more than one event can.
    """
    if event.cache_hit:
        return _hit(event, book, at)
    reported = event.reported
    if not billable_units(event) and (reported is None or not reported.total):
        return _without_usage(event, reported)
    found = book.find(event.provider, event.model, event.service_tier, at, event.input_tokens or 0)
    computed = compute(event, found, _lookup(event, book, at))
    if reported is not None and _believed(reported):
        return _reported(reported, computed)
    return _computed(computed, reported)


def _without_usage(event: UsageEvent, reported: ReportedCost | None) -> Charge:
    """A call that moved nothing billable: free where that can be, unpriced where usage is just missing."""
    nothing_counted = (
        event.input_tokens is None and event.output_tokens is None and event.total_tokens is None
    )
    vouched = reported is not None and reported.believed_zero
    if (
        event.status != "success"
        or vouched
        or not nothing_counted
        or _NEVER_BILLED.fullmatch(event.request_type)
    ):
        return Charge(cost_source="free", total_cost=0, reported_total=reported.total if reported else None)
    return Charge(cost_source="unpriced", unpriced_reason=NO_USAGE.reason)


def _believed(reported: ReportedCost) -> bool:
    total = reported.total if reported.total is not None else sum(_parts(reported))
    return total != 0 or reported.believed_zero


def _parts(reported: ReportedCost) -> list[int]:
    return [
        part or 0
        for part in (
            reported.input,
            reported.output,
            reported.reasoning,
            reported.citation,
            reported.search,
            reported.request,
            reported.cache_read,
            reported.cache_write,
            reported.tool,
            reported.other,
        )
    ]


def _reported(reported: ReportedCost, computed: Computed | Unpriced) -> Charge:
    """The source's word counts. What its total holds beyond its parts goes to `other`."""
    parts = sum(_parts(reported))
    total = reported.total if reported.total is not None else parts
    beyond = total - parts
    other = reported.other if not beyond else (reported.other or 0) + beyond
    mine = computed if isinstance(computed, Computed) else None
    return Charge(
        cost_source="reported",
        input_cost=reported.input,
        output_cost=reported.output,
        reasoning_cost=reported.reasoning,
        citation_cost=reported.citation,
        search_cost=reported.search,
        request_cost=reported.request,
        cache_read_cost=reported.cache_read,
        cache_write_cost=reported.cache_write,
        tool_cost=reported.tool,
        other_cost=other,
        total_cost=total,
        reported_total=total,
        computed_total=mine.total if mine else None,
        list_total=mine.total if mine else None,
        contracted_total=mine.total if mine else None,
        saved_cost=mine.saved if mine else None,
    )


def _computed(computed: Computed | Unpriced, reported: ReportedCost | None) -> Charge:
    stated = reported.total if reported else None
    if isinstance(computed, Unpriced):
        return Charge(cost_source="unpriced", unpriced_reason=computed.reason, reported_total=stated)
    return Charge(
        cost_source="computed",
        price_set=computed.prices.digest,
        input_cost=computed.input,
        output_cost=computed.output,
        reasoning_cost=computed.reasoning,
        citation_cost=computed.citation,
        search_cost=computed.search,
        request_cost=computed.request,
        cache_read_cost=computed.cache_read,
        cache_write_cost=computed.cache_write,
        other_cost=computed.other,
        total_cost=computed.total,
        reported_total=stated,
        computed_total=computed.total,
        list_total=computed.total,
        contracted_total=computed.total,
        saved_cost=computed.saved,
    )


def _hit(event: UsageEvent, book: PriceBook, at: int) -> Charge:
    """A replayed answer is free; a semantic hit costs the look-up that found it."""
    saved = _saved_by_hit(event, book, at)
    stated = event.reported.total if event.reported else None
    if stated:
        return Charge(
            cost_source="reported",
            other_cost=stated,
            total_cost=stated,
            reported_total=stated,
            saved_cost=saved,
        )
    lookup = _lookup(event, book, at) if event.cache_hit_type == "semantic" else None
    if lookup is None:
        return Charge(cost_source="free", total_cost=0, reported_total=stated, saved_cost=saved)
    if isinstance(lookup, Unpriced):
        return Charge(
            cost_source="unpriced", unpriced_reason=lookup.reason, reported_total=stated, saved_cost=saved
        )
    return Charge(
        cost_source="computed",
        other_cost=lookup,
        total_cost=lookup,
        reported_total=stated,
        computed_total=lookup,
        list_total=lookup,
        contracted_total=lookup,
        saved_cost=saved,
    )


def _saved_by_hit(event: UsageEvent, book: PriceBook, at: int) -> int | None:
    """What the replayed call would have cost, where that is known."""
    if not event.replayed_input_tokens and not event.replayed_output_tokens:
        return None
    asked = UsageEvent(
        source=event.source,
        provider=event.cache_requested_provider or event.provider,
        model=event.model,
        input_tokens=event.replayed_input_tokens,
        output_tokens=event.replayed_output_tokens,
        cache_read_tokens=event.replayed_cache_read_tokens,
        cache_write_tokens=event.replayed_cache_write_tokens,
    )
    found = book.find(asked.provider, asked.model, event.service_tier, at, asked.input_tokens or 0)
    computed = compute(asked, found, None)
    return computed.total if isinstance(computed, Computed) else None


def _lookup(event: UsageEvent, book: PriceBook, at: int) -> int | Unpriced | None:
    """What the gateway's semantic cache spent on embedding the question; None where it did not."""
    tokens = event.cache_lookup_tokens
    if not tokens:
        return None
    provider, model = event.cache_used_provider, event.cache_used_model
    if model is None:
        return Unpriced("the cache look-up names no model")
    found = book.find(provider or "unknown", model, None, at, tokens)
    if isinstance(found, Unpriced):
        return Unpriced(f"cache look-up: {found.reason}")
    rate = found.rate("input")
    if rate is None:
        return Unpriced(f"cache look-up: no input price for {found.provider}/{found.model}")
    return found.rounded(tokens * rate)
