"""Pricing: the cost of a call, and whether its reported or its computed cost counts.

A reported cost counts, unless a setting lets the computed cost count for its source. A reported 0 is not
believed unless the source vouches for it, because most sources write 0 for an unknown cost. Otherwise the
cost is computed from the price book; where that is impossible, the call is unpriced and carries the reason.
Where it is possible for a part of the usage only, the call is partly priced and carries the reason too. A
call that cannot cost anything (a failed call without billed usage, a listing of models) is free. The computed
total is kept beside a reported total, so that they can be compared.
"""

import re
from functools import lru_cache
from operator import attrgetter
from typing import Final

import msgspec

from ingest.model.event import ReportedCost, UsageEvent, billable_units
from ingest.model.money import LARGEST, MoneyError
from ingest.pricing import gateway_cache
from ingest.pricing.book import PriceBook
from ingest.pricing.charge import Charge
from ingest.pricing.compute import compute, tokens_of
from ingest.pricing.matching import image_names
from ingest.pricing.rates import PriceSet, Unpriced

_NEVER_BILLED: Final = re.compile(
    r"list_models|count_tokens|responses_input_items|file_\w+|container_\w+|cached_content_\w+"
    r"|batch_(create|list|retrieve|cancel|delete)|\w+_(retrieve|retrieve_stream|delete|list|cancel|download)"
)
"""Request types that move no tokens through a model."""

_NO_USAGE: Final = Unpriced("the response has no usage")

_parts_of = attrgetter(
    *(name for name in ReportedCost.__struct_fields__ if name not in {"total", "believed_zero"})
)
_counts_of = attrgetter(
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "search_queries",
    "audio_ms",
    "video_ms",
    "characters",
    "images",
    "pages",
    "search_units",
)


def price(event: UsageEvent, book: PriceBook, at: int) -> Charge:
    """The charge of a call at the instant `at` (microseconds UTC).

    Raises:
        ingest.model.money.MoneyError: the cost is larger than one event can have.
    """
    reported = event.reported
    believed = None if reported is None else _believed_total(reported)
    if event.cache_hit:
        return gateway_cache.price(event, book, at, believed, _stated_total(reported))
    bills = is_billable(event)
    if believed is not None and reported is not None:
        computed = _whole(_computed(event, book, at)) if bills else _NO_USAGE
        if isinstance(computed, Charge) and book.counts_computed(event.source):
            return msgspec.structs.replace(computed, reported_total=believed)
        return _reported(reported, believed, computed)
    if not bills and _is_free(event):
        return Charge(cost_source="free", total_cost=0, reported_total=_stated_total(reported))
    charge = _computed(event, book, at) if bills else _NO_USAGE
    if isinstance(charge, Unpriced):
        return Charge(
            cost_source="unpriced", unpriced_reason=charge.reason, reported_total=_stated_total(reported)
        )
    return (
        charge
        if reported is None
        else msgspec.structs.replace(charge, reported_total=_stated_total(reported))
    )


def prices_of(event: UsageEvent, book: PriceBook, at: int, tokens: int | None = None) -> PriceSet | Unpriced:
    """The prices of a call. `tokens` replaces its input tokens in the choice of the context band.

    Images counted without tokens have the price of their size and quality, if that is listed.
    """
    if event.images and not tokens_of(event):
        for name in image_names(event.model, event.image_size, event.image_quality):
            prices = _find_prices(event, book, name, at, 0)
            if isinstance(prices, PriceSet) and "image" in prices.by_meter:
                return prices
    return _find_prices(event, book, event.model, at, event.input_tokens or 0 if tokens is None else tokens)


def _find_prices(event: UsageEvent, book: PriceBook, model: str, at: int, tokens: int) -> PriceSet | Unpriced:
    return book.find(
        event.provider, model, event.service_tier, at, tokens, event.region, event.team, event.customer
    )


def _computed(event: UsageEvent, book: PriceBook, at: int) -> Charge | Unpriced:
    prices = prices_of(event, book, at)
    return compute(
        event, prices, gateway_cache.lookup_charge(event, book, at) if event.cache_lookup_tokens else None
    )


def _whole(charge: Charge | Unpriced) -> Charge | Unpriced:
    """The charge if it holds all of the usage: a part of a cost is no match for a reported cost."""
    if isinstance(charge, Charge) and charge.is_partly_priced:
        return Unpriced(charge.unpriced_reason or "")
    return charge


def is_billable(event: UsageEvent) -> bool:
    """Whether the call has usage that is billed. Counting tokens beforehand is not billed."""
    if event.request_type == "count_tokens":
        return False
    return bool(event.input_tokens or event.output_tokens or billable_units(event))


def _is_free(event: UsageEvent) -> bool:
    """Whether a call without billable usage is free. Otherwise its usage is only missing."""
    return (
        event.status != "success"
        or _is_never_billed(event.request_type)
        or any(count is not None for count in _counts_of(event))
    )


@lru_cache(maxsize=1024)
def _is_never_billed(request_type: str) -> bool:
    return _NEVER_BILLED.fullmatch(request_type) is not None


def _stated_total(reported: ReportedCost | None) -> int | None:
    """The total that the source states, else the sum of its parts; None where it states neither."""
    if reported is None or reported.total is not None:
        return None if reported is None else reported.total
    parts = [part for part in _parts_of(reported) if part is not None]
    return _require_storable(sum(parts)) if parts else None


def _require_storable(pico: int) -> int:
    if abs(pico) > LARGEST:
        raise MoneyError("the reported cost is larger than one event can cost")
    return pico


def _believed_total(reported: ReportedCost) -> int | None:
    """The stated total, if it is believed: a 0 only where the source vouches for it."""
    total = _stated_total(reported)
    return total or (0 if reported.believed_zero else None)


def _reported(reported: ReportedCost, total: int, computed: Charge | Unpriced) -> Charge:
    """The charge with the reported cost. The part of its total beyond its components goes to `other`."""
    beyond = total - sum(filter(None, _parts_of(reported)))
    other = reported.other if not beyond else _require_storable((reported.other or 0) + beyond)
    computed_charge = None if isinstance(computed, Unpriced) else computed
    return Charge(
        cost_source="reported",
        price_set=computed_charge.price_set if computed_charge else None,
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
        computed_total=computed_charge.total_cost if computed_charge else None,
        list_total=computed_charge.list_total if computed_charge else None,
        contracted_total=computed_charge.contracted_total if computed_charge else None,
        saved_cost=computed_charge.saved_cost if computed_charge else None,
    )
